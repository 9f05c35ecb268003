package stream

import "sync"

// maxResting is how many goroutines a crew keeps that have nothing to do: as
// many as misses run at once on a busy server, for 8 KiB of stack each.
const maxResting = 256

// Crew runs functions on goroutines that have run others before. A handler's
// stack grows several times its first size, and each growth copies it: on a
// goroutine that has been there it has grown already. The zero Crew is ready for
// use, and nil starts a goroutine for each function. All methods are safe for
// concurrent use.
type Crew struct {
	mu      sync.Mutex
	resting []chan func() // the last to rest is the first to work: its stack is in the cache
	closed  bool
}

// Go runs f on a goroutine of its own.
func (c *Crew) Go(f func()) {
	if c == nil {
		go f()
		return
	}
	c.mu.Lock()
	last := len(c.resting) - 1
	if last < 0 {
		c.mu.Unlock()
		go c.work(f)
		return
	}
	next := c.resting[last]
	c.resting[last] = nil
	c.resting = c.resting[:last]
	c.mu.Unlock()
	next <- f
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
