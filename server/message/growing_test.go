package message

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// readAll reads a follower to its end, in parts of at most n bytes, waiting for
// its waker in between.
func readAll(f *Follower, n int) ([]byte, error) {
	woken := make(chan struct{}, 1)
	f.Attach(func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	var all []byte
	for {
		var part Part
		all, part = f.Next(all, n)
		switch {
		case part.Err != nil:
			return all, part.Err
		case part.End:
			return all, nil
		case part.N == 0 && !part.More:
			<-woken
		}
	}
}

// TestGrowing: every follower reads all of it, from the beginning, however late
// it joined and in whatever parts it reads.
func TestGrowing(t *testing.T) {
	for _, length := range []int64{-1, 10_000} {
		t.Run(fmt.Sprint("length ", length), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := NewGrowing(length, 1<<20)
				var want []byte
				var all sync.WaitGroup
				for i := range 100 {
					all.Go(func() {
						time.Sleep(time.Duration(i) * time.Millisecond)
						f := g.Follow()
						defer f.Close()
						if got, err := readAll(f, 1+i*7); err != nil || !bytes.Equal(got, want) {
							t.Errorf("follower %d read %d bytes, %v", i, len(got), err)
						}
					})
				}
				for i := range 100 {
					part := bytes.Repeat([]byte{byte(i)}, 100)
					want = append(want, part...)
					if err := g.Append(t.Context(), part); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Millisecond / 2)
				}
				g.End(nil)
				all.Wait()
				if body, ok := g.Held(); !ok || !bytes.Equal(body, want) {
					t.Errorf("the whole is %d bytes, %v", len(body), ok)
				}
				if length > 0 && cap(g.held) != int(length) {
					t.Errorf("%d bytes of memory for %d that were announced", cap(g.held), length)
				}
				if n := g.Followers(); n != 0 {
					t.Errorf("%d followers after all have left", n)
				}
			})
		})
	}
}

// TestGrowingWakesAtOnce: what is appended reaches a waiting follower without a
// delay, and a waker is called once until the follower reads.
func TestGrowingWakesAtOnce(t *testing.T) {
	g := NewGrowing(-1, 1<<20)
	f := g.Follow()
	calls := 0
	f.Attach(func() { calls++ })
	if calls != 0 {
		t.Error("woken for nothing")
	}
	_ = g.Append(t.Context(), []byte("a"))
	_ = g.Append(t.Context(), []byte("b"))
	if calls != 1 {
		t.Errorf("%d wakes for two parts before a read, want 1", calls)
	}
	if got, part := f.Next(nil, 1); string(got) != "a" || !part.More || part.End {
		t.Errorf("%q, %+v", got, part)
	}
	if more, ends := f.Ready(); !more || ends {
		t.Errorf("ready: %v, %v", more, ends)
	}
	_, _ = f.Next(nil, 10)
	_ = g.Append(t.Context(), []byte("c"))
	if calls != 2 {
		t.Errorf("%d wakes, want 2", calls)
	}
	trailers := []hpack.Field{{Name: "x", Value: "y"}}
	g.End(trailers)
	if got, part := f.Next(nil, 10); string(got) != "c" || !part.End || len(part.Trailers) != 1 {
		t.Errorf("%q, %+v", got, part)
	}
	late := g.Follow()
	calls = 0
	late.Attach(func() { calls++ })
	if calls != 1 {
		t.Error("not woken for what was there before")
	}
}

// TestGrowingFails: what came before the failure is read, then the failure, which
// is an incomplete content's.
func TestGrowingFails(t *testing.T) {
	broken := errors.New("broken")
	g := NewGrowing(100, 1<<20)
	f := g.Follow()
	_ = g.Append(t.Context(), []byte("part"))
	g.Fail(broken)
	g.End(nil) // too late
	if got, part := f.Next(nil, 2); string(got) != "pa" || part.Err != nil || part.End {
		t.Errorf("%q, %+v", got, part)
	}
	if got, part := f.Next(nil, 10); string(got) != "rt" || !errors.Is(part.Err, ErrIncomplete) || !errors.Is(part.Err, broken) {
		t.Errorf("%q, %+v", got, part)
	}
	if _, ok := g.Held(); ok {
		t.Error("an incomplete content is whole")
	}
	ended := NewGrowing(-1, 10)
	ended.End(nil)
	ended.Fail(broken)
	if _, part := ended.Follow().Next(nil, 1); part.Err != nil || !part.End {
		t.Errorf("a complete content failed: %+v", part)
	}
}

