package h2

import (
	"context"
	"fmt"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/flow"
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// stream is a stream that is not answered in the turn that opened it: one whose
// response does not fit at once, or that a handler answers. Of the states of
// RFC 9113 §5.1 it has these:
//
//	                        HEADERS
//	                           │
//	   END_STREAM out ┌────────▼────────┐ END_STREAM in
//	       ┌──────────┤ open            ├──────────┐
//	       │          └────────┬────────┘          │
//	┌──────▼──────────┐        │          ┌────────▼─────────┐
//	│ half-closed     │        │          │ half-closed      │
//	│ (local):        │        │          │ (remote):        │
//	│ sendDone        │        │          │ recvDone         │
//	└──────┬──────────┘        │          └────────┬─────────┘
//	       │ END_STREAM in     │ RST_STREAM        │ END_STREAM out
//	       └───────────────────▼───────────────────┘
//	                        closed: no longer in Conn.streams
//
// A stream belongs to the connection's goroutine, but for output and body.
type stream struct {
	conn     *Conn
	id       uint32
	began    time.Time
	result   metrics.CacheResult
	reason   rfc9111.Reason
	about    []byte           // the request, for its record, see keepAbout; nil: none, or recorded
	trace    *traces.Request  // of one that has a handler; nil: it is not traced
	account  *message.Account // of the same; nil: the log has no use for it
	site     fmt.Stringer     // of a hit
	tally    *metrics.Tally   // see message.Outcome
	age      access.Age       // of the answer
	status   int              // of the final head; 0 before
	sent     int64            // content
	headOnly bool             // HEAD
	over     bool             // beyond the client's limit
	recvDone bool
	sendDone bool
	headSent bool // the final head; informational ones do not count

	// Half-closed (local): since when, and how much has come since then.
	answered  time.Time
	lateBytes int

	// Sending, one of three: what is left of a stored response's body, with
	// the segments behind it; what a handler has written; a content that
	// still grows.
	window   flow.Window
	out      limit.Pace // at which the peer takes it, while the window is closed
	queued   bool       // in Conn.sending
	stored   []byte
	more     [][]byte
	output   *relay.Output
	followed *message.Follower
	pins     *memory.Pins   // of what is stored, or followed
	ticket   *memory.Ticket // nil: not yet, or nothing is counted

	// Receiving: body is nil if the request has none.
	body     *relay.Body
	credit   flow.Credit
	in       limit.Pace // at which it comes, while its handler waits for it
	declared int64      // content-length, -1 if there is none
	received int64
	cancel   context.CancelCauseFunc // ends the request's context; nil without a handler

	tunnel tunnelState
	moved  time.Time // when the tunnel last carried a byte, or its end
}

// sendable reports whether there is something that the stream's own window lets
// us send.
func (s *stream) sendable() bool {
	switch {
	case !s.headSent, s.sendDone:
		return false
	case s.output != nil:
		return s.output.Sendable(s.window > 0)
	case s.followed != nil:
		more, ends := s.followed.Ready()
		return more && s.window > 0 || ends
	}
	return s.window > 0
}

// unsent reports whether a body waits, for whatever window.
func (s *stream) unsent() bool {
	switch {
	case s.output != nil:
		return s.headSent && s.output.Sendable(true)
	case s.followed != nil:
		more, _ := s.followed.Ready()
		return more
	}
	return len(s.stored) > 0
}

// open adds a stream to the connection.
func (c *Conn) open(id uint32) *stream {
	s := &stream{
		conn:     c,
		id:       id,
		began:    c.now,
		over:     c.over,
		out:      limit.NewPace(c.cfg.Limits.rate()),
		in:       limit.NewPace(c.cfg.Limits.rate()),
		window:   flow.Window(c.peer.initialWindow),
		declared: -1,
	}
	if c.streams == nil {
		c.streams = make(map[uint32]*stream)
	}
	c.streams[id] = s
	c.cfg.Metrics.StreamsOpen.Add(c.stripe, 1)
	return s
}

// drop removes a stream: it is closed. cause is the error of its handler's
// reads and writes; nil if the exchange ended well.
func (c *Conn) drop(s *stream, cause error) {
	delete(c.streams, s.id)
	if len(c.streams) == 0 {
		c.active = c.now // idle from here on
	}
	c.cfg.Metrics.StreamsOpen.Add(c.stripe, -1)
	if s.about != nil {
		c.record(s, time.Since(s.began), true)
	}
	if cause == nil {
		cause = errStreamDone
	}
	c.release(s, cause)
}

// release ends what a stream means to its handler, and lets go of what was to
// be sent.
func (c *Conn) release(s *stream, cause error) {
	if s.output != nil {
		s.output.Fail(cause)
	}
	if s.body != nil {
		c.freeConn(s.body.Fail(cause))
	}
	if s.cancel != nil {
		s.cancel(cause)
	}
	if s.followed != nil {
		s.followed.Close()
	}
	s.ticket.Leave() // last: what those have taken is given back by now
	s.output, s.followed, s.stored, s.more, s.pins, s.ticket = nil, nil, nil, nil, nil, nil
}

// reset ends a stream with RST_STREAM.
func (c *Conn) reset(s *stream, code frame.ErrCode, cause error) {
	c.drop(s, cause)
	c.sendReset(s.id, code)
}

// sendReset sends RST_STREAM and remembers the stream, so that what is under
// way to it at this moment is no error (RFC 9113 §5.4.2). As many are remembered
// as may be open: a client can have uploads on all of them refused at once.
func (c *Conn) sendReset(id uint32, code frame.ErrCode) {
	c.wire.Out = frame.AppendRSTStream(c.wire.Out, id, code)
	if most := c.cfg.Limits.Streams; len(c.resets) < most {
		c.resets = append(c.resets, id)
	} else {
		c.resets[c.nextReset%uint32(most)] = id
	}
	c.nextReset++
	c.cfg.Metrics.StreamsReset.Add(c.stripe, metrics.ByUs, 1)
}

// disowned reports whether frames of a stream may be under way that we have no
// use for: we have reset it, or it came after the last one of GOAWAY.
func (c *Conn) disowned(id uint32) bool { return c.wasReset(id) || c.tooLate(id) }

// wasReset reports whether we reset the stream lately.
func (c *Conn) wasReset(id uint32) bool {
	for _, r := range c.resets {
		if r == id {
			return true
		}
	}
	return false
}

func (c *Conn) forgetReset(id uint32) {
	for i, r := range c.resets {
		if r == id {
			c.resets[i] = 0
		}
	}
}
