package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

const (
	helloTime = 3 * time.Second
	shakeTime = 5 * time.Second
)

// greet serves a connection as server/listen does.
func greet(c *Conn) {
	accepted := time.Now()
	switch err := c.AwaitHello(accepted.Add(helloTime)); {
	case errors.Is(err, ErrPlainHTTP):
		c.AwaitPlainHead(accepted.Add(helloTime))
		c.RefusePlain([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	case err == nil:
		_ = c.Handshake(accepted.Add(shakeTime)) // never succeeds
	}
	_ = c.Close()
}

// sleepFor is an engine that waits for d.
func sleepFor(d time.Duration) func(*Conn) {
	return func(c *Conn) {
		end := time.Now().Add(d)
		c.Serve(engine{turn: func(now time.Time) (Step, time.Time) {
			for c.Fill() == nil {
				c.Consume(len(c.Unread()))
			}
			if now.Before(end) {
				return Sleep, end
			}
			return Done, time.Time{}
		}})
	}
}

// pour is an engine that makes more than a peer takes at once, and then returns
// next, until what it has made is gone or fails.
func pour(next Step) func(*Conn) {
	return func(c *Conn) {
		made := false
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			if !made {
				made, c.Out = true, append(c.Out, make([]byte, 1<<20)...)
				_ = c.Flush() // the next turn sees how it fails
				return next, time.Time{}
			}
			if c.Flush() != nil || !c.Congested() {
				return Done, time.Time{}
			}
			return Sleep, time.Time{}
		}})
	}
}

// looked is a connection whose use comes after the test's look at the state of
// the goroutine that uses it, as the race detector understands it.
type looked struct {
	testkit.HalfPipe
	after *atomic.Bool
}

func (l looked) Read(p []byte) (int, error) {
	defer l.after.Load()
	return l.HalfPipe.Read(p)
}

func (l looked) SetReadDeadline(t time.Time) error {
	defer l.after.Load()
	return l.HalfPipe.SetReadDeadline(t)
}

func (l looked) CloseWrite() error {
	defer l.after.Load()
	return l.HalfPipe.CloseWrite()
}

