package h2

import (
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// streamWait is what a stream waits for. It follows from what the stream has, see
// waitOf, and is noted nowhere, so that it cannot be another.
//
//	request with content            headed, content unsent
//	┌─────────────────────┐       ┌────────────────────────┐
//	│ forContent          │       │ forWindow, its own shut│
//	│   ▲ all that came   │ head  │ forShare, the connec-  │ all sent      request not ended
//	│   ▼ is read         ├──────▶│   tion's shut          ├─────────┬────▶ forRest ──▶ closed
//	│ forHandler          │       │ forSocket, which is    │         │ ended
//	└─────────┬───────────┘       │   full                 │         └────▶ closed
//	          │ agreed to CONNECT └────────────────────────┘
//	          └──────▶ forTunnel, whenever nothing is unsent
type streamWait uint8

const (
	forHandler  streamWait = iota // nothing of the peer's: its handler, or origin, is to go on
	forContent                    // the request's content, which its handler waits for
	forWindow                     // the stream's window
	forShare                      // the connection's window: see forShares
	forSocket                     // the socket, which the wire measures
	forRest                       // the rest of a request that is answered
	forTunnel                     // a byte in either direction of a tunnel
	streamWaits                   // how many there are
)

func (w streamWait) String() string {
	return [streamWaits]string{"its handler", "content", "its window", "a share of the connection's window", "the socket", "the rest of its request", "its tunnel"}[w]
}

// waitOf is what s waits for.
func (c *Conn) waitOf(s *stream) streamWait {
	unsent := !s.sendDone && s.unsent()
	switch {
	case s.tunnel == tunnelOpen && !unsent:
		return forTunnel
	case s.sendDone:
		return forRest
	case unsent && c.wire.Congested():
		return forSocket
	case unsent && s.window <= 0:
		return forWindow
	case unsent:
		return forShare
	case c.starves(s):
		return forContent
	}
	return forHandler
}

// starves reports whether the handler of a stream may wait for more of the
// request's body, and the peer may send it.
func (c *Conn) starves(s *stream) bool {
	return s.body != nil && !s.recvDone && s.tunnel == noTunnel && !c.choked && c.credit.Room() > 0 && s.body.Starving()
}

// streamDue is when the peer has to have done what s waits for: zero if that is
// not the peer's to do, or measured elsewhere.
func (c *Conn) streamDue(s *stream, w streamWait) (end time.Time) {
	switch w {
	case forContent:
		end, _ = s.in.Due(c.now)
	case forWindow:
		end, _ = s.out.Due(c.now)
	case forRest:
		end = s.answered.Add(lateTime)
	case forTunnel:
		end = s.moved.Add(c.cfg.Limits.TunnelIdle)
	case forHandler, forShare, forSocket:
	}
	return end
}

// expireStream ends a stream whose peer has not done in time what it waits for.
func (c *Conn) expireStream(s *stream, w streamWait) {
	switch w {
	case forContent:
		c.stall(s, metrics.LimitBodyTimeout)
	case forWindow:
		c.stall(s, metrics.LimitWriteTimeout)
	case forRest:
		c.unwanted(s)
	case forTunnel:
		c.stall(s, metrics.LimitIdleTimeout)
	}
}

// progress ends what the peer moves more slowly than the least rate, and
// returns when to look again: zero if no stream waits for the peer.
//
// A response waits for the window of its stream, which has a pace of its own,
// or for the connection's, whose pace all such streams share: many of them over
// a connection of moderate speed are not too slow for being many. What the
// socket holds back is measured by the wire, and by nothing here. A request's
// body is measured while its handler has read all that has come.
func (c *Conn) progress() (until time.Time) {
	unsent, shared := false, false
	for _, s := range c.streams {
		w := c.waitOf(s)
		c.pace(s, w)
		if end := c.streamDue(s, w); end.IsZero() || c.now.Before(end) {
			until = sooner(until, end)
		} else {
			c.expireStream(s, w)
			continue
		}
		shared = shared || w == forShare
		unsent = unsent || w == forShare || w == forWindow || w == forSocket
	}
	switch {
	case !unsent:
		c.out.Restart()
	case shared:
		c.out.Wait(c.now)
	default:
		c.out.Pause(c.now)
	}
	return until
}

// pace lets the peer's time run for what s waits for, and for nothing else.
func (c *Conn) pace(s *stream, w streamWait) {
	switch w {
	case forWindow:
		s.out.Wait(c.now)
	case forShare, forSocket:
		s.out.Pause(c.now)
	default:
		s.out.Restart()
	}
	if w == forContent {
		s.in.Wait(c.now)
	} else {
		s.in.Pause(c.now) // and not anew: it has but taken the little that came
	}
}

// stallShared resets the streams that wait for the connection's window. If the
// peer has opened that by nothing at all, and nothing else is open, the
// connection ends.
func (c *Conn) stallShared() {
	c.out.Restart()
	for _, s := range c.streams {
		if c.waitOf(s) == forShare {
			c.stall(s, metrics.LimitWriteTimeout)
		}
	}
	if len(c.streams) == 0 && !c.now.Before(c.opened.Add(c.cfg.Limits.Progress)) {
		c.fail(frame.ConnError(frame.EnhanceYourCalm, "the connection's window stays closed"))
		c.reason = metrics.CloseTimeout
	}
}

// stall resets a stream that is too slow.
func (c *Conn) stall(s *stream, l metrics.Limit) {
	c.limit(l)
	c.countError(frame.Cancel, metrics.ScopeStream)
	c.reset(s, frame.Cancel, errStalled)
}
