package h1

import (
	"errors"
	"io"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/stream"
)

// inbound is the content of a request on its way to the handler.
type inbound struct {
	body     *stream.Body // nil: no content, and no tunnel
	chunks   *chunked     // nil: sized, or a tunnel
	over     bool         // complete, or it failed
	left     int64        // of a sized content
	received int64
	unread   int // held in body
	dropped  int // since the answer
	tooLarge bool
	pace     limit.Pace
}

func (c *Conn) newInbound(h *head, number uint64) inbound {
	in := inbound{over: h.content == none, left: h.length, pace: limit.NewPace(limit.Rate{Within: c.cfg.BodyTimeout, Quantum: c.cfg.Quantum})}
	if in.over && h.upgrade == "" && h.request.Method != "CONNECT" {
		return in
	}
	post := func(k stream.Kind, n int) { c.inbox.Post(stream.Message[uint64]{Kind: k, Stream: number, N: n}) }
	var expect func()
	if h.expects {
		expect = func() { post(stream.Continue, 0) }
	}
	in.body = stream.NewBody(c.ticket, func(n int) { post(stream.Read, n) }, expect)
	if h.content == chunkedContent {
		in.chunks = &chunked{limits: limits{c.cfg.HeaderBytes, c.cfg.HeaderFields}}
	}
	return in
}

// arriving reports whether more is to come.
func (in *inbound) arriving() bool { return !in.over }

// heldBack reports whether the client waits for 100 (Continue), which no read
// has asked for yet.
func (in *inbound) heldBack() bool { return in.received == 0 && in.body.Awaited() }

// room is how much may be taken: nothing of a content that is too large, until
// it is refused.
func (in *inbound) room() int {
	if in.tooLarge {
		return 0
	}
	return maxUnread - in.unread
}

// worthDraining reports whether the connection can go on behind what is left of
// the content, if the handler does not read it. A client that holds its content
// back may or may not send it after another answer than 100: then only the
// connection's end is clear to both (RFC 9110 §10.1.1).
func (in *inbound) worthDraining() bool {
	return in.over || !in.tooLarge && in.left <= drainBytes && !in.heldBack()
}

// end completes the content, or the client's side of a tunnel.
func (in *inbound) end() {
	in.over = true
	if in.body != nil {
		in.body.End()
	}
}

// takeContent takes the next part of the request's content. It reports false
// if there is none, or no room for it.
func (c *Conn) takeContent() bool {
	in := &c.x.in
	p := c.wire.Unread()
	if in.over || len(p) == 0 {
		return false
	}
	most := in.room()
	if c.state == draining {
		most = len(p)
	}
	if most <= 0 {
		return false
	}
	content, n, err := in.next(p, most)
	if err != nil {
		c.malformed()
		return true
	}
	if n == 0 {
		return false
	}
	in.received += int64(len(content))
	in.pace.Moved(len(content), c.now)
	switch {
	case c.state == draining:
		in.dropped += n
	case in.received > c.cfg.BodyBytes:
		in.tooLarge = true
		c.last = true
		if in.body.TooLarge(c.cfg.BodyBytes) {
			c.breach(metrics.LimitBodySize, metrics.CloseLimit)
		}
	default:
		unkept, err := in.body.Add(content)
		if err != nil {
			c.noRoom()
			return true
		}
		in.unread += len(content) - unkept
	}
	c.wire.Consume(n)
	if in.complete() {
		if in.chunks != nil {
			in.body.AddTrailers(in.chunks.trailers)
		}
		in.end()
		c.settle()
	} else if in.dropped > drainBytes {
		c.leaveExchange(closing)
	}
	return true
}

// next decodes a part of at most most bytes from the front of p, of which it
// takes n.
func (in *inbound) next(p []byte, most int) (content []byte, n int, err error) {
	if in.chunks != nil {
		return in.chunks.next(p, most)
	}
	n = int(min(int64(len(p)), int64(most), in.left))
	in.left -= int64(n)
	return p[:n], n, nil
}

func (in *inbound) complete() bool {
	if in.chunks != nil {
		return in.chunks.state == chunkDone
	}
	return in.left == 0
}

// malformed ends the connection for chunks that can't be read. The handler's
// answer holds if it has begun.
func (c *Conn) malformed() {
	c.reason = metrics.CloseError
	switch c.state {
	case handling:
		c.failExchange(badChunks, errChunks)
	case replying:
		c.contentFailed(errChunks)
	default:
		c.leaveExchange(closing)
	}
}

// noRoom ends a content that there is no memory for. The handler's answer holds if
// it has begun.
func (c *Conn) noRoom() {
	c.breach(metrics.LimitBodyMemory, metrics.CloseLimit)
	if c.state == handling {
		c.failExchange(noMemory, stream.ErrMemory)
		return
	}
	c.contentFailed(stream.ErrMemory)
}

// contentFailed ends the content before it is complete. The handler is left to
// answer; then the connection ends.
func (c *Conn) contentFailed(err error) {
	c.x.in.over = true
	c.x.in.body.Fail(err)
	c.last = true
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		c.ended = true // where the next request begins is not known
	}
}

// takeTunnel takes the client's side of a tunnel, and its end.
func (c *Conn) takeTunnel() bool {
	in := &c.x.in
	p := c.wire.Unread()
	if len(p) == 0 && c.ended && !in.over {
		in.end()
		return true
	}
	n := min(len(p), in.room())
	if in.over || n <= 0 {
		return false
	}
	unkept, err := in.body.Add(p[:n])
	if err != nil {
		c.cfg.Metrics.LimitBreaches.Add(c.stripe, metrics.LimitBodyMemory, 1)
		c.cut()
		return true
	}
	in.unread += n - unkept
	c.wire.Consume(n)
	c.active = c.now
	return true
}
