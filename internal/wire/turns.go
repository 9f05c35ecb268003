package wire

import (
	"sync"

	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// levels are how long turns have gone on, in turns: the longest together in the last.
const levels = 8

// Turns bounds how many connections have turns that go on ([Again]) because their clients
// send more than a turn handles. Fifty of them would else have every other connection
// wait for fifty turns. They wait themselves, and between any two of them all others have
// a turn. Those that have gone on for the fewest turns come first, so that a client that
// now and then sends much waits for none that always does; those of a level have their
// order. A nil Turns has room for all.
type Turns struct {
	mu      sync.Mutex
	free    int
	waiting [levels][]chan struct{} // each is closed when it has a place
}

// NewTurns has n places: one for each core computes as many as there could be.
func NewTurns(n int) *Turns { return &Turns{free: n} }

// enter waits for a place, which leave gives back. The connection has gone on for so many
// turns.
func (t *Turns) enter(turns int) {
	if t != nil {
		if place := t.ask(min(turns, levels-1)); place != nil {
			<-place
		}
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
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for level, waiting := range t.waiting {
		if len(waiting) > 0 {
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
