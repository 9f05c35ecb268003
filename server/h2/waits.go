package h2

import (
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// wait is something that the connection waits for, of its peer. What the peer
// has sent in part, what is open and how far a drain has come go on beside each
// other, so there may be several, each with its time; what a stream waits for is
// a streamWait. A peer that takes nothing from the socket is the wire's to end.
type wait uint8

const (
	forPreface wait = iota // the client's, with its SETTINGS frame
	forBlock               // the rest of a header block: CONTINUATION
	forFrame               // the rest of a frame that is no DATA
	forData                // the rest of a DATA frame, which holds all others back
	forShares              // the connection's window, which streams have to share
	forRequest             // a request: no stream is open
	forLife                // any frame: streams are open
	forPong                // the answer to a PING that checks the peer, or any frame
	forGoAway              // a sign that our first GOAWAY has arrived, and requests sent before
	waits                  // how many there are
)

func (w wait) String() string {
	return [waits]string{"the preface", "a header block", "a frame", "a DATA frame", "the connection's window", "a request", "a sign of life", "a PING's answer", "a GOAWAY's way"}[w]
}

// due is when the peer has to have done what w is; zero if the connection does
// not wait for that. Measure and progress come before.
func (c *Conn) due(w wait) (end time.Time) {
	l := &c.cfg.Limits
	switch w {
	case forPreface:
		if !c.settingsFromPeer && !c.wire.Congested() {
			end = c.began.Add(l.Head)
		}
	case forBlock:
		if c.block.open() && !c.wire.Congested() { // congested, we do not read
			end = c.block.since.Add(l.Head)
		}
	case forFrame:
		if !c.partial.IsZero() && !c.partOfData && !c.wire.Congested() {
			end = c.partial.Add(l.Head)
		}
	case forData:
		end, _ = c.frameIn.Due(c.now)
	case forShares:
		end, _ = c.out.Due(c.now)
	case forRequest:
		if len(c.streams) == 0 {
			end = c.active.Add(l.Idle)
		}
	case forLife:
		if len(c.streams) > 0 && !c.pinging() {
			end = c.alive.Add(pingAfter)
		}
	case forPong:
		if len(c.streams) > 0 && c.pinging() {
			end = c.pinged.Add(pongWithin)
		}
	case forGoAway:
		end = c.drainEnds()
	}
	return end
}

// expire does what follows if the peer has not done what w is in time: it ends
// the connection, or sends something.
func (c *Conn) expire(w wait) {
	switch w {
	case forPreface, forBlock, forFrame:
		c.timeOut(metrics.LimitHeadTimeout, "a preface, frame or header block did not arrive in time")
	case forData:
		c.timeOut(metrics.LimitBodyTimeout, "a DATA frame did not arrive in time")
	case forShares:
		c.stallShared()
	case forRequest:
		c.limit(metrics.LimitIdleTimeout)
		c.fail(frame.ConnError(frame.NoError, "idle"))
		c.reason = metrics.CloseIdle
	case forLife:
		c.pinged = c.now
		c.wire.Out = frame.AppendPing(c.wire.Out, false, alivePing)
	case forPong:
		c.limit(metrics.LimitIdleTimeout)
		c.gone(errTimeout)
		c.reason = metrics.CloseTimeout
	case forGoAway:
		c.endDrain()
	}
}

// overdue ends what has waited too long and returns the next time to look.
func (c *Conn) overdue() (until time.Time) {
	c.measure()
	until = c.progress()
	for w := range waits {
		end := c.due(w)
		if end.IsZero() {
			continue
		}
		if !c.now.Before(end) {
			if c.expire(w); c.stopped {
				return end
			}
			continue // what it has sent brings the next turn
		}
		until = sooner(until, end)
	}
	return until
}

// sooner is the earlier of two times, of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// measure notes what has come of a frame that is not whole, and what counts as
// a sign of life.
func (c *Conn) measure() {
	if c.wire.Congested() {
		// A PING would wait behind what the socket does not take: the wire
		// measures how fast it does. With responses among that, the connection
		// is in use; answers to control frames are no use of it.
		c.alive = c.now
		if !c.active.Before(c.clear) {
			c.active = c.now
		}
	}
	b := c.wire.Unread()
	if len(b) >= frame.HeaderLen && c.prefaced && len(b) >= frame.HeaderLen+int(frame.ParseHeader(b).Length) {
		return // it is not the peer that this frame waits for: the turn had no more time
	}
	if c.partial.IsZero() && len(b) > 0 {
		c.partial = c.now
	}
	if len(b) < frame.HeaderLen || !c.settingsFromPeer || c.block.open() {
		return
	}
	if h := frame.ParseHeader(b); h.Type == frame.Data {
		c.partOfData = true
		c.measureData(h, len(b)-frame.HeaderLen)
	}
}

// measureData measures a DATA frame that has arrived in part: its bytes are
// progress of its stream's body, and the frame itself, which holds back all
// others, has to arrive at the least rate. h is its header, had how much of its
// payload is here.
func (c *Conn) measureData(h frame.Header, had int) {
	if c.wire.Congested() {
		c.frameIn.Pause(c.now) // while output is congested, we do not read
	} else {
		c.frameIn.Wait(c.now)
	}
	if n := had - c.counted; n > 0 {
		c.counted = had
		c.frameIn.Moved(n, c.now)
		if s := c.streams[h.StreamID]; s != nil {
			s.in.Moved(n, c.now)
		}
	}
}

// pinging reports whether a PING of ours was sent, and nothing has come since.
func (c *Conn) pinging() bool { return !c.pinged.IsZero() && !c.pinged.Before(c.alive) }

// timeOut ends the connection of a peer that has begun something and does not go
// on.
func (c *Conn) timeOut(l metrics.Limit, what string) {
	c.limit(l)
	c.fail(frame.ConnError(frame.EnhanceYourCalm, what))
	c.reason = metrics.CloseTimeout
}
