package attack

import (
	"sync"
	"time"
)

// numbers numbers the requests of a closed loop in the order of their moments:
// vegeta's plot needs that of results. A schedule has numbers of its own.
type numbers struct {
	mu   sync.Mutex
	next uint64
	last time.Duration
}

// take returns the next number, and its moment: now, or the one that another
// connection has just taken if that is later.
func (n *numbers) take(now time.Duration) (seq uint64, at time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = max(n.last, now)
	seq = n.next
	n.next++
	return seq, n.last
}
