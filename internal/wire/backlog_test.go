package wire

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// stream sends size bytes of a fixed random sequence and is Done. It makes
// nothing while the peer is behind, so at most a batch waits.
func stream(size int, most *int, end *error) func(*Conn) {
	return func(c *Conn) {
		source := rand.NewChaCha8([32]byte{1})
		batch := make([]byte, FlushSize)
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			if err := c.Flush(); err != nil {
				*end = err
				return Done, time.Time{}
			}
			for size > 0 && !c.Congested() {
				n := min(size, len(batch))
				_, _ = source.Read(batch[:n]) // never fails
				size -= n
				c.Out = append(c.Out, batch[:n]...)
				if err := c.Flush(); err != nil {
					*end = err
					return Done, time.Time{}
				}
				*most = max(*most, c.Buffered())
			}
			if size == 0 && !c.Congested() {
				return Done, time.Time{}
			}
			return Sleep, time.Time{}
		}})
	}
}

// batchSealed is more than a batch takes when it is encrypted.
const batchSealed = FlushSize + sealSlack

// Every byte arrives in order, whether the socket took it at once or the
// backlog wrote it.
func TestOrderOfBytes(t *testing.T) {
	size := 64 << 20
	if testing.Short() {
		size = 4 << 20
	}
	for _, p := range paths {
		if p.name == "pipe" || p.name == "pipe, TLS" {
			continue // a pipe never takes a byte at once
		}
		t.Run(p.name, func(t *testing.T) {
			var most int
			var end error
			s := p.open(t, newOptions(), stream(size, &most, &end))
			if err := s.raw.SetDeadline(time.Now().Add(5 * patience)); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a backlog", func() bool { return s.Buffered() > 0 })
			got := sha256.New()
			buf := make([]byte, 256<<10)
			for read := 0; ; {
				n, err := s.client.Read(buf[:1+rand.IntN(len(buf))])
				got.Write(buf[:n])
				if read += n; err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("after %d of %d bytes: %v", read, size, err)
				}
				if rand.IntN(100) == 0 {
					time.Sleep(5 * time.Millisecond) // slow, now and then
				}
			}
			want := sha256.New()
			if _, err := io.CopyN(want, rand.NewChaCha8([32]byte{1}), int64(size)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
				t.Error("the bytes are not those that were sent")
			}
			s.client.Close()
			s.wait(t)
			if end != nil {
				t.Errorf("Flush: %v", end)
			}
			if most > batchSealed {
				t.Errorf("%d bytes waited, more than a batch", most)
			}
		})
	}
}

// A peer that reads nothing makes us hold no more than the engine lets it, and
// is cut off after the write timeout.
func TestPeerThatDoesNotRead(t *testing.T) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			opt := newOptions()
			opt.WriteTimeout = 100 * time.Millisecond
			var stalled atomic.Int32
			opt.Metrics.Stalled = func(metrics.Stripe) { stalled.Add(1) }
			var most int
			var end error
			s := p.open(t, opt, stream(1<<30, &most, &end))
			s.wait(t)
			if !errors.Is(end, os.ErrDeadlineExceeded) {
				t.Errorf("Flush said %v, want the deadline", end)
			}
			if most > batchSealed {
				t.Errorf("%d bytes were held, more than a batch", most)
			}
			if n := stalled.Load(); n != 1 {
				t.Errorf("%d breaches of the write timeout were counted, want 1", n)
			}
			if n := s.Buffered(); n != 0 {
				t.Errorf("%d bytes count as buffered after the end", n)
			}
		})
	}
}

// A peer that reads slowly, but as fast as it must, is served to the end, also
// when the engine is Done long before.
func TestPeerThatReadsSlowly(t *testing.T) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			const size = 3 << 20
			opt := newOptions()
			s := p.open(t, opt, func(c *Conn) {
				c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
					c.Out = append(c.Out, make([]byte, size)...)
					return Done, time.Time{}
				}})
			})
			got, buf := 0, make([]byte, 64<<10)
			for {
				n, err := s.client.Read(buf)
				if got += n; err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("after %d of %d bytes: %v", got, size, err)
				}
				time.Sleep(time.Millisecond)
			}
			if got != size {
				t.Errorf("got %d bytes, want %d", got, size)
			}
			s.client.Close()
			s.wait(t)
		})
	}
}

// The engine goes on reading and gets its turns while the peer does not read.
func TestTurnsWhileCongested(t *testing.T) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			const questions = 20
			received := make(chan int, questions*2)
			congested := make(chan struct{})
			s := p.open(t, newOptions(), func(c *Conn) {
				filled := false
				c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
					for !filled {
						c.Out = append(c.Out, make([]byte, FlushSize)...)
						if c.Flush() != nil {
							return Done, time.Time{}
						}
						if filled = c.Congested(); filled {
							close(congested)
						}
					}
					for {
						err := c.Fill()
						if err == error(ErrWouldBlock) {
							return Sleep, time.Time{}
						}
						if err != nil {
							return Done, time.Time{}
						}
						received <- len(c.Unread())
						c.Consume(len(c.Unread()))
					}
				}})
			})
			<-congested
			for range questions {
				send(t, s.client, []byte("?"))
				select {
				case <-received:
				case <-time.After(patience):
					t.Fatal("the engine does not read")
				}
			}
		})
	}
}
