package edge

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// staged is an origin whose answer has a head after a second, and ten parts of a
// second each.
func staged(control string, length int64) script {
	return func(_ int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
		if err := sink.Inform(103, nil); err != nil {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		if err := sink.Inform(103, nil); err != nil {
			return err
		}
		if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", control), Length: length}); err != nil {
			return err
		}
		for range 10 {
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
			if _, err := sink.Write([]byte("part")); err != nil {
				return err
			}
			if err := sink.Flush(); err != nil {
				return err
			}
		}
		return sink.End(nil)
	}
}

// TestLeaving: a client that leaves takes no other with it; when all have left,
// the fetch ends.
func TestLeaving(t *testing.T) {
	const never = 0
	for _, tt := range []struct {
		about    string
		control  string
		length   int64
		leave    []int // half seconds after which each client leaves; 0: it stays
		fetches  int
		canceled uint64
		stored   bool
	}{
		{"the leader leaves before the head", fresh, 40, []int{1, never, never}, 1, 0, true},
		{"the leader leaves in the body", fresh, 40, []int{7, never}, 1, 0, true},
		{"the leader leaves a body of unknown length", fresh, -1, []int{7, never}, 1, 0, true},
		{"a follower leaves", fresh, 40, []int{never, 7, 1}, 1, 0, true},
		{"all leave before the head", fresh, 40, []int{1, 1, 1}, 1, 1, false},
		{"all leave in the body", fresh, 40, []int{7, 9, 5}, 1, 1, false},
		{"the leader last, in the body", fresh, 40, []int{9, 5}, 1, 1, false},
		{"the leader leaves before a head that is private: the others ask", "private", 40, []int{1, never, never}, 3, 1, false},
		{"the leader leaves in its private body", "private", 40, []int{7, never}, 2, 1, false},
		{"one alone leaves its private body", "private", -1, []int{8}, 1, 1, false},
	} {
		t.Run(tt.about, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{}, staged(tt.control, tt.length))
				clients := make([]*client, len(tt.leave))
				for i, after := range tt.leave {
					clients[i] = r.begin("GET", "/a")
					synctest.Wait() // the first one leads
					if after != never {
						time.AfterFunc(time.Duration(after)*time.Second/2, clients[i].leave)
					}
				}
				for i, c := range clients {
					c.wait()
					if tt.leave[i] == never && (c.text() != strings.Repeat("part", 10) || c.broken != nil) {
						t.Errorf("client %d stayed and has %q, %v", i, c.text(), c.broken)
					}
				}
				r.gone.Wait()
				synctest.Wait()
				if n := r.origin.count(); n != tt.fetches {
					t.Errorf("%d fetches, want %d", n, tt.fetches)
				}
				if n := r.metrics.OriginFetches.Value(metrics.FetchCanceled); n != tt.canceled {
					t.Errorf("%d fetches canceled, want %d", n, tt.canceled)
				}
				if r.log.Len() != 0 {
					t.Errorf("log %q", r.log)
				}
				r.mu.Lock()
				flights := len(r.flights)
				r.mu.Unlock()
				if flights != 0 {
					t.Errorf("%d flights go on", flights)
				}
				if hit := r.begin("GET", "/a"); tt.stored {
					if hit.wait(); !hit.hit {
						t.Error("not stored")
					}
				} else {
					time.Sleep(time.Second / 2)
					if hit.leave(); hit.wait().hit {
						t.Error("stored")
					}
				}
			})
		})
	}
}

// TestGoneBeforeTheFetch: what a client has given up before its turn came is not
// asked for, and keeps no other client waiting.
func TestGoneBeforeTheFetch(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "POST"} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, staged(fresh, 40))
			c := r.newClient("example.com", method, "/a")
			c.leave()
			c.start()
			c.wait()
			if n := r.origin.count(); n != 0 {
				t.Errorf("%s: %d fetches, want none", method, n)
			}
			if n := r.metrics.OriginFetches.Value(metrics.FetchCanceled); n != 1 {
				t.Errorf("%s: %d fetches canceled, want one", method, n)
			}
			if next := r.begin("GET", "/a"); next.wait().text() != strings.Repeat("part", 10) {
				t.Errorf("%s: the next client has %q", method, next.text())
			}
		})
	}
}

// TestLeaverEndsSilentFetch: a fetch whose client left ends at once, not when the
// origin says something next.
func TestLeaverEndsSilentFetch(t *testing.T) {
	for _, control := range []string{"private", fresh} {
		inBubble(t, func(t *testing.T) {
			ended := time.Time{}
			r := newRig(t, knobs{}, func(_ int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
				if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", control), Length: -1}); err != nil {
					return err
				}
				<-ctx.Done()
				ended = time.Now()
				return context.Cause(ctx)
			})
			c := r.begin("GET", "/a")
			time.Sleep(time.Second)
			left := time.Now()
			c.leave()
			synctest.Wait()
			if !ended.Equal(left) {
				t.Errorf("%s: the fetch ended %v after its client left", control, ended.Sub(left))
			}
		})
	}
}

