package h1

import (
	"fmt"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// state is what a connection is doing. Hits that fit a batch are answered in
// waiting and heading alone.
//
//	   ┌──────────────────────────┐
//	   ▼      part of a head      │ the rest of it
//	waiting ─────────────────▶ heading
//	 │ ▲ │                      │ │
//	 │ │ │ large hit            │ │       content sent
//	 │ │ └──────▶ sending ◀─────┘ │   ┌─────────────────▶ waiting
//	 │ │             └────────────┼───┘
//	 │ │         request for the handler
//	 │ │             ┌────────────┘
//	 └─┼──────▶  handling ── agreed to upgrade ──▶ tunneling
//	   │             │ final head                     │
//	   │             ▼                                │
//	   ├────────  replying                            │
//	   │             │ answered, the request has not  │
//	   │             │ all come                       │
//	   ├────────  draining                            │
//	   │             │ answered, the handler has not  │
//	   │             ▼ returned                       │
//	   └────────  ending                              │
//	                                                  ▼
//	   any of them: the last answer, an error ──▶ closing
type state uint8

const (
	waiting   state = iota // for a request, of which nothing has come
	heading                // part of a head has come
	sending                // a stored content that is larger than a batch
	handling               // a handler runs; the request's content may be arriving
	replying               // the final head is sent, content follows; the request's may be arriving
	draining               // answered; the rest of the request's content is dropped
	ending                 // answered; the handler has not returned
	tunneling              // bytes go both ways
	closing                // all is said; what is queued goes out
	states                 // how many there are
)

func (s state) String() string {
	return [states]string{"waiting", "heading", "sending", "handling", "replying", "draining", "ending", "tunneling", "closing"}[s]
}

// follows says which states may come after one.
var follows = [states][]state{
	waiting:   {heading, sending, handling, closing},
	heading:   {waiting, sending, handling, closing},
	sending:   {waiting, closing},
	handling:  {replying, tunneling, closing},
	replying:  {waiting, draining, ending, closing},
	draining:  {waiting, ending, closing},
	ending:    {waiting, closing},
	tunneling: {closing},
	closing:   nil,
}

// enter makes the connection go on to next.
func (c *Conn) enter(next state) {
	for _, s := range follows[c.state] {
		if s == next {
			c.state, c.since = next, c.now
			return
		}
	}
	panic(fmt.Sprintf("h1: %v after %v", next, c.state))
}

// wantsInput reports whether more is to be read in this state.
func (c *Conn) wantsInput() bool {
	if c.ended {
		return false
	}
	switch c.state {
	case waiting, heading:
		return true
	case draining:
		return true // and dropped
	case handling, replying, tunneling:
		if c.x.in.arriving() {
			return c.x.in.room() > 0
		}
	case sending, closing:
		return false
	}
	return len(c.wire.Unread()) < readAhead
}

// drainsAt is when a connection that waits for a request ends in a drain: at once,
// unless one is probably on its way, the first of a new connection or the next of
// one in use. Its answer will say that it is the last; a request that crosses with
// the connection's end has none, and one that is not idempotent is not sent again.
func (c *Conn) drainsAt() time.Time {
	if c.fresh {
		return c.active.Add(freshTime)
	}
	return c.active.Add(usedTime)
}

// due is until when the peer has to act; zero if nothing is waited for but the
// handler, or the peer's reading.
func (c *Conn) due() time.Time {
	switch c.state {
	case waiting:
		if c.drain {
			return c.drainsAt()
		}
		return c.active.Add(c.cfg.Idle)
	case heading:
		return c.since.Add(c.cfg.Head)
	case handling, replying:
		in := &c.x.in
		if in.arriving() && in.room() > 0 && !in.heldBack() {
			in.pace.Wait(c.now)
		} else {
			in.pace.Pause(c.now)
		}
		until, _ := in.pace.Due(c.now)
		return until
	case draining:
		return c.since.Add(drainTime)
	case tunneling:
		return c.active.Add(c.cfg.TunnelIdle)
	}
	return time.Time{} // sending, ending, closing
}

// expire ends what the peer has not done in time.
func (c *Conn) expire() {
	switch c.state {
	case waiting:
		c.breach(metrics.LimitIdleTimeout, metrics.CloseIdle)
		c.enter(closing)
	case heading:
		c.breach(metrics.LimitHeadTimeout, metrics.CloseTimeout)
		c.enter(closing)
	case handling:
		c.breach(metrics.LimitBodyTimeout, metrics.CloseTimeout)
		c.failExchange(slowContent, errSlow)
	case replying:
		c.breach(metrics.LimitBodyTimeout, metrics.CloseTimeout)
		c.contentFailed(errSlow) // the answer goes on
	case draining:
		c.leaveExchange(closing)
	case tunneling:
		c.breach(metrics.LimitIdleTimeout, metrics.CloseIdle)
		c.endTunnel(true)
	}
}

// breach counts a budget that the peer used up, and why the connection ends.
func (c *Conn) breach(l metrics.Limit, why metrics.CloseReason) {
	c.cfg.Metrics.LimitBreaches.Add(c.stripe, l, 1)
	c.reason = why
}
