package h2client

import (
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// onFrame handles a frame that is legal by itself. payload is borrowed for the
// call.
func (c *Conn) onFrame(h frame.Header, payload []byte) *frame.Error {
	if c.block.id != 0 && (h.Type != frame.Continuation || h.StreamID != c.block.id) {
		return frame.ConnError(frame.ProtocolError, "header block interrupted by another frame") // §4.3
	}
	if h.StreamID != 0 && (h.StreamID%2 == 0 || h.StreamID >= c.nextID) && h.Type <= frame.Continuation && h.Type != frame.Priority {
		return frame.ConnError(frame.ProtocolError, h.Type.String()+" frame on a stream that was not opened") // §5.1
	}
	switch h.Type {
	case frame.Data:
		return c.onData(h, payload)
	case frame.Headers:
		return c.onHeaders(h, payload)
	case frame.Continuation:
		return c.onContinuation(h, payload)
	case frame.WindowUpdate:
		return c.onWindowUpdate(h, payload)
	case frame.Settings:
		return c.onSettings(h, payload)
	case frame.Ping:
		if !h.Flags.Has(frame.FlagAck) {
			c.wire.Out = frame.AppendPing(c.wire.Out, true, payload)
			return c.answered()
		}
	case frame.RSTStream:
		c.onReset(h, payload)
	case frame.GoAway:
		c.onGoAway(payload)
	case frame.PushPromise:
		return frame.ConnError(frame.ProtocolError, "PUSH_PROMISE, which SETTINGS_ENABLE_PUSH forbids") // §8.4
	}
	return nil // PRIORITY and unknown types are ignored (§5.3, §5.5)
}

// answered counts an answer that a server which does not read makes us keep.
func (c *Conn) answered() *frame.Error {
	if !c.wire.Congested() {
		c.answers = 0
		return nil
	}
	if c.answers++; c.answers > maxAnswers {
		return frame.ConnError(frame.EnhanceYourCalm, "answers to PING and SETTINGS are not read")
	}
	return nil
}

// onData counts content. Its windows are given back at once.
func (c *Conn) onData(h frame.Header, payload []byte) *frame.Error {
	n := int(h.Length)
	if !c.credit.Take(n) {
		return frame.ConnError(frame.FlowControlError, "more DATA than the connection window allows")
	}
	if increment := c.credit.Free(n); increment > 0 {
		c.wire.Out = frame.AppendWindowUpdate(c.wire.Out, 0, uint32(increment))
	}
	content, err := frame.Unpad(h, payload)
	if err != nil {
		return err
	}
	s := c.stream(h.StreamID)
	switch {
	case s == nil:
		return c.behindEnd(h.StreamID)
	case s.status == 0:
		return frame.StreamError(s.id, frame.ProtocolError, "DATA before HEADERS") // §8.1
	case !s.credit.Take(n):
		return frame.StreamError(s.id, frame.FlowControlError, "more DATA than the stream window allows")
	}
	s.received += int64(len(content))
	if s.digest != nil {
		s.digest.Write(content)
	}
	if h.Flags.Has(frame.FlagEndStream) {
		c.complete(s)
		return nil
	}
	if s.expect >= 0 && s.received > s.expect {
		c.abort(s, frame.ProtocolError, s.lengthFailure())
		return nil
	}
	if increment := s.credit.Free(n); increment > 0 {
		c.wire.Out = frame.AppendWindowUpdate(c.wire.Out, s.id, uint32(increment))
	}
	return nil
}

// behindEnd judges DATA or HEADERS of a stream that is gone. If we reset it,
// the server may not have read that yet; what it ended itself is over (§5.1).
func (c *Conn) behindEnd(id uint32) *frame.Error {
	if c.slot(id).over == id {
		return frame.ConnError(frame.StreamClosed, "a frame behind the end of its stream")
	}
	return nil
}

var (
	lengthDiffers = &exchange.Failure{Kind: exchange.Length, Detail: "content-length is not the length of the content"}
	hasContent    = &exchange.Failure{Kind: exchange.Length, Detail: "content where there can be none"}
	digestDiffers = &exchange.Failure{Kind: exchange.Digest, Detail: "the content is not what it should be"}
)

// complete judges a response that has ended.
func (c *Conn) complete(s *stream) {
	s.over = s.id
	var failure *exchange.Failure
	switch {
	case s.expect >= 0 && s.received != s.expect:
		failure = s.lengthFailure()
	case c.cfg.Digests != nil && !c.digestRight(s):
		failure = digestDiffers
	}
	if len(s.unsent) > 0 { // answered before it was asked in full: RFC 9113 §8.1
		c.abort(s, frame.NoError, failure)
		return
	}
	c.done(s, failure)
}

func (s *stream) lengthFailure() *exchange.Failure {
	if s.bodiless() {
		return hasContent
	}
	return lengthDiffers
}

// digestRight checks the content of a success. Of another status the content
// is not looked at: the status says more.
func (c *Conn) digestRight(s *stream) bool {
	if s.status >= 400 || s.bodiless() {
		return true
	}
	s.digest.Sum(c.sum[:0])
	return c.cfg.Digests.Check(s.ticket.Request.Target, c.sum)
}

func (c *Conn) onReset(h frame.Header, payload []byte) {
	s := c.stream(h.StreamID)
	if s == nil {
		return // reset by us, or done, a moment ago
	}
	s.over = s.id
	code := frame.Code(payload)
	failure := exchange.Failure{Kind: exchange.Reset, Detail: codeText(code)}
	if code == frame.RefusedStream { // §8.7
		c.unprocessed(s, failure)
		return
	}
	c.done(s, &failure)
}

// unprocessed gives a stream's ticket back, for which the server says that it
// has done nothing: unless it has answered already.
func (c *Conn) unprocessed(s *stream, failure exchange.Failure) {
	if s.status != 0 {
		c.done(s, &failure)
		return
	}
	failure.Unprocessed = true
	c.again(s, &failure)
}

// onGoAway opens no more streams, and takes those back that the server will not
// process (§6.8).
func (c *Conn) onGoAway(payload []byte) {
	last, code := frame.LastStream(payload)
	failure := &exchange.Failure{Kind: exchange.GoAway, Detail: codeText(code)}
	c.leaving = true
	c.failure = failure
	for i := range c.streams {
		if s := &c.streams[i]; s.id > last {
			c.unprocessed(s, *failure)
		}
	}
}

// codeText names an error code, an unknown one without its number: a peer must
// not make texts.
func codeText(code frame.ErrCode) string {
	if code > frame.HTTP11Required {
		return "unknown error code"
	}
	return code.String()
}

func (c *Conn) onWindowUpdate(h frame.Header, payload []byte) *frame.Error {
	n, err := frame.Increment(h, payload)
	if err != nil {
		return err
	}
	if h.StreamID == 0 {
		if !c.window.Add(int64(n)) {
			return frame.ConnError(frame.FlowControlError, "connection window past 2^31-1")
		}
		return nil
	}
	if s := c.stream(h.StreamID); s != nil && !s.window.Add(int64(n)) {
		return frame.StreamError(s.id, frame.FlowControlError, "stream window past 2^31-1")
	}
	return nil
}

// onSettings applies the server's settings in order and acknowledges them
// (§6.5.3).
func (c *Conn) onSettings(h frame.Header, payload []byte) *frame.Error {
	if h.Flags.Has(frame.FlagAck) {
		if !c.settled {
			return frame.ConnError(frame.ProtocolError, "the first frame is not SETTINGS")
		}
		return nil
	}
	if !c.settled {
		c.settled, c.peer.streams = true, frame.MaxStreamID // no limit unless one is set
	}
	for ; len(payload) > 0; payload = payload[frame.SettingLen:] {
		s, err := frame.ParseSetting(payload)
		if err != nil {
			return err
		}
		switch s.ID {
		case frame.EnablePush:
			if s.Value != 0 {
				return frame.ConnError(frame.ProtocolError, "SETTINGS_ENABLE_PUSH of a server") // §6.5.2
			}
		case frame.HeaderTableSize:
			c.encoder.SetMaxTableSize(s.Value)
		case frame.MaxConcurrentStreams:
			c.peer.streams = int(min(s.Value, frame.MaxStreamID))
		case frame.MaxFrameSize:
			c.peer.maxFrame = int(s.Value)
		case frame.InitialWindowSize:
			if err := c.resizeWindows(int64(s.Value)); err != nil {
				return err
			}
		}
	}
	c.wire.Out = frame.AppendSettingsAck(c.wire.Out)
	return c.answered()
}

// resizeWindows applies a new initial window to the streams that are open, by
// its difference (§6.9.2).
func (c *Conn) resizeWindows(initial int64) *frame.Error {
	change := initial - c.peer.initialWindow
	c.peer.initialWindow = initial
	for i := range c.streams {
		if s := &c.streams[i]; s.id != 0 && !s.window.Add(change) {
			return frame.ConnError(frame.FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE takes a window past 2^31-1")
		}
	}
	return nil
}
