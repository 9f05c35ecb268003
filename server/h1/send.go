package h1

import (
	"errors"
	"strconv"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/stream"
)

// errLength is what a handler gets whose content is not as long as declared.
var errLength = errors.New("h1: the content is not as long as declared")

// outgoing is the content of the answer that is being sent: what is left of a
// stored one, or what the handler writes, or one that grows.
type outgoing struct {
	body []byte
	more [][]byte

	stored   bool // body and more are all of it
	output   *stream.Output
	follower *message.Follower
	framing  framing
	left     int64        // if it is sized
	pins     *memory.Pins // of a stored content, or one that grows
	joined   bool         // they are on the connection's ticket
}

// unsent is how much is left of a stored content.
func (o *outgoing) unsent() int64 {
	n := int64(len(o.body))
	for _, b := range o.more {
		n += int64(len(b))
	}
	return n
}

// transmit sends what there is, as far as the turn and the peer allow. It
// reports whether the turn is what ended it.
func (c *Conn) transmit() (more bool) {
	for c.state == sending || c.state == replying || c.state == tunneling {
		switch {
		case c.broken, c.wire.Congested():
			return false // the backlog's end brings the next turn
		case c.quota <= 0:
			return true
		case len(c.wire.Out) >= wire.BodyFlush:
			c.flush()
			continue
		}
		n, moved := c.sendPart(wire.BodyFlush - len(c.wire.Out))
		if !moved {
			return false // it is the handler's turn
		}
		c.quota -= n
	}
	return false
}

// sendPart appends the next part of the content, of roughly most bytes
// at most, or its end. It reports false if there is neither yet.
func (c *Conn) sendPart(most int) (n int, moved bool) {
	switch o := &c.out; {
	case c.state == sending, o.stored:
		return c.sendStored(most), true
	case c.x.sent: // a tunnel whose other half is open
		c.endOutput()
		return 0, false
	}
	return c.sendWritten(most)
}

func (c *Conn) sendStored(most int) int {
	o := &c.out
	for len(o.body) == 0 && len(o.more) > 0 {
		o.body, o.more = o.more[0], o.more[1:]
	}
	n := min(len(o.body), most)
	c.wire.Out = append(c.wire.Out, o.body[:n]...)
	o.body = o.body[n:]
	c.ticket.Moved(n)
	if c.state == replying {
		c.x.answer.Bytes += int64(n)
	}
	if o.unsent() > 0 {
		return n
	}
	if c.state == replying {
		c.answered()
		return n
	}
	c.reportLarge(false)
	c.out = outgoing{}
	c.leave()
	if c.last {
		c.enter(closing)
	} else {
		c.enter(waiting)
	}
	return n
}

// chunkHead is room for a chunk's size in front of what is at most BodyFlush
// bytes: four digits and CRLF.
const chunkHead = "0000\r\n"

func (c *Conn) sendWritten(most int) (n int, moved bool) {
	o := &c.out
	start := len(c.wire.Out)
	out := c.wire.Out
	switch o.framing {
	case sized:
		most = int(min(int64(most), o.left))
	case chunkedContent:
		out = append(out, chunkHead...)
	}
	var part message.Part
	if o.follower != nil {
		out, part = o.follower.Next(out, most)
	} else {
		out, part = o.output.Take(out, most)
	}
	tooLong := o.framing == sized && part.More && int64(part.N) == o.left
	switch {
	case part.N == 0, o.framing == none, tooLong: // a part must not pass for the whole
		out = out[:start]
	case o.framing == chunkedContent:
		out = closeChunk(out, start, part.N)
	}
	c.wire.Out = out
	c.ticket.Moved(part.N)
	if o.framing != none {
		c.x.answer.Bytes += int64(part.N)
	}
	if part.N > 0 {
		c.active = c.now // of a tunnel
	}
	if o.framing == sized {
		o.left -= int64(part.N)
		if tooLong || part.End && o.left > 0 {
			c.breakOff(errLength)
			return part.N, true
		}
	}
	switch {
	case part.Err != nil:
		c.breakOff(part.Err)
	case part.End:
		c.endContent(part.Trailers)
	default:
		return part.N, part.N > 0
	}
	return part.N, true
}

// closeChunk fills in the size of the chunk whose head begins at start, without
// leading zeros, and appends the CRLF behind its n bytes.
func closeChunk(out []byte, start, n int) []byte {
	var buf [16]byte
	head := append(strconv.AppendInt(buf[:0], int64(n), 16), crlf...)
	data := out[start+len(chunkHead):]
	copy(out[start:], head)
	end := start + len(head) + copy(out[start+len(head):], data)
	return append(out[:end], crlf...)
}

// endContent ends the content that the handler wrote. Trailers go out only in
// chunks; a client that does not expect them drops them (RFC 9110 §6.5.2).
func (c *Conn) endContent(trailers []hpack.Field) {
	switch {
	case c.state == tunneling:
		c.x.sent = true
		if c.x.done {
			c.endTunnel(false)
		}
		return
	case c.out.framing == chunkedContent:
		out := append(c.wire.Out, "0\r\n"...)
		for _, f := range trailers {
			if !framesMessage(f.Name) && sendable(f, 0) {
				out = appendField(out, f.Name, f.Value)
			}
		}
		c.wire.Out = append(out, crlf...)
	}
	c.answered()
}

// endOutput ends our half of a tunnel, once all before has left.
func (c *Conn) endOutput() {
	if c.flush(); !c.x.halfClosed && !c.wire.Congested() {
		c.wire.EndOutput()
		c.x.halfClosed = true
	}
}

// endTunnel ends a tunnel whose handler has returned, when all that it wrote is
// sent, or one that is cut off.
func (c *Conn) endTunnel(cut bool) {
	c.report(cut)
	c.letGo(errAnswered)
	c.enter(closing)
}
