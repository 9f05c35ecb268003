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

// sending is a connection whose client has sent so many bytes before it is served.
func sending(t *testing.T, opt *Options, n int, start func(*Conn)) served {
	t.Helper()
	server, client := testkit.TCPPair(t)
	if _, err := client.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	return serve(t, server, client, false, opt, start)
}

// takeOne takes a byte of what was sent: its turn leaves input.
func takeOne(t *testing.T, c *Conn) {
	if len(c.Unread()) == 0 {
		if err := c.Fill(); err != nil {
			t.Error(err)
			return
		}
	}
	c.Consume(1)
}

// TestTurnsThatGoOn: of connections that have sent more than turns handle one at a time has
// its turn, without buffers while it waits, and one that has come lately waits for none of
// them.
func TestTurnsThatGoOn(t *testing.T) {
	opt := newOptions()
	opt.Turns = NewTurns(1)
	enter, goOn := make(chan struct{}), make(chan struct{})
	first := 0
	long := sending(t, opt, 100, func(c *Conn) {
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			takeOne(t, c)
			if first++; first <= longTurn {
				return Again, time.Time{}
			}
			enter <- struct{}{} // it has the place
			<-goOn
			return Done, time.Time{}
		}})
	})
	<-enter
	var turns atomic.Int64
	second := sending(t, opt, 100, func(c *Conn) {
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			takeOne(t, c)
			if turns.Add(1) > longTurn {
				return Done, time.Time{}
			}
			return Again, time.Time{}
		}})
	})
	waiting := func() int {
		opt.Turns.mu.Lock()
		defer opt.Turns.mu.Unlock()
		return len(opt.Turns.waiting[0])
	}
	for waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	if second.scratch != nil {
		t.Error("a connection that waits for its turn has the buffers of one")
	}
	short := sending(t, opt, 1, func(c *Conn) {
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) { return Done, time.Time{} }})
	})
	short.client.Close()
	short.wait(t)
	if n := turns.Load(); n != longTurn {
		t.Errorf("%d turns of a connection beside one that has the only place, want %d", n, longTurn)
	}
	goOn <- struct{}{}
	for _, s := range []served{long, second} {
		s.client.Close()
		s.wait(t)
	}
	if n := turns.Load(); n != longTurn+1 {
		t.Errorf("%d turns when the place was free, want %d", n, longTurn+1)
	}
	if opt.Turns.free != 1 {
		t.Error("a place is left taken")
	}
}

// TestOutOfALongTurn: what an engine has not flushed when it waits for its turn is sent.
func TestOutOfALongTurn(t *testing.T) {
	opt := newOptions()
	opt.Turns = NewTurns(1)
	const turns = 3 * longTurn
	n := 0
	s := sending(t, opt, 100, func(c *Conn) {
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			takeOne(t, c)
			c.Out = append(c.Out, byte(n))
			if n++; n < turns {
				return Again, time.Time{}
			}
			return Done, time.Time{}
		}})
	})
	got := make([]byte, turns)
	if _, err := io.ReadFull(s.client, got); err != nil || got[0] != 0 || got[turns-1] != turns-1 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestOutputIsNotLong: turns that go on without having taken input need no place.
func TestOutputIsNotLong(t *testing.T) {
	opt := newOptions()
	opt.Turns = NewTurns(0) // none would ever have one
	turns := 0
	s := sending(t, opt, 100, func(c *Conn) {
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			if turns%longTurn == 0 { // never as many in a row
				takeOne(t, c)
			}
			if turns++; turns < 20*longTurn {
				return Again, time.Time{}
			}
			return Done, time.Time{}
		}})
	})
	s.client.Close()
	s.wait(t)
	if turns != 20*longTurn {
		t.Errorf("%d turns", turns)
	}
}

// TestCloseEndsTurns: a connection that is cut off ends though its turns would go on.
func TestCloseEndsTurns(t *testing.T) {
	opt := newOptions()
	begun := make(chan struct{}, 1)
	s := sending(t, opt, 1, func(c *Conn) {
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			select {
			case begun <- struct{}{}:
			default:
			}
			return Again, time.Time{}
		}})
	})
	<-begun
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s.wait(t)
}

// TestTurnThatPanics gives its place back.
func TestTurnThatPanics(t *testing.T) {
	opt := newOptions()
	opt.Turns = NewTurns(1)
	turns := 0
	s := sending(t, opt, 100, func(c *Conn) {
		defer func() { _ = recover(); c.Close() }()
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			takeOne(t, c)
			if turns++; turns > longTurn {
				panic("a mistake")
			}
			return Again, time.Time{}
		}})
	})
	s.wait(t)
	if turns != longTurn+1 || opt.Turns.free != 1 {
		t.Errorf("%d turns, %d places are left taken", turns, 1-opt.Turns.free)
	}
}
