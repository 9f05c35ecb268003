package limit

import "time"

// Rate is the least that a peer has to move: Quantum bytes in Within.
type Rate struct {
	Within  time.Duration
	Quantum int
}

// Pace measures a peer against a rate while it is the peer's turn to act.
// It is a token bucket in time: each byte that moves earns the peer its share
// of within, of which it never has more than the whole. So a peer that moves
// bytes at the rate, in parts of up to a quantum, is never too slow; one that
// moves nothing has within; and one at a share f of the rate has within/(1-f).
//
// Time that is not the peer's stands still, see Pause: to make us wait in
// turns gains nothing. The zero Pace is of a peer that has no time left.
type Pace struct {
	rate  Rate
	left  time.Duration // that the peer may take, from since on
	since time.Time     // zero: it is not the peer's turn
}

// NewPace makes the pace of a peer that has all its time.
func NewPace(r Rate) Pace { return Pace{rate: r, left: r.Within} }

// Wait begins the peer's turn, unless it has begun.
func (p *Pace) Wait(now time.Time) {
	if p.since.IsZero() {
		p.since = now
	}
}

// Pause ends the peer's turn: what is left of its time stays.
func (p *Pace) Pause(now time.Time) {
	p.settle(now)
	p.since = time.Time{}
}

// Restart ends the peer's turn and gives it all its time again: it has moved
// all that there was.
func (p *Pace) Restart() { p.left, p.since = p.rate.Within, time.Time{} }

// Moved notes n bytes.
func (p *Pace) Moved(n int, now time.Time) {
	p.settle(now)
	if n >= p.rate.Quantum {
		p.left = p.rate.Within
		return
	}
	p.left = min(p.rate.Within, p.left+time.Duration(float64(p.rate.Within)*float64(n)/float64(p.rate.Quantum)))
}

// Due returns when the peer's time ends, and whether it has: zero if it is not
// the peer's turn.
func (p *Pace) Due(now time.Time) (deadline time.Time, broken bool) {
	if p.since.IsZero() {
		return deadline, false
	}
	deadline = p.since.Add(p.left)
	return deadline, !now.Before(deadline)
}

// settle takes what has passed of the peer's turn. What moves late, since we
// were late to look, counts from nothing and not from less.
func (p *Pace) settle(now time.Time) {
	if p.since.IsZero() {
		return
	}
	p.left = max(0, p.left-now.Sub(p.since))
	p.since = now
}
