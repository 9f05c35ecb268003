// Package yield lets work that computes for long wait for what arrives meanwhile.
//
// [runtime.Gosched] lets go first what can run already. It does not look at the
// network: as long as any goroutine can run, the scheduler of a busy process looks at
// it every 10 ms only (sysmon), and what a client has sent waits that long. On one core
// a goroutine has yielded 125,000 times by then. A goroutine that waits for a
// descriptor has the network looked at as soon as nothing else can run.
package yield

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// interval is how far apart looks at the network are at least. One takes 3.5 µs, and so
// all of them at most 1.5 % of a core.
const interval = 250 * time.Microsecond

// ToNetwork lets go first what can run, and also what has arrived if the network has
// not been looked at by way of it for 250 µs.
func ToNetwork() { toNetwork(once(), interval) }

// toNetwork is ToNetwork, with a look if there was none for interval.
func toNetwork(p *poller, interval time.Duration) {
	switch {
	case p == nil: // all that is left is to let others run
	case p.due(time.Since(p.born), interval) && p.looking.TryLock():
		p.look()
		p.looking.Unlock()
	default:
		// The scheduler looks when nothing can run: not while others who ask for
		// a look can.
		p.looking.RLock()
		p.looking.RUnlock() // it is waited for
	}
	runtime.Gosched() // behind what was found
}

// slice is for how long a loop runs between two turns of all else. On a busy server such
// a turn takes milliseconds: a reload of a thousand sites has ten thousand short steps.
const slice = 150 * time.Microsecond

// InLoop is ToNetwork for a step of a loop, which may be short: it returns at once until
// 150 µs have passed since it last let others go first, and then the network is looked at.
func InLoop() {
	p := once()
	if p == nil {
		runtime.Gosched()
		return
	}
	if time.Since(p.born)-time.Duration(p.resumed.Load()) < slice {
		return
	}
	toNetwork(p, slice)
	p.resumed.Store(int64(time.Since(p.born)))
}

var once = sync.OnceValue(newPoller)

// poller has the scheduler look at the network.
type poller struct {
	born time.Time    // what last counts from, on the monotonic clock
	last atomic.Int64 // when the network was looked at

	resumed atomic.Int64 // when a loop last went on behind others

	looking sync.RWMutex // locked during a look; who waits for its end locks it to read
	event   event        // guarded by looking
}

// newPoller returns nil if the system has no descriptor left for it, or no such way.
func newPoller() *poller {
	e, err := newEvent()
	if err != nil {
		return nil
	}
	return &poller{born: time.Now(), event: e}
}

// due reports whether it is time for a look, and notes that there is one.
func (p *poller) due(now, interval time.Duration) bool {
	last := p.last.Load()
	return now-time.Duration(last) >= interval && p.last.CompareAndSwap(last, int64(now))
}

// look waits for an event that is there already: the scheduler finds it when it looks
// at the network, with all else that has arrived.
func (p *poller) look() { p.event.await() }