// TestEveryPhaseEnds walks all phases: a peer that is silent, or trickles, keeps
// a connection in none of them for longer than it may. A phase that is added
// fails here until it is shown to end.
func TestEveryPhaseEnds(t *testing.T) {
	hello := clientHello(t)
	shown := make(map[phase]bool)
	for _, tt := range []struct {
		phase
		what   string
		serve  func(*Conn)
		said   []byte        // by the peer, at once
		more   []byte        // and again and again
		every  time.Duration // that often; 0: as fast as it is taken
		taken  int           // bytes that the peer reads each second; -1: all
		within time.Duration
	}{
		{greeting, "nothing is said", greet, nil, nil, 0, -1, helloTime},
		{greeting, "part of a ClientHello", greet, hello[:100], nil, 0, -1, helloTime},
		{greeting, "a ClientHello trickles", greet, hello[:recordHeaderLen+messageHeaderLen], []byte("x"), 100 * time.Millisecond, -1, helloTime},
		{greeting, "part of a method", greet, []byte("GE"), nil, 0, -1, helloTime},
		{refusing, "part of a request", greet, []byte("GET / HTTP/1.1\r\n"), nil, 0, -1, helloTime + lingerStep},
		{refusing, "a request trickles", greet, []byte("GET / HTTP/1.1\r\n"), []byte("x"), 100 * time.Millisecond, -1, helloTime + lingerStep},
		{refusing, "the answer is not read", greet, []byte("GET / HTTP/1.1\r\n\r\n"), nil, 0, 0, closeTime},
		{refusing, "the answer is read by bytes", greet, []byte("GET / HTTP/1.1\r\n\r\n"), nil, 0, 1, closeTime},
		{handshaking, "our flight is not answered", greet, hello, nil, 0, -1, shakeTime},
		{handshaking, "it is not read", greet, hello, nil, 0, 0, shakeTime},
		{handshaking, "it is read by bytes", greet, hello, nil, 0, 1, shakeTime},
		{handshaking, "part of an answer", greet, append(hello[:len(hello):len(hello)], recordHandshake, majorVersion), nil, 0, -1, shakeTime},
		{handshaking, "the answer trickles", greet, append(hello[:len(hello):len(hello)], recordHandshake, majorVersion, 3, 1, 0), []byte("x"), 100 * time.Millisecond, -1, shakeTime},
		{turning, "the engine's time is over", sleepFor(time.Minute), nil, nil, 0, -1, time.Minute + lingerStep},
		{turning, "so it is if something trickles", sleepFor(time.Minute), nil, []byte("x"), 700 * time.Millisecond, -1, time.Minute + lingerStep},
		{turning, "what is made is not read", pour(Sleep), nil, nil, 0, 0, patience},
		{turning, "it is read by bytes", pour(Sleep), nil, nil, 0, 1, patience},
		{turning, "it is read too slowly", pour(Sleep), nil, nil, 0, 1000, patience},
		{finishing, "the last is not read", pour(Done), nil, nil, 0, 0, closeTime},
		{finishing, "it is read slowly", pour(Done), nil, nil, 0, 100 << 10, closeTime},
		{finishing, "something trickles", pour(Done), nil, []byte("x"), time.Second, 0, closeTime},
		{lingering, "the peer is silent", sleepFor(0), nil, nil, 0, -1, lingerStep},
		{lingering, "it trickles", sleepFor(0), nil, []byte("x"), 10 * time.Millisecond, -1, lingerStep},
		{lingering, "it goes on at the least rate", sleepFor(0), nil, make([]byte, lingerQuantum/5), lingerStep / 10, -1, lingerTime},
		{lingering, "it goes on without end", sleepFor(0), nil, make([]byte, 64<<10), 0, -1, 0},
	} {
		shown[tt.phase] = true
		t.Run(tt.phase.String()+", "+tt.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := testkit.NewHalfPipe()
				var config *tls.Config // nil: the engine's phases are the same without
				if tt.phase < turning {
					config = serverTLS()
				}
				var after atomic.Bool
				c := New(looked{server, &after}, config, newOptions())
				began := time.Now()
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					tt.serve(c)
				}()
				var beside sync.WaitGroup
				beside.Go(func() { take(client, tt.taken) })
				start := make(chan struct{})
				beside.Go(func() {
					if _, err := client.Write(tt.said); err != nil {
						return
					}
					<-start
					for tt.more != nil {
						time.Sleep(tt.every)
						if _, err := client.Write(tt.more); err != nil {
							return
						}
					}
				})
				synctest.Wait()
				if c.phase != tt.phase {
					t.Errorf("it is %v", c.phase)
				}
				after.Store(true)
				close(start)
				select {
				case <-ended:
				case <-time.After(time.Hour):
					t.Error("it does not end")
				}
				if took := time.Since(began); took != tt.within {
					t.Errorf("it ended after %v, want %v", took, tt.within)
				}
				client.Close()
				beside.Wait()
			})
		})
	}
	for p := range phases {
		if !shown[p] {
			t.Errorf("nothing shows that a connection that is %v ends", p)
		}
	}
}

// take reads to the connection's end: n bytes each second, or all if n is
// negative.
func take(r io.Reader, n int) {
	if n < 0 {
		_, _ = io.Copy(io.Discard, r)
		return
	}
	for b := make([]byte, n); n > 0; time.Sleep(time.Second) {
		if _, err := io.ReadFull(r, b); err != nil {
			return
		}
	}
}

// TestPhases: every one can be reached, and its successors can.
func TestPhases(t *testing.T) {
	reached := map[phase]bool{greeting: true}
	for p := range phases {
		for _, next := range leads[p] {
			if next <= p {
				t.Errorf("%v leads back to %v", p, next)
			}
			reached[next] = true
		}
	}
	if len(reached) != int(phases) {
		t.Errorf("%d of %d phases can be reached", len(reached), phases)
	}
}
