package attack

import (
	"context"
	"sync"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// What a feed holds at most of requests that are not sent yet: a tenth of a second
// of the highest rates, and as much memory as targets that are read in one go.
const (
	maxHeld      = 20_000
	maxHeldBytes = 64 << 20
)

// Feed is where an attack takes its requests from while it runs, one after the
// other, in place of targets that take turns. One goroutine puts them in, and is
// held up while a feed is full; connections take them when requests are due. When
// it is over and empty the attack ends. Make one with NewFeed, for one attack.
type Feed struct {
	room chan struct{} // a token for the goroutine that waits to put one in

	mu      sync.Mutex
	queue   []*exchange.Request
	bytes   int
	over    bool
	taken   uint64
	waiting map[*driver]struct{} // that found it empty
}

// NewFeed makes an empty one.
func NewFeed() *Feed {
	return &Feed{room: make(chan struct{}, 1), waiting: make(map[*driver]struct{})}
}

// Put adds a request, once there is room. The error is ctx's.
func (f *Feed) Put(ctx context.Context, r *exchange.Request) error {
	for !f.add(r) {
		select {
		case <-f.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.nudge()
	return nil
}

// add adds a request if there is room: any has it in an empty feed.
func (f *Feed) add(r *exchange.Request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.queue); n > 0 && (n >= maxHeld || f.bytes+size(r) > maxHeldBytes) {
		return false
	}
	f.queue = append(f.queue, r)
	f.bytes += size(r)
	return true
}

// size is about what a request holds of memory.
func size(r *exchange.Request) int { return 2*len(r.Head) + len(r.Body) }

// Close says that no more are put in.
func (f *Feed) Close() {
	f.mu.Lock()
	f.over = true
	all := f.waiting
	f.waiting = nil
	f.mu.Unlock()
	for d := range all {
		d.wake()
	}
}

// Taken is how many requests were taken.
func (f *Feed) Taken() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.taken
}

// take takes the oldest request, if there is one. over is that none will come
// either; else the driver is woken when one does, or none will.
func (f *Feed) take(d *driver) (r *exchange.Request, over bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 {
		if !f.over {
			f.waiting[d] = struct{}{}
		}
		return nil, f.over
	}
	r, f.queue[0] = f.queue[0], nil
	f.queue = f.queue[1:]
	f.bytes -= size(r)
	f.taken++
	delete(f.waiting, d)
	select {
	case f.room <- struct{}{}:
	default:
	}
	return r, false
}

// nudge wakes as many of the drivers that wait as there are requests.
func (f *Feed) nudge() {
	f.mu.Lock()
	var some []*driver
	for d := range f.waiting {
		if len(some) == len(f.queue) {
			break
		}
		some = append(some, d)
		delete(f.waiting, d)
	}
	f.mu.Unlock()
	for _, d := range some {
		d.wake()
	}
}
