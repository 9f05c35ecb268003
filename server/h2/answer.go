package h2

import (
	"net/http"
	"unsafe"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// maxData is the content of a DATA frame of ours: with its head it fills a TLS
// record to the byte (RFC 8446 §5.1), so that no record is nearly empty.
const maxData = 16<<10 - frame.HeaderLen

// answerHit asks the first door and reports whether it dealt with the request.
func (c *Conn) answerHit(id uint32, d *decoded, block []byte, generation uint32) (done bool, err *frame.Error) {
	r := &d.request.Request
	key, ok := c.cfg.Source.Key(d.key, r)
	d.key = key
	if !ok {
		return false, nil
	}
	stored := c.cfg.Source.Find(view(key), c.now)
	if stored == nil {
		return false, nil
	}
	head := r.Method == http.MethodHead
	if selected := message.Select(r, stored); selected != stored {
		stored = selected // depends on more than the key: not remembered
	} else if !conditional(r) {
		c.remember(block, d, generation)
	}
	return true, c.answer(id, stored, head, d, nil)
}

// conditional reports whether the answer depends on the state of the stored
// response, beside its presence.
func conditional(r *message.Request) bool {
	for i := range r.Fields {
		switch r.Fields[i].Name {
		case "if-none-match", "if-modified-since":
			return true
		}
	}
	return false
}

// answer sends a stored response on a new stream: at once where body and
// windows allow, else as a stream that the connection keeps, if it may have one
// more. The request is known, or else d.
func (c *Conn) answer(id uint32, r *message.Response, head bool, d *decoded, known *repeat) *frame.Error {
	body := r.Body
	if head {
		body = nil
	}
	n := len(body)
	if n <= maxData && n <= c.window.Room() && int64(n) <= c.peer.initialWindow {
		c.hits.Count(r.Status)
		c.appendStored(id, r, n == 0, known)
		if n > 0 {
			c.window.Take(n)
			c.appendData(id, body, true)
		}
		if c.tap.Due(r.Status) {
			c.tap.Hit(about(d, known), access.Answer{Began: c.now, Status: r.Status, Bytes: int64(n), Result: metrics.Hit})
		}
		return nil
	}
	if len(c.streams) >= c.cfg.Limits.Streams {
		return c.refuseExcess(id)
	}
	s := c.open(id)
	s.recvDone, s.result = true, metrics.Hit
	c.countRequest(s, r.Status)
	if c.tap.Keep() {
		c.keepAbout(s, about(d, known))
	}
	s.stored = body
	s.headSent = true
	c.appendStored(id, r, false, known)
	c.queue(s)
	return nil
}

// answerStream sends a stored response on a stream that waited for it.
func (c *Conn) answerStream(s *stream, r *message.Response) {
	s.stored = r.Body
	if s.headOnly {
		s.stored = nil
	}
	c.countRequest(s, r.Status)
	s.output = nil
	s.headSent = true
	end := len(s.stored) == 0
	c.appendStored(s.id, r, end, nil)
	if end {
		c.finish(s)
	} else {
		c.queue(s)
	}
}

// appendStored appends the head of a stored response.
func (c *Conn) appendStored(id uint32, r *message.Response, end bool, known *repeat) {
	at := len(c.wire.Out)
	out := frame.AppendHeader(c.wire.Out, frame.Header{})
	if known != nil {
		out = c.appendReply(out, known, r)
	} else {
		out = c.encoder.AppendBlockStart(out)
		out = append(out, r.Block...)
		out = append(out, c.date.Block...)
	}
	c.wire.Out = c.closeHead(out, at, id, end)
}

// appendHead appends a head that a handler made. date is for final heads.
func (c *Conn) appendHead(id uint32, status int, fields []hpack.Field, end bool) {
	at := len(c.wire.Out)
	out := frame.AppendHeader(c.wire.Out, frame.Header{})
	out = c.encoder.AppendBlockStart(out)
	if status != 0 {
		out = hpack.AppendStatus(out, status)
	}
	dated := status < 200
	for _, f := range fields {
		dated = dated || f.Name == "date"
		out = c.encoder.AppendField(out, f, worthIndexing(f.Name))
	}
	if !dated {
		out = c.encoder.AppendField(out, c.date.Field, true)
	}
	c.wire.Out = c.closeHead(out, at, id, end)
}

// worthIndexing reports whether a field has few values among many responses.
func worthIndexing(name string) bool {
	switch name {
	case "server", "content-type", "cache-control", "vary", "accept-ranges", "date":
		return true
	}
	return false
}

// closeHead fills in the frame head that was left out at at, for the header
// block behind it.
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

// refuseStream tells the peer that a stream was not begun: it may be retried
// (§8.7).
func (c *Conn) refuseStream(id uint32) {
	c.limit(metrics.LimitConcurrentStreams)
	c.countError(frame.RefusedStream, metrics.ScopeStream)
	c.sendReset(id, frame.RefusedStream)
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
