package h2

import "time"

// rate is the least that a peer has to move: quantum bytes in within.
type rate struct {
	within  time.Duration
	quantum int
}

// pace measures a peer against a rate while it is the peer's turn to act.
// It is a token bucket in time: each byte that moves earns the peer its share
// of within, of which it never has more than the whole. So a peer that moves
// bytes at the rate, in parts of up to a quantum, is never too slow; one that
// moves nothing has within; and one at a share f of the rate has within/(1-f).
//
// Time that is not the peer's stands still, see pause: to make us wait in
// turns gains nothing. The zero pace is of a peer that has no time left.
type pace struct {
	rate
	left  time.Duration // that the peer may take, from since on
	since time.Time     // zero: it is not the peer's turn
}

func newPace(r rate) pace { return pace{rate: r, left: r.within} }

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

// restart ends the peer's turn and gives it all its time again: it has moved
// all that there was.
func (p *pace) restart() { p.left, p.since = p.within, time.Time{} }

// moved notes n bytes.
func (p *pace) moved(n int, now time.Time) {
	p.settle(now)
	if n >= p.quantum {
		p.left = p.within
		return
	}
	p.left = min(p.within, p.left+time.Duration(float64(p.within)*float64(n)/float64(p.quantum)))
}

// due returns when the peer's time ends, and whether it has: zero if it is not
// the peer's turn.
func (p *pace) due(now time.Time) (deadline time.Time, broken bool) {
	if p.since.IsZero() {
		return deadline, false
	}
	deadline = p.since.Add(p.left)
	return deadline, !now.Before(deadline)
}

// settle takes what has passed of the peer's turn. What moves late, since we
// were late to look, counts from nothing and not from less.
func (p *pace) settle(now time.Time) {
	if p.since.IsZero() {
		return
	}
	p.left = max(0, p.left-now.Sub(p.since))
	p.since = now
}
