package h2

import (
	"context"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// stream is a stream that is not answered in the turn that opened it: one whose
// response does not fit at once, or that a handler answers. Of the states of
// RFC 9113 §5.1 it needs three:
//
//	        HEADERS
//	           │
//	┌──────────▼──────────┐  END_STREAM in   ┌──────────────────────┐
//	│ open                ├─────────────────▶│ half-closed (remote) │
//	│                     │                  │ recvDone             │
//	└──────────┬──────────┘                  └───────────┬──────────┘
//	           │ END_STREAM out, or RST_STREAM           │
//	           └──────────────────┬──────────────────────┘
//	                              ▼
//	               closed: no longer in Conn.streams
//
// Where our response ends before the request, we reset the stream with
// NO_ERROR (§8.1): there is no half-closed (local).
//
// A stream belongs to the connection's goroutine, but for output and body.
type stream struct {
	id       uint32
	began    time.Time
	moved    time.Time // when a byte of its body last came or went
	result   metrics.CacheResult
	headOnly bool // HEAD
	recvDone bool
	headSent bool // the final head; informational ones do not count

	// Sending: stored is what is left of a stored response's body, output
	// what a handler has written. One of them is nil.
	window window
	queued bool // in Conn.sending
	stored []byte
	output *output

	// Receiving: body is nil where the request has none.
	body     *requestBody
	credit   credit
	declared int64 // content-length, -1 where there is none
	received int64
	cancel   context.CancelCauseFunc // ends the request's context; nil without a handler
}

// sendable reports whether there is something that the stream's own window lets
// us send.
func (s *stream) sendable() bool {
	switch {
	case !s.headSent:
		return false
	case s.output != nil:
		return s.output.sendable(s.window > 0)
	}
	return s.window > 0
}

// unsent reports whether a body waits, for whatever window.
func (s *stream) unsent() bool {
	if s.output != nil {
		return s.headSent && s.output.sendable(true)
	}
	return len(s.stored) > 0
}

// open adds a stream to the connection.
func (c *Conn) open(id uint32) *stream {
	s := &stream{
		id:       id,
		began:    c.now,
		moved:    c.now,
		window:   window(c.peer.initialWindow),
		declared: -1,
	}
	if c.streams == nil {
		c.streams = make(map[uint32]*stream)
	}
	c.streams[id] = s
	c.cfg.Metrics.StreamsOpen.Add(c.stripe, 1)
	return s
}

// drop removes a stream: it is closed. cause is what its handler hears; nil
// where the exchange ended well.
func (c *Conn) drop(s *stream, cause error) {
	delete(c.streams, s.id)
	c.cfg.Metrics.StreamsOpen.Add(c.stripe, -1)
	if cause == nil {
		cause = errStreamDone
	}
	if s.output != nil {
		s.output.fail(cause)
	}
	if s.body != nil {
		c.freeConn(s.body.fail(cause))
	}
	if s.cancel != nil {
		s.cancel(cause)
	}
	s.stored = nil
}

// reset ends a stream with RST_STREAM.
func (c *Conn) reset(s *stream, code frame.ErrCode, cause error) {
	c.drop(s, cause)
	c.sendReset(s.id, code)
}

func (c *Conn) sendReset(id uint32, code frame.ErrCode) {
	c.wire.Out = frame.AppendRSTStream(c.wire.Out, id, code)
	if len(c.resets) < maxKeptResets {
		c.resets = append(c.resets, id)
	} else {
		c.resets[c.nextReset%maxKeptResets] = id
	}
	c.nextReset++
	c.cfg.Metrics.StreamsReset.Add(c.stripe, metrics.ByUs, 1)
}

// wasReset reports whether we reset the stream lately.
func (c *Conn) wasReset(id uint32) bool {
	for _, r := range c.resets {
		if r == id {
			return true
		}
	}
	return false
}
