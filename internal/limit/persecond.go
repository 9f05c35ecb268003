// Package limit bounds what may happen in a time.
package limit

import (
	"sync"
	"time"
)

// maxCauses is how many causes a [PerSecond] distinguishes: far more than one
// place in a program has. What is beyond it counts as one cause.
const maxCauses = 64

// PerSecond lets one event of each cause through in a second and counts those
// it holds back, so that a fault that every request meets does not fill the
// log. The zero value is ready. Safe for concurrent use.
type PerSecond struct {
	mu     sync.Mutex
	causes map[string]*cause
}

type cause struct {
	next     time.Time // when the next event may pass
	withheld int       // since the last that passed
}

// Allow reports whether an event with that cause may pass at now, and how many
// with the same cause were held back since the last that did. cause is kept: it
// should not be of a peer's making.
func (p *PerSecond) Allow(name string, now time.Time) (withheld int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.causes[name]
	if c == nil && len(p.causes) >= maxCauses {
		name = ""
		c = p.causes[name]
	}
	if c == nil {
		if p.causes == nil {
			p.causes = make(map[string]*cause)
		}
		c = new(cause)
		p.causes[name] = c
	}
	if now.Before(c.next) {
		c.withheld++
		return 0, false
	}
	withheld, c.withheld = c.withheld, 0
	c.next = now.Add(time.Second)
	return withheld, true
}
