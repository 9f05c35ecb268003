package wire

import (
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// post is a message to an engine from another goroutine.
type post struct {
	waiting atomic.Int64
	taken   chan struct{}
}

func (p *post) pending() bool { return p.waiting.Load() > 0 }

// take acknowledges what is waiting.
func (p *post) take() {
	for p.waiting.Load() > 0 {
		p.waiting.Add(-1)
		p.taken <- struct{}{}
	}
}

// No Wake is lost, whatever else wakes the connection at the same moment: each
// one is waited for before the next.
func TestWakeIsNeverLost(t *testing.T) {
	wakes := 3000
	if raceEnabled {
		wakes = 500 // each costs ten times as much
	}
	for _, p := range paths {
		for name, busy := range map[string]bool{"": false, ", with input and deadlines": true} {
			t.Run(p.name+name, func(t *testing.T) {
				t.Parallel()
				inbox := post{taken: make(chan struct{}, 1)}
				s := p.open(t, newOptions(), func(c *Conn) {
					c.Serve(engine{pending: inbox.pending, turn: func(now time.Time) (Step, time.Time) {
						inbox.take()
						for {
							c.Consume(len(c.Unread()))
							err := c.Fill()
							if err == error(ErrWouldBlock) {
								break
							}
							if err != nil {
								return Done, time.Time{}
							}
						}
						if !busy || rand.IntN(4) == 0 {
							return Sleep, time.Time{}
						}
						return Sleep, now.Add(time.Duration(rand.IntN(200)) * time.Microsecond)
					}})
				})
				stop, stopped := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(stopped)
					for busy {
						select {
						case <-stop:
							return
						default:
							if _, err := s.client.Write([]byte("noise")); err != nil {
								return
							}
						}
					}
				}()
				for i := range wakes {
					inbox.waiting.Add(1)
					s.Wake()
					select {
					case <-inbox.taken:
					case <-time.After(patience):
						t.Fatalf("wake %d is lost", i)
					}
				}
				close(stop)
				<-stopped
			})
		}
	}
}

// Many goroutines wake at once: each message is taken.
func TestWakeFromMany(t *testing.T) {
	const posters, messages = 8, 1000
	inbox := &post{taken: make(chan struct{}, 1)}
	s := paths[0].open(t, newOptions(), func(c *Conn) {
		c.Serve(engine{pending: inbox.pending, turn: func(time.Time) (Step, time.Time) {
			inbox.take()
			if c.Fill() != error(ErrWouldBlock) {
				return Done, time.Time{}
			}
			return Sleep, time.Time{}
		}})
	})
	for range posters {
		go func() {
			for range messages {
				inbox.waiting.Add(1)
				s.Wake()
			}
		}()
	}
	for i := range posters * messages {
		select {
		case <-inbox.taken:
		case <-time.After(patience):
			t.Fatalf("%d messages of %d were taken", i, posters*messages)
		}
	}
}

// An engine gets a turn at the time it asks for, on time of the test's own.
func TestDeadlineOnAPump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wants := []time.Duration{time.Second, 90 * time.Second, 3 * time.Hour, time.Millisecond}
		began, at := time.Now(), []time.Duration(nil)
		var due time.Duration
		s := paths[4].open(t, newOptions(), func(c *Conn) {
			c.Serve(engine{turn: func(now time.Time) (Step, time.Time) {
				if c.Fill() != error(ErrWouldBlock) {
					return Done, time.Time{}
				}
				if since := now.Sub(began); since >= due { // earlier turns do no harm
					at = append(at, since)
					if len(at) > len(wants) {
						return Done, time.Time{}
					}
					due = since + wants[len(at)-1]
				}
				return Sleep, began.Add(due)
			}})
		})
		if err := s.raw.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		<-s.ended
		var want time.Duration
		for i, got := range at {
			if got != want {
				t.Errorf("turn %d came after %v, want %v", i, got, want)
			}
			if i < len(wants) {
				want += wants[i]
			}
		}
	})
}

// The same on a socket, on real time: not before it, and soon after.
func TestDeadlineOnASocket(t *testing.T) {
	const pause, turns = 20 * time.Millisecond, 5
	server, client := testkit.TCPPair(t)
	began := time.Now()
	got := 0
	s := serve(t, server, client, false, newOptions(), func(c *Conn) {
		due := began.Add(pause)
		c.Serve(engine{turn: func(now time.Time) (Step, time.Time) {
			_ = c.Fill()
			if !now.Before(due) {
				due = now.Add(pause)
				got++
			}
			if got == turns {
				return Done, time.Time{}
			}
			return Sleep, due
		}})
	})
	client.CloseWrite()
	s.wait(t)
	if took := time.Since(began); took < turns*pause {
		t.Errorf("%d turns came within %v, want at least %v", turns, took, turns*pause)
	}
}

// A deadline that is moved nearer counts; see arm.
func TestDeadlineMovedNearer(t *testing.T) {
	server, client := testkit.TCPPair(t)
	inbox := post{taken: make(chan struct{}, 1)}
	until := time.Now().Add(time.Hour)
	s := serve(t, server, client, false, newOptions(), func(c *Conn) {
		c.Serve(engine{pending: inbox.pending, turn: func(now time.Time) (Step, time.Time) {
			_ = c.Fill()
			if inbox.pending() {
				until = now.Add(10 * time.Millisecond)
				inbox.take()
			}
			if !now.Before(until) {
				return Done, time.Time{}
			}
			return Sleep, until
		}})
	})
	inbox.waiting.Add(1)
	s.Wake()
	<-inbox.taken
	client.CloseWrite() // the linger's end
	s.wait(t)
}

// Again brings another turn without anything having come, and one that sees
// what has.
func TestAgain(t *testing.T) {
	const least = 100
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			turns := 0
			s := p.open(t, newOptions(), func(c *Conn) {
				c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
					turns++
					if turns > least && c.Fill() == nil {
						return Done, time.Time{}
					}
					return Again, time.Time{}
				}})
			})
			go s.client.Write([]byte("stop"))
			_, _ = io.Copy(io.Discard, s.client)
			s.client.Close()
			s.wait(t)
			if turns <= least {
				t.Errorf("%d turns, want more than %d", turns, least)
			}
		})
	}
}
