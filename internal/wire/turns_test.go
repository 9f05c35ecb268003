package wire

import (
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestTurnsOrder: those that have gone on for the fewest turns come first, and those that
// have for as many in their order; every fourth place is for those that have for longest.
func TestTurnsOrder(t *testing.T) {
	q := NewTurns(1)
	if q.ask(levels-1) != nil {
		t.Fatal("the first has to wait")
	}
	names := []string{"a long one", "the next", "new", "newer", "in between", "another"}
	var places []chan struct{}
	for _, turns := range []int{levels - 1, levels - 1, 0, 0, 3, 3} {
		places = append(places, q.ask(turns))
	}
	var order []string
	for range places {
		q.leave()
		for i, place := range places {
			select {
			case <-place:
				order = append(order, names[i])
				places[i] = make(chan struct{}) // it is noted once
			default:
			}
		}
	}
	if want := []string{"new", "newer", "in between", "a long one", "another", "the next"}; !slices.Equal(order, want) {
		t.Errorf("%q, want %q", order, want)
	}
	if q.leave(); q.free != 1 {
		t.Errorf("%d places are free at the end, want 1", q.free)
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

// TestCutWhileWaiting: a connection that waits for its place ends without another turn.
func TestCutWhileWaiting(t *testing.T) {
	opt := newOptions()
	opt.Turns = NewTurns(0)
	turns := 0
	s := sending(t, opt, 100, func(c *Conn) {
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			takeOne(t, c)
			turns++
			return Again, time.Time{}
		}})
	})
	for waits := false; !waits; time.Sleep(time.Millisecond) {
		opt.Turns.mu.Lock()
		waits = len(opt.Turns.waiting[0]) > 0
		opt.Turns.mu.Unlock()
	}
	s.Cut()
	opt.Turns.leave() // another's
	s.client.Close()
	s.wait(t)
	if turns != longTurn || opt.Turns.free != 1 {
		t.Errorf("%d turns, want %d; %d places are free, want that which it had", turns, longTurn, opt.Turns.free)
	}
}