// TestLastByteIsEnough: a client that leaves with the last byte of a declared
// length, as those do that close their connection, does not keep the response
// from being stored.
func TestLastByteIsEnough(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, func(_ int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
			if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", fresh), Length: 4}); err != nil {
				return err
			}
			for _, p := range []string{"12", "34"} {
				if _, err := sink.Write([]byte(p)); err != nil {
					return err
				}
				if err := pause(ctx, time.Second); err != nil {
					return err
				}
			}
			return sink.End(nil)
		})
		c := r.begin("GET", "/a")
		time.Sleep(1500 * time.Millisecond)
		if c.text() != "1234" {
			t.Fatalf("%q", c.text())
		}
		c.leave()
		time.Sleep(time.Second)
		if !r.get("/a").hit {
			t.Error("not stored")
		}
	})
}

// TestNextAfterTheEnd: a request that comes when the answer before it is complete,
// though its fetch has not returned, finds what is stored, which is stale at once,
// and not the flight.
func TestNextAfterTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, func(n int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
			if err := give(sink, 200, fmt.Sprint("answer ", n), "cache-control", "max-age=0", "etag", fmt.Sprintf(`"%d"`, n)); err != nil {
				return err
			}
			return pause(ctx, time.Second) // it takes its time to return
		})
		for n := 1; n <= 3; n++ {
			c := r.begin("GET", "/a")
			synctest.Wait()
			if want := fmt.Sprint("answer ", n); c.text() != want {
				t.Errorf("%q, want %q", c.text(), want)
			}
		}
	})
}

// TestNextAfterCancel: a request that comes while a fetch is being cancelled has
// one of its own.
func TestNextAfterCancel(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r := newRig(t, knobs{}, func(n int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
			if n == 1 {
				<-ctx.Done()
				<-release // it takes its time
				return context.Cause(ctx)
			}
			return give(sink, 200, "good", "cache-control", fresh)
		})
		first := r.begin("GET", "/a")
		synctest.Wait()
		first.leave()
		synctest.Wait()
		if c := r.get("/a"); c.text() != "good" {
			t.Errorf("status %d, %q", c.status, c.text())
		}
		close(release)
	})
}

// TestRace lets many clients of all kinds miss, follow, leave and hit at once, of
// an origin that does all that one can.
func TestRace(t *testing.T) {
	big := strings.Repeat("x", 70<<10)
	r := newRig(t, knobs{bytes: 4 << 20, config: Config{MaxStored: 64 << 10}}, func(n int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
		runtime.Gosched()
		user := field(q.Fields, "cookie")
		tag := q.Path + user
		switch n % 11 {
		case 0:
			return give(sink, 200, tag, "cache-control", "private", "x-user", user)
		case 1:
			return give(sink, 500, tag, "cache-control", "no-store")
		case 2:
			panic("out of cheese")
		case 3, 4:
			if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", fresh, "vary", "cookie"), Length: -1}); err != nil {
				return err
			}
			for _, p := range []string{q.Path, user} {
				if _, err := sink.Write([]byte(p)); err != nil {
					return err
				}
				runtime.Gosched()
			}
			if n%2 == 0 {
				return fmt.Errorf("no end")
			}
			return sink.End(nil)
		case 5:
			if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", fresh, "x-big", "1"), Length: -1}); err != nil {
				return err
			}
			for range 3 {
				if _, err := sink.Write([]byte(big[:30<<10])); err != nil {
					return err
				}
			}
			return sink.End(nil)
		case 6:
			if err := pause(ctx, 10*time.Millisecond); err != nil {
				return err
			}
			return fmt.Errorf("slow, and then nothing")
		}
		return give(sink, 200, tag, "cache-control", "max-age=1, stale-while-revalidate=1", "vary", "cookie", "etag", `"`+tag+`"`)
	})
	var wait sync.WaitGroup
	for g := range 8 {
		random := rand.New(rand.NewPCG(uint64(g), 1))
		wait.Go(func() {
			for range 200 {
				path, user := fmt.Sprint("/", random.IntN(3)), fmt.Sprint("u", random.IntN(3))
				asked := []string{"cookie", user}
				method := "GET"
				switch random.IntN(8) {
				case 0:
					method = "POST"
				case 1:
					method = "HEAD"
				case 2:
					asked = append(asked, "range", "bytes=0-0")
				case 3:
					asked = append(asked, "if-none-match", `"x"`)
				}
				c := r.begin(method, path, asked...)
				timer := time.AfterFunc(time.Duration(random.IntN(2000))*time.Microsecond, c.leave)
				c.wait()
				timer.Stop()
				if c.status == 200 && method == "GET" && c.broken == nil && c.field("x-big") == "" && context.Cause(c.ctx) != errLeft &&
					c.text() != path+user {
					t.Errorf("%s of %s has %q", path, user, c.text())
				}
			}
		})
	}
	wait.Wait()
}
