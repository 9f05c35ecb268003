package h1

import (
	"net/http"
	"slices"
	"strconv"

	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/stream"
)

// framing is how the end of a content shows (RFC 9112 §6.3).
type framing uint8

const (
	none           framing = iota // there is no content
	sized                         // content-length
	chunkedContent                // transfer-encoding: chunked
	untilClose                    // the connection's end
)

// framingOf decides how a response to x is framed; length is -1 if it is not
// known.
func (x *exchange) framingOf(status int, length int64) framing {
	switch {
	case x.headOnly || !stream.BodyAllowed(status):
		return none
	case length >= 0:
		return sized
	case x.proto == message.HTTP11:
		return chunkedContent
	}
	return untilClose
}

// replyHead begins a response that the handler writes piece by piece.
func (c *Conn) replyHead(m *stream.Message[uint64]) {
	if c.state != handling {
		return
	}
	x, h := c.x, m.Head
	f := x.framingOf(h.Status, h.Length)
	c.decideLast(f, h.Status)
	out := appendHead(c.wire.Out, h, c.date)
	if h.Status == http.StatusUpgradeRequired && x.proto == message.HTTP11 {
		out = appendRequired(out, h.Fields)
	}
	switch {
	case f == chunkedContent:
		out = append(out, "transfer-encoding: chunked\r\n"...)
	case h.Length >= 0 && stream.BodyAllowed(h.Status):
		out = appendLength(out, h.Length)
	}
	c.openReply(out, h.Status, m.Outcome)
	c.out = outgoing{output: x.output, framing: f, left: h.Length}
	if m.Ended {
		c.endContent(nil)
	}
}

// replyStored answers with a whole response.
func (c *Conn) replyStored(m *stream.Message[uint64]) {
	if c.state != handling {
		return
	}
	r := m.Response
	c.decideLast(c.x.framingOf(r.Status, r.Length()), r.Status)
	out := r.AppendHead(c.wire.Out, c.date, nil)
	c.x.answer.Age = access.AgeOf(r, c.now)
	if length, ok := lengthOf(r); !ok && stream.BodyAllowed(r.Status) && !c.x.headOnly {
		out = appendLength(out, length)
	}
	c.openReply(out, r.Status, m.Outcome)
	c.out = outgoing{stored: true}
	if !c.x.headOnly && stream.BodyAllowed(r.Status) {
		c.out.body, c.out.more, c.out.pins = r.Body, r.More, r.Pinned()
	}
	if c.out.unsent() == 0 {
		c.answered()
	}
}

// replyFollow answers with a content that grows.
func (c *Conn) replyFollow(m *stream.Message[uint64]) {
	if c.state != handling {
		m.Follower.Close()
		return
	}
	x, r := c.x, m.Response
	length, ok := lengthOf(r)
	if !ok {
		length = -1
	}
	f := x.framingOf(r.Status, length)
	c.decideLast(f, r.Status)
	out := r.AppendHead(c.wire.Out, c.date, nil)
	x.answer.Age = access.AgeOf(r, c.now)
	if f == chunkedContent {
		out = append(out, "transfer-encoding: chunked\r\n"...)
	}
	c.openReply(out, r.Status, m.Outcome)
	c.out = outgoing{follower: m.Follower, framing: f, left: length, pins: r.Pinned()}
	if f == none {
		c.answered()
		return
	}
	number := x.number
	m.Follower.Attach(func() { c.inbox.Post(stream.Message[uint64]{Kind: stream.Grown, Stream: number}) })
}

// openReply ends a final head, of which out has all but what concerns the
// connection and the cache.
func (c *Conn) openReply(out []byte, status int, o message.Outcome) {
	x := c.x
	if o.Status != "" {
		out = appendField(out, "cache-status", o.Status)
	}
	if c.last {
		out = append(out, "connection: close\r\n"...)
	} else if x.proto == message.HTTP10 {
		out = append(out, "connection: keep-alive\r\n"...)
	}
	c.wire.Out = append(out, crlf...)
	c.counted(status, o)
	c.enter(replying)
}

