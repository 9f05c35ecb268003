package wire

import (
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// levels are how long turns have gone on, in turns: the longest together in the last.
const levels = 8

// Turns bounds how many connections have turns that go on ([Again]) because their clients
// send more than a turn handles. Fifty of them would else have every other connection
// wait for fifty turns. They wait themselves, and between any two of them all others have
// a turn. Those that have gone on for the fewest turns come first, so that a client that
// now and then sends much waits for none that always does; those of a level have their
// order. One place in [forLongest] is for those that have gone on for longest, whom there
// might else always be another to come before.
type Turns struct {
	mu      sync.Mutex
	free    int
	given   int                     // places, to those that waited
	waiting [levels][]chan struct{} // each is closed when it has a place
}

// forLongest is which of the places goes to who has gone on for longest.
const forLongest = 4

// NewTurns has n places: one for each core computes as many as there could be.
func NewTurns(n int) *Turns { return &Turns{free: n} }

// enter waits for a place, which leave gives back. The connection has gone on for so many
// turns.
func (t *Turns) enter(turns int) {
	if place := t.ask(min(turns, levels-1)); place != nil {
		<-place
	}
	yield.ToNetwork() // behind all that can run or has arrived by now
}

// ask takes a place, or returns what is to be waited for.
func (t *Turns) ask(level int) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.free > 0 {
		t.free--
		return nil
	}
	place := make(chan struct{})
	t.waiting[level] = append(t.waiting[level], place)
	return place
}

// leave gives back a place.
func (t *Turns) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.given++
	longest := t.given%forLongest == 0
	for i := range levels {
		level := i
		if longest {
			level = levels - 1 - i
		}
		if waiting := t.waiting[level]; len(waiting) > 0 {
			close(waiting[0])
			waiting[0] = nil
			if t.waiting[level] = waiting[1:]; len(waiting) == 1 {
				t.waiting[level] = nil
			}
			return
		}
	}
	t.free++
}

// longTurn is how many turns in a row that have left input are followed by one that has
// to have a place among those that go on: a client that now and then sends more than a
// turn handles has that handled next, without waiting for all that always do. Those that
// leave output alone do not count: it is bounded by what the client takes.
const longTurn = 2

// goOn waits for the next turn of a connection that has more to do, behind all that can
// run, and if it has left input in as many turns as longTurn, for a place among those.
// It returns how many those are now, less than 0 if the connection was cut off.
func (c *Conn) goOn(now time.Time, leftInput int) int {
	if c.took && c.hasInput() {
		leftInput++
	} else {
		leftInput = 0
	}
	if c.long = leftInput >= longTurn && c.opt.Turns != nil; c.long {
		_ = c.Flush()   // an error stays, and the engine meets it
		c.giveBack(now) // as many may wait as there are connections
		c.opt.Turns.enter(leftInput - longTurn)
		c.goesOn = true
		c.borrow()
	} else {
		yield.ToNetwork()
	}
	if c.cut.Load() {
		c.endOn()
		c.giveBack(now)
		return -1
	}
	return leftInput
}

// hasInput reports whether there may be more for the engine than what it took.
func (c *Conn) hasInput() bool {
	return c.readable || len(c.Unread()) > 0 || recordLen(c.cipherIn[c.opened:c.filled]) > 0
}

// endOn gives back the place of a turn that went on, if it was one.
func (c *Conn) endOn() {
	if c.goesOn {
		c.goesOn = false
		c.opt.Turns.leave()
	}
}
