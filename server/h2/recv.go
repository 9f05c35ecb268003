package h2

import (
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// onFrame handles a frame that is legal by itself. payload is borrowed for the
// call.
func (c *Conn) onFrame(h frame.Header, payload []byte) *frame.Error {
	if c.block.open() && (h.Type != frame.Continuation || h.StreamID != c.block.id) {
		return frame.ConnError(frame.ProtocolError, "header block interrupted by another frame") // §4.3
	}
	if !c.settingsFromPeer {
		if h.Type != frame.Settings || h.Flags.Has(frame.FlagAck) {
			return frame.ConnError(frame.ProtocolError, "the first frame is not SETTINGS") // §3.4
		}
		c.settingsFromPeer = true
	}
	switch h.Type {
	case frame.Headers:
		if !c.idle(h.StreamID) {
			return c.onHeaders(h, payload)
		}
		c.active = c.now // a request is use of the connection; control frames are not
		return c.onHeaders(h, payload)
	case frame.Continuation:
		return c.onContinuation(h, payload)
	case frame.Data:
		return c.onData(h, payload)
	case frame.WindowUpdate:
		return c.onWindowUpdate(h, payload)
	case frame.Settings:
		return c.onSettings(h, payload)
	case frame.Ping:
		return c.onPing(h, payload)
	case frame.RSTStream:
		return c.onReset(h, payload)
	case frame.Priority:
		return c.onPriority(h, payload)
	case frame.GoAway:
		return c.useless("GOAWAY") // the peer opens no more streams; those that are open go on (§6.8)
	case frame.PushPromise:
		return frame.ConnError(frame.ProtocolError, "PUSH_PROMISE from a client") // §8.4
	default:
		return c.useless("frame of an unknown type") // ignored (§5.5)
	}
}

// failed answers an error and reports whether the connection goes on: a
// stream's error ends the stream alone (§5.4), if there is one to end.
func (c *Conn) failed(err *frame.Error) (goesOn bool) {
	if err.StreamID == 0 {
		c.fail(err)
		return false
	}
	if c.idle(err.StreamID) { // RST_STREAM must not be sent for it (§6.4)
		c.fail(frame.ConnError(err.Code, err.Reason))
		return false
	}
	c.countError(err.Code, metrics.ScopeStream)
	if s := c.streams[err.StreamID]; s != nil {
		c.reset(s, err.Code, err)
	} else { // it may be reset already; reset it again, for this error
		c.sendReset(err.StreamID, err.Code)
	}
	// A peer that makes us reset its streams pays for them as if it had done
	// so itself: CVE-2025-8671, "MadeYouReset".
	if !c.early.Spend(c.now) {
		c.limit(metrics.LimitEarlyReset)
		c.fail(frame.ConnError(frame.EnhanceYourCalm, "too many stream errors"))
		return false
	}
	return true
}

// fail ends the connection with GOAWAY.
func (c *Conn) fail(err *frame.Error) {
	c.countError(err.Code, metrics.ScopeConnection)
	c.wire.Out = frame.AppendGoAway(c.wire.Out, c.lastID, err.Code, err.Reason)
	c.stopped = true
	c.reason = metrics.CloseError
	if err.Code == frame.EnhanceYourCalm {
		c.reason = metrics.CloseLimit
	}
	if err.Code != frame.NoError {
		c.cfg.Log.Debug("connection error", "peer", c.wire.RemoteAddr().String(), "code", err.Code.String(), "reason", err.Reason)
	}
}

// useless takes a frame that does nothing for any response off the peer's
// budget: PING, SETTINGS, GOAWAY, PRIORITY, empty DATA, RST_STREAM on a closed
// stream, WINDOW_UPDATE beyond what our DATA earned, unknown types.
// A browser sends a handful of them.
func (c *Conn) useless(what string) *frame.Error {
	if c.control.Spend(c.now) {
		return nil
	}
	c.limit(metrics.LimitControlFrames)
	return frame.ConnError(frame.EnhanceYourCalm, "too many frames without use, last a "+what)
}

// controlAnswer counts an answer to a control frame that a peer which does not
// read makes us keep.
func (c *Conn) controlAnswer() *frame.Error {
	if !c.wire.Congested() {
		return nil
	}
	if c.queuedControl++; int(c.queuedControl) <= c.cfg.Limits.ControlQueue {
		return nil
	}
	c.limit(metrics.LimitControlQueue)
	return frame.ConnError(frame.EnhanceYourCalm, "answers to control frames are not read")
}

func (c *Conn) onPing(h frame.Header, payload []byte) *frame.Error {
	if h.Flags.Has(frame.FlagAck) {
		if c.onPong(payload) {
			return nil
		}
		return c.useless("PING acknowledgement of nothing")
	}
	if err := c.useless("PING"); err != nil {
		return err
	}
	c.wire.Out = frame.AppendPing(c.wire.Out, true, payload)
	return c.controlAnswer()
}

// onPriority validates what RFC 9113 §5.3.2 deprecates, and ignores it.
func (c *Conn) onPriority(h frame.Header, payload []byte) *frame.Error {
	if frame.Dependency(payload) == h.StreamID {
		return frame.StreamError(h.StreamID, frame.ProtocolError, "stream depends on itself")
	}
	return c.useless("PRIORITY")
}

func (c *Conn) onReset(h frame.Header, payload []byte) *frame.Error {
	if c.idle(h.StreamID) {
		return frame.ConnError(frame.ProtocolError, "RST_STREAM on an idle stream") // §5.1
	}
	c.cfg.Metrics.StreamsReset.Add(c.stripe, metrics.ByPeer, 1)
	s := c.streams[h.StreamID]
	if s == nil {
		c.forgetReset(h.StreamID) // nothing is under way behind this
		return c.useless("RST_STREAM on a closed stream")
	}
	c.drop(s, errPeerReset)
	if s.sendDone {
		return c.useless("RST_STREAM on an answered stream")
	}
	if !c.early.Spend(c.now) { // CVE-2023-44487, "Rapid Reset"
		c.limit(metrics.LimitEarlyReset)
		return frame.ConnError(frame.EnhanceYourCalm, "too many streams reset")
	}
	return nil
}

func (c *Conn) onWindowUpdate(h frame.Header, payload []byte) *frame.Error {
	if c.idle(h.StreamID) {
		return frame.ConnError(frame.ProtocolError, "WINDOW_UPDATE on an idle stream") // §5.1
	}
	n, err := frame.Increment(h, payload)
	if err != nil {
		return err
	}
	if c.updates > 0 {
		c.updates--
	} else if err := c.useless("WINDOW_UPDATE"); err != nil {
		return err
	}
	if h.StreamID == 0 {
		if !c.window.Add(int64(n)) {
			return frame.ConnError(frame.FlowControlError, "connection window past 2^31-1")
		}
		c.opened = c.now
		c.out.Moved(int(n), c.now) // streams that wait for it take it all
		return nil
	}
	s := c.streams[h.StreamID]
	if s == nil {
		return nil // closed a moment ago (§5.1)
	}
	if !s.window.Add(int64(n)) {
		return frame.StreamError(h.StreamID, frame.FlowControlError, "stream window past 2^31-1")
	}
	c.queue(s)
	return nil
}

// idle reports whether the peer has not opened the stream yet. Even streams
// are ours to open, and we open none.
func (c *Conn) idle(id uint32) bool { return id > c.lastID || id != 0 && id%2 == 0 }

// onData gives a request's body to its handler. Everything that is not given to
// one is given back to the connection's window at once.
func (c *Conn) onData(h frame.Header, payload []byte) *frame.Error {
	if c.idle(h.StreamID) {
		return frame.ConnError(frame.ProtocolError, "DATA on an idle stream")
	}
	if !c.credit.Take(int(h.Length)) {
		return frame.ConnError(frame.FlowControlError, "more DATA than the connection window allows")
	}
	content, err := frame.Unpad(h, payload)
	if err != nil {
		return err
	}
	end := h.Flags.Has(frame.FlagEndStream)
	if len(content) == 0 && !end {
		if err := c.useless("empty DATA"); err != nil {
			return err
		}
	}
	s := c.streams[h.StreamID]
	switch {
	case s == nil && c.disowned(h.StreamID):
		c.freeConn(int(h.Length))
		return nil
	case s == nil, s.recvDone:
		c.freeConn(int(h.Length))
		return frame.StreamError(h.StreamID, frame.StreamClosed, "DATA after the stream's end")
	case !s.credit.Take(int(h.Length)):
		c.freeConn(int(h.Length))
		return frame.StreamError(h.StreamID, frame.FlowControlError, "more DATA than the stream window allows")
	}
	c.freeConn(int(h.Length) - len(content)) // padding
	c.freeStream(s, int(h.Length)-len(content))
	return c.bodyBytes(s, content, end)
}

// bodyBytes takes the next part of a request's body.
func (c *Conn) bodyBytes(s *stream, content []byte, end bool) *frame.Error {
	s.received += int64(len(content))
	if len(content) > 0 || end {
		s.moved = c.now
	}
	s.in.Moved(len(content)-min(c.counted, len(content)), c.now)
	if s.declared >= 0 && (s.received > s.declared || end && s.received != s.declared) {
		c.freeConn(len(content))
		return frame.StreamError(s.id, frame.ProtocolError, "DATA does not add up to content-length") // §8.1.1
	}
	if s.received > c.cfg.Limits.BodyBytes && s.tunnel == noTunnel && s.body.TooLarge(c.cfg.Limits.BodyBytes) {
		c.limit(metrics.LimitBodySize)
	}
	unkept, err := s.body.Add(content)
	c.freeConn(unkept)
	if err != nil {
		c.limit(metrics.LimitBodyMemory)
		c.cut(s)
		return nil
	}
	if end {
		c.endBody(s)
		return nil
	}
	if s.sendDone && s.tunnel != tunnelOpen {
		if s.lateBytes += len(content); s.lateBytes > lateBody {
			c.unwanted(s)
		}
	}
	return nil
}

// freeConn gives n bytes back to the connection's receive window.
func (c *Conn) freeConn(n int) {
	if increment := c.credit.Free(n); increment > 0 {
		c.wire.Out = frame.AppendWindowUpdate(c.wire.Out, 0, uint32(increment))
	}
}

// freeStream gives n bytes back to the stream's.
func (c *Conn) freeStream(s *stream, n int) {
	if s.recvDone {
		return
	}
	if increment := s.credit.Free(n); increment > 0 {
		c.wire.Out = frame.AppendWindowUpdate(c.wire.Out, s.id, uint32(increment))
	}
}