// appendConnection is openReply's field for a hit. h may be nil.
func appendConnection(out []byte, last bool, h *head) []byte {
	switch {
	case last:
		return append(out, "connection: close\r\n"...)
	case h != nil && h.proto == message.HTTP10:
		return append(out, "connection: keep-alive\r\n"...)
	}
	return out
}

// agree sends the head that agrees to an upgrade (RFC 9110 §7.8), or to CONNECT
// (§9.3.6): there is no other request on the connection.
func (c *Conn) agree(m *stream.Message[uint64]) {
	if c.state != handling {
		return
	}
	x, h := c.x, m.Head
	if !x.connect {
		h.Status = http.StatusSwitchingProtocols
	}
	out := appendHead(c.wire.Out, h, c.date)
	if !x.connect {
		if !slices.ContainsFunc(h.Fields, func(f hpack.Field) bool { return f.Name == "upgrade" }) {
			out = appendField(out, "upgrade", x.upgrade)
		}
		out = append(out, "connection: upgrade\r\n"...)
	}
	c.wire.Out = append(out, crlf...)
	c.counted(h.Status, m.Outcome)
	c.last = true
	c.active = c.now
	x.in.over = false
	c.out = outgoing{output: x.output, framing: untilClose}
	c.enter(tunneling)
}

// appendInform appends an informational head.
func appendInform(out []byte, h *message.Head) []byte {
	out = appendStatus(out, h.Status)
	for _, f := range h.Fields {
		if sendable(f, h.Status) {
			out = appendField(out, f.Name, f.Value)
		}
	}
	return append(out, crlf...)
}

// appendHead appends a head that a handler made, but for the fields that frame
// it and the empty line at its end.
func appendHead(out []byte, h *message.Head, date *message.DateText) []byte {
	out = appendStatus(out, h.Status)
	named, dated := h.Unnamed, false
	for _, f := range h.Fields {
		named = named || f.Name == "server"
		dated = dated || f.Name == "date"
	}
	if !named {
		out = appendField(out, message.ServerField.Name, message.ServerField.Value)
	}
	for _, f := range h.Fields {
		if sendable(f, h.Status) {
			out = appendField(out, f.Name, f.Value)
		}
	}
	if !dated {
		out = append(out, date.Line...)
	}
	if h.Status >= 200 && date.Alternative != nil {
		out = append(out, date.Alternative.Line...)
	}
	return out
}

// appendRequired appends what a 426 asks to upgrade to (RFC 9110 §15.5.22), which
// is for this connection alone (§7.8). To HTTP/1.0 it means nothing.
func appendRequired(out []byte, fields []hpack.Field) []byte {
	before := len(out)
	for _, f := range fields {
		if f.Name == "upgrade" && httpguts.ValidHeaderFieldValue(f.Value) {
			out = appendField(out, f.Name, f.Value)
		}
	}
	if len(out) > before {
		out = append(out, "connection: upgrade\r\n"...)
	}
	return out
}

// sendable reports whether a handler's field goes out: it is well-formed, and
// not one of the engine's. Upgrade says in a 101 what was agreed to; of a 426 it
// is [appendRequired]'s.
func sendable(f hpack.Field, status int) bool {
	switch f.Name {
	case "connection", "content-length", "keep-alive", "proxy-connection", "transfer-encoding":
		return false
	case "upgrade":
		return status == http.StatusSwitchingProtocols
	}
	return httpguts.ValidHeaderFieldName(f.Name) && httpguts.ValidHeaderFieldValue(f.Value)
}

func appendStatus(out []byte, status int) []byte {
	out = append(out, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(out, ' ')
	out = append(out, http.StatusText(status)...)
	return append(out, crlf...)
}

func appendField(out []byte, name, value string) []byte {
	out = append(out, name...)
	out = append(out, ": "...)
	out = append(out, value...)
	return append(out, crlf...)
}

func appendLength(out []byte, n int64) []byte {
	out = append(out, "content-length: "...)
	out = strconv.AppendInt(out, n, 10)
	return append(out, crlf...)
}

// lengthOf is a response's content-length, or else that of the content it has.
func lengthOf(r *message.Response) (n int64, declared bool) {
	for i := range r.Fields {
		if f := &r.Fields[i]; f.Name == "content-length" {
			n, declared = parseLength(f.Value)
			return n, declared
		}
	}
	return r.Length(), false
}
