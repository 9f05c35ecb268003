package h2

import (
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// progress ends what the peer moves more slowly than the least rate, and
// returns when to look again: zero if nothing waits for the peer.
//
// A response waits for the window of its stream, which has a pace of its own,
// or for the connection's, whose pace all such streams share: many of them over
// a connection of moderate speed are not too slow for being many. What the
// socket holds back is measured by the wire, and by nothing here. A request's
// body is measured while its handler has read all that has come.
func (c *Conn) progress() (until time.Time) {
	look := func(t time.Time) {
		if !t.IsZero() && (until.IsZero() || t.Before(until)) {
			until = t
		}
	}
	unsent, shared := false, false
	for _, s := range c.streams {
		if s.tunnel == tunnelOpen {
			end, broken := c.tunnelIdle(s)
			if broken {
				continue
			}
			look(end)
		} else if s.sendDone {
			look(c.lateEnd(s))
		}
		if s.sendDone {
			continue
		}
		unsent = unsent || s.unsent()
		shared = shared || c.shares(s)
		look(c.streamProgress(s))
	}
	switch {
	case !unsent:
		c.out.Restart()
	case shared:
		c.out.Wait(c.now)
	default:
		c.out.Pause(c.now)
	}
	end, broken := c.out.Due(c.now)
	if broken {
		c.stallShared()
		return until
	}
	look(end)
	return until
}

// streamProgress resets a stream that is too slow by itself, and returns until
// when it is not: zero if it does not wait for the peer.
func (c *Conn) streamProgress(s *stream) (until time.Time) {
	unsent := s.unsent()
	switch {
	case !unsent:
		s.out.Restart()
	case s.window <= 0 && !c.wire.Congested():
		s.out.Wait(c.now)
	default:
		s.out.Pause(c.now)
	}
	if !unsent && c.starves(s) { // else its handler waits until it can write
		s.in.Wait(c.now)
	} else {
		s.in.Pause(c.now) // and not anew: it has but taken the little that came
	}
	until, broken := s.out.Due(c.now)
	if broken {
		c.stall(s, metrics.LimitWriteTimeout)
		return time.Time{}
	}
	end, broken := s.in.Due(c.now)
	if broken {
		c.stall(s, metrics.LimitBodyTimeout)
		return time.Time{}
	}
	if until.IsZero() {
		until = end // only one of them runs
	}
	return until
}

// shares reports whether a stream waits for its share of the connection's
// window: a stream with a window of its own is sent whatever that has room for.
func (c *Conn) shares(s *stream) bool { return s.unsent() && s.window > 0 && !c.wire.Congested() }

// starves reports whether the handler of a stream may wait for more of the
// request's body, and the peer may send it.
func (c *Conn) starves(s *stream) bool {
	return s.body != nil && !s.recvDone && s.tunnel == noTunnel && !c.choked && c.credit.Room() > 0 && s.body.Starving()
}

// stallShared resets the streams that wait for the connection's window. If the
// peer has opened that by nothing at all, and nothing else is open, the
// connection ends.
func (c *Conn) stallShared() {
	c.out.Restart()
	for _, s := range c.streams {
		if !s.sendDone && c.shares(s) {
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

// lateEnd resets a stream whose request goes on for too long after its answer,
// and returns until when that is not the case.
func (c *Conn) lateEnd(s *stream) (until time.Time) {
	if until = s.answered.Add(lateTime); c.now.Before(until) {
		return until
	}
	c.unwanted(s)
	return time.Time{}
}

// partialData measures a DATA frame that has arrived in part: its bytes are
// progress of its stream's body, and the frame itself, which holds back all
// others, has to arrive at the least rate. h is its head, had how much of its
// payload is here. It returns until when the frame is in time.
func (c *Conn) partialData(h frame.Header, had int) (until time.Time, broken bool) {
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
	return c.frameIn.Due(c.now)
}
