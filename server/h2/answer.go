package h2

import (
	"net/http"
	"strconv"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

// maxData is the content of a DATA frame of ours: with its header it fills a
// TLS record to the byte (RFC 8446 §5.1), so that no record is nearly empty.
const maxData = 16<<10 - frame.HeaderLen

// answerHit tries the fast path and reports whether it dealt with the request.
func (c *Conn) answerHit(id uint32, d *decoded, block []byte, generation uint32) (done bool, err *frame.Error) {
	r := &d.request.Request
	if !c.cfg.Source.Look(&d.lookup, r, c.now) {
		return false, nil
	}
	stored := d.lookup.Response
	headOnly := r.Method == http.MethodHead
	if message.Conditional(r) {
		// Depends on more than the key: not remembered.
		return true, c.answer(id, message.Select(r, stored), stored, headOnly, d, nil)
	}
	if d.lookup.Repeatable {
		c.remember(block, d, generation)
	}
	return true, c.answer(id, stored, stored, headOnly, d, nil)
}

// answer sends r, which is stored or a part of it, on a new stream: at once if
// body and windows allow, else as a stream that the connection keeps, if it may
// have one more. The request is in remembered, or in d if that is nil.
func (c *Conn) answer(id uint32, r, stored *message.Response, headOnly bool, d *decoded, remembered *repeat) *frame.Error {
	body, more := r.Body, r.More
	if headOnly {
		body, more = nil, nil
	}
	status := remembered.status()
	if remembered == nil {
		status = d.lookup.Status
	}
	n := len(body)
	if n <= maxData && n <= c.window.Room() && int64(n) <= c.peer.initialWindow && more == nil {
		c.hits.Count(c.cfg.Metrics, c.stripe, metrics.H2, r.Status, tally(d, remembered))
		c.appendStored(id, r, status, n == 0, remembered)
		if n > 0 {
			c.window.Take(n)
			c.appendData(id, body, true)
		}
		if c.tap.Due(r.Status) {
			c.tap.Hit(about(d, remembered), access.Answer{
				Began: c.now, Status: r.Status, Bytes: int64(n), Result: metrics.Hit, Limited: c.over,
				Site: policy(d, remembered), Age: access.AgeOf(r, c.now),
			})
		}
		return nil
	}
	if len(c.streams) >= c.cfg.Limits.Streams {
		return c.refuseExcess(id)
	}
	s := c.open(id)
	s.recvDone, s.result, s.tally = true, metrics.Hit, tally(d, remembered)
	c.countRequest(s, r.Status)
	if c.tap.Keep() {
		c.keepAbout(s, about(d, remembered))
		s.site, s.age = policy(d, remembered), access.AgeOf(r, c.now)
	}
	s.stored, s.more = body, more
	c.holds(s, stored.Pinned())
	s.headSent = true
	c.appendStored(id, r, status, false, remembered)
	c.queue(s)
	return nil
}

// answerStream sends a whole response on a stream that waited for it.
func (c *Conn) answerStream(s *stream, r *message.Response, status string) {
	s.stored, s.more = r.Body, r.More
	if s.headOnly {
		s.stored, s.more = nil, nil
	}
	c.countRequest(s, r.Status)
	s.age = access.AgeOf(r, c.now)
	s.output = nil
	s.headSent = true
	s.ticket.Answered()
	end := len(s.stored) == 0
	c.appendWhole(s.id, r, status, end)
	if end {
		c.finish(s)
	} else {
		c.holds(s, r.Pinned())
		c.queue(s)
	}
}

// follow sends a response whose content grows on the stream that waited for it.
func (c *Conn) follow(s *stream, r *message.Response, f *message.Follower, status string) {
	if s.headOnly {
		f.Close()
		c.answerStream(s, r, status)
		return
	}
	s.output, s.followed = nil, f
	c.holds(s, r.Pinned())
	c.countRequest(s, r.Status)
	s.age = access.AgeOf(r, c.now)
	s.headSent = true
	s.ticket.Answered()
	c.appendWhole(s.id, r, status, false)
	f.Attach(func() { c.inbox.Post(streamMessage{Kind: relay.Grown, Stream: s}) })
	c.queue(s)
}

// appendStored appends the head of a stored response.
func (c *Conn) appendStored(id uint32, r *message.Response, status *message.FixedField, end bool, remembered *repeat) {
	at := len(c.wire.Out)
	out := frame.AppendHeader(c.wire.Out, frame.Header{})
	if remembered != nil {
		out = c.appendReply(out, remembered, r)
	} else {
		out = c.encoder.AppendBlockStart(out)
		out = r.AppendBlock(out, c.date, status)
	}
	c.wire.Out = c.closeHead(out, at, id, end)
}

// appendWhole appends the head of a response that was not a hit, with a value
// for Cache-Status, "" for none.
func (c *Conn) appendWhole(id uint32, r *message.Response, status string, end bool) {
	at := len(c.wire.Out)
	out := frame.AppendHeader(c.wire.Out, frame.Header{})
	out = c.encoder.AppendBlockStart(out)
	out = r.AppendBlock(out, c.date, nil)
	if status != "" {
		out = hpack.AppendLiteral(out, hpack.Field{Name: message.CacheStatus, Value: status})
	}
	c.wire.Out = c.closeHead(out, at, id, end)
}

// appendHead appends the head of a response that a handler writes. Final ones
// (length is for these) get server and date if the handler has given none. What
// belongs to HTTP/1.1 alone is left out (§8.2.2).
func (c *Conn) appendHead(id uint32, h *message.Head, status string, end bool) {
	at := len(c.wire.Out)
	out := frame.AppendHeader(c.wire.Out, frame.Header{})
	out = c.encoder.AppendBlockStart(out)
	out = hpack.AppendStatus(out, h.Status)
	dated, named := h.Status < 200, h.Status < 200 || h.Unnamed
	for _, f := range h.Fields {
		switch f.Name {
		case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "content-length":
			continue
		case "date":
			dated = true
		case "server":
			named = true
		}
		out = c.encoder.AppendField(out, f, worthIndexing(f.Name))
	}
	if !named {
		out = c.encoder.AppendField(out, message.ServerField, true)
	}
	if !dated {
		out = c.encoder.AppendField(out, c.date.Field, true)
	}
	if h.Status >= 200 && c.date.Alternative != nil {
		out = c.encoder.AppendField(out, c.date.Alternative.Field, true)
	}
	if h.Status >= 200 && h.Length >= 0 && h.Status != http.StatusNoContent {
		out = c.encoder.AppendField(out, hpack.Field{Name: "content-length", Value: strconv.FormatInt(h.Length, 10)}, false)
	}
	if status != "" {
		out = c.encoder.AppendField(out, hpack.Field{Name: message.CacheStatus, Value: status}, true)
	}
	c.wire.Out = c.closeHead(out, at, id, end)
}

// appendTrailers appends the fields that end a response (§8.1).
func (c *Conn) appendTrailers(id uint32, fields []hpack.Field) {
	at := len(c.wire.Out)
	out := frame.AppendHeader(c.wire.Out, frame.Header{})
	out = c.encoder.AppendBlockStart(out)
	for _, f := range fields {
		out = c.encoder.AppendField(out, f, false)
	}
	c.wire.Out = c.closeHead(out, at, id, true)
}

// worthIndexing reports whether a field has few values among many responses.
func worthIndexing(name string) bool {
	switch name {
	case "server", "content-type", "cache-control", "vary", "accept-ranges", "date":
		return true
	}
	return false
}

// closeHead fills in the frame header reserved at offset at, for the header block
// behind it.
func (c *Conn) closeHead(out []byte, at int, id uint32, end bool) []byte {
	block := out[at+frame.HeaderLen:]
	if len(block) > c.peer.maxFrame {
		block = append([]byte(nil), block...)
		return frame.AppendHeaders(out[:at], id, end, block, c.peer.maxFrame)
	}
	h := frame.Header{Length: uint32(len(block)), Type: frame.Headers, Flags: frame.FlagEndHeaders, StreamID: id}
	if end {
		h.Flags |= frame.FlagEndStream
	}
	frame.AppendHeader(out[:at], h)
	return out
}

// appendData appends a DATA frame.
func (c *Conn) appendData(id uint32, p []byte, end bool) {
	h := frame.Header{Length: uint32(len(p)), Type: frame.Data, StreamID: id}
	if end {
		h.Flags = frame.FlagEndStream
	}
	c.wire.Out = append(frame.AppendHeader(c.wire.Out, h), p...)
	c.earnUpdates(len(p))
}

// refuseStream refuses a stream that was not begun: it may be retried (§8.7).
func (c *Conn) refuseStream(id uint32) {
	c.limit(metrics.LimitConcurrentStreams)
	c.countError(frame.RefusedStream, metrics.ScopeStream)
	c.sendReset(id, frame.RefusedStream)
}
