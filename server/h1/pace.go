package h1

import "time"

// pace measures a peer against a rate of quantum bytes in within, while it is
// the peer who has to act. It is a token bucket in time: each byte that moves
// earns the peer its share of within, of which it never has more than the
// whole. So a peer that moves bytes at the rate is never too slow, and one that
// moves nothing has within.
//
// Time that is not the peer's stands still. The zero pace is of a peer that has
// no time left.
type pace struct {
	within  time.Duration
	quantum int
	left    time.Duration // that the peer may take, from since on
	since   time.Time     // zero: it is not the peer's turn
}

func newPace(quantum int, within time.Duration) pace {
	return pace{within: within, quantum: quantum, left: within}
}

// wait begins the peer's turn, unless it has begun.
func (p *pace) wait(now time.Time) {
	if p.since.IsZero() {
		p.since = now
	}
}

// pause ends the peer's turn: what is left of its time stays.
func (p *pace) pause(now time.Time) {
	p.settle(now)
	p.since = time.Time{}
}

// moved notes n bytes.
func (p *pace) moved(n int, now time.Time) {
	p.settle(now)
	if n >= p.quantum {
		p.left = p.within
		return
	}
	p.left = min(p.within, p.left+time.Duration(float64(p.within)*float64(n)/float64(p.quantum)))
}

// due is when the peer's time ends; zero if it is not the peer's turn.
func (p *pace) due() time.Time {
	if p.since.IsZero() {
		return time.Time{}
	}
	return p.since.Add(p.left)
}

// settle takes what has passed of the peer's turn.
func (p *pace) settle(now time.Time) {
	if p.since.IsZero() {
		return
	}
	p.left = max(0, p.left-now.Sub(p.since))
	p.since = now
}
