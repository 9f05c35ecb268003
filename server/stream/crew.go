package stream

import (
	"sync"

	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// maxResting is how many goroutines a crew keeps that have nothing to do: as
// many as misses run at once on a busy server, for 8 KiB of stack each.
const maxResting = 256

// Crew runs functions on goroutines that have run others before. A handler's
// stack grows several times its first size, and each growth copies it: on a
// goroutine that has been there it has grown already. The zero Crew is ready for
// use, and nil starts a goroutine for each function. All methods are safe for
// concurrent use.
//
// Functions start in the order of Go, a few at a time with a turn of all else in
// between. A client may ask for 250 misses at once: if all began, hits of other
// clients would wait behind 250 goroutines, 60 µs each.
type Crew struct {
	mu       sync.Mutex
	waiting  []func()      // to be started
	starting bool          // start runs
	resting  []chan func() // the last to rest is the first to work: its stack is in the cache
	closed   bool
}

// share is the part of what waits that starts at a time, and one more, up to atOnce: so
// that what else there is to do, of which a turn may take milliseconds, does not keep
// misses waiting for as many turns as there are misses.
const (
	share  = 16
	atOnce = 16 // a ms
)

// Go runs f on a goroutine of its own.
func (c *Crew) Go(f func()) {
	if c == nil {
		go f()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, f)
	if !c.starting {
		c.starting = true
		go c.start()
	}
}

// start starts what waits.
func (c *Crew) start() {
	for c.startSome() {
		yield.ToNetwork()
	}
}

// startSome starts the functions whose turn it is, and reports whether there may be
// more: if not, start ends.
func (c *Crew) startSome() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		c.waiting, c.starting = nil, false
		return false
	}
	n := min(1+len(c.waiting)/share, atOnce)
	for i, f := range c.waiting[:n] {
		c.waiting[i] = nil
		c.begin(f)
	}
	c.waiting = c.waiting[n:]
	return true
}

// begin runs f on a goroutine that rests, or a new one. c.mu is held.
func (c *Crew) begin(f func()) {
	last := len(c.resting) - 1
	if last < 0 {
		go c.work(f)
		return
	}
	next := c.resting[last]
	c.resting[last] = nil
	c.resting = c.resting[:last]
	next <- f // there is room for it
}

func (c *Crew) work(f func()) {
	var next chan func()
	for f != nil {
		f()
		if next == nil {
			next = make(chan func(), 1)
		}
		c.mu.Lock()
		if c.closed || len(c.resting) == maxResting {
			c.mu.Unlock()
			return
		}
		c.resting = append(c.resting, next)
		c.mu.Unlock()
		f = <-next
	}
}

// Close lets the goroutines that rest end, and the others once their function
// has returned. Go may be called still.
func (c *Crew) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, next := range c.resting {
		close(next)
	}
	c.resting = nil
}