// TestGrowingBeyondItsLimit: no more than the limit is held, the writer is as
// fast as the slowest follower, and no other can join.
func TestGrowingBeyondItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 1000
		g := NewGrowing(-1, limit)
		slow, fast := g.Follow(), g.Follow()
		fast.Attach(func() {})
		slow.Attach(func() {})
		var written int
		var appended sync.WaitGroup
		appended.Go(func() {
			for range 50 {
				if err := g.Append(t.Context(), make([]byte, 100)); err != nil {
					t.Error(err)
				}
				written += 100
			}
			g.End(nil)
		})
		synctest.Wait()
		if written != limit {
			t.Fatalf("%d bytes written ahead of a follower that reads nothing, want %d", written, limit)
		}
		_, _ = fast.Next(nil, 1<<20)
		synctest.Wait()
		if written != limit {
			t.Fatalf("%d bytes written: the fast follower makes no room", written)
		}
		_, _ = slow.Next(nil, 250)
		synctest.Wait()
		if written != limit+200 {
			t.Fatalf("%d bytes written after 250 were read, want %d", written, limit+200)
		}
		if g.Follow() != nil {
			t.Error("a follower joined after the beginning was gone")
		}
		slow.Close() // and with it what holds back
		for read := 0; read < 4000; {
			_, part := fast.Next(nil, 1<<20)
			read += part.N
			synctest.Wait()
		}
		appended.Wait()
		if _, ok := g.Held(); ok {
			t.Error("a content of which the beginning is gone is whole")
		}
	})
}

// TestGrowingGivesUp: a writer that waits for a follower ends with its context.
func TestGrowingGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGrowing(-1, 10)
		g.Follow()
		enough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(enough) })
		if err := g.Append(ctx, make([]byte, 11)); !errors.Is(err, enough) {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestGrowingRace has readers come, read and leave while it grows.
func TestGrowingRace(t *testing.T) {
	g := NewGrowing(-1, 64<<10)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for {
				f := g.Follow()
				if f == nil {
					return
				}
				f.Attach(func() {})
				for range i {
					_, part := f.Next(nil, 1000)
					if part.End {
						f.Close()
						return
					}
				}
				f.Close()
			}
		})
	}
	for range 1000 {
		if err := g.Append(t.Context(), make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	g.End(nil)
	all.Wait()
}

// TestGrowingWakesForTheEnd: what is appended while a reader waits for the lock is
// read by it, and the wake for it finds nothing. The end that follows needs one of
// its own.
func TestGrowingWakesForTheEnd(t *testing.T) {
	g := NewGrowing(1, 1)
	f := g.Follow()
	woken := make(chan struct{}, 4)
	f.Attach(func() { woken <- struct{}{} })
	read := make(chan Part)
	f.notified.Store(true)
	g.mu.Lock()
	go func() {
		_, part := f.Next(nil, 10)
		read <- part
	}()
	time.Sleep(20 * time.Millisecond) // it waits for the lock
	if !f.notified.Load() {
		t.Error("the reader takes what was said before for read, without the lock")
	}
	g.held = append(g.held, 'x')
	f.notified.Store(false) // as if nothing had been said
	g.wake()
	g.mu.Unlock()
	if part := <-read; part.N != 1 || part.End {
		t.Fatalf("read %+v, want one byte", part)
	}
	<-woken
	if more, ends := f.Ready(); more || ends {
		t.Fatal("there is more to read")
	}
	g.End(nil)
	select {
	case <-woken:
	default:
		t.Error("the end is there, and the reader is not woken")
	}
}
