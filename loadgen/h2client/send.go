package h2client

import (
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// turnBytes is how much of bodies a turn sends before it looks at what the
// server says: what has come is measured late by no more than that takes.
const turnBytes = 256 << 10

// maxData is the content of a DATA frame of ours, whatever the server allows:
// with its head it fills a TLS record.
const maxData = 16<<10 - frame.HeaderLen

// hello says what a client says first (RFC 9113 §3.4).
func (c *Conn) hello() {
	out := append(c.wire.Out, frame.Preface...)
	out = frame.AppendSettings(out,
		frame.Setting{ID: frame.EnablePush, Value: 0},
		frame.Setting{ID: frame.InitialWindowSize, Value: streamWindow},
		frame.Setting{ID: frame.MaxHeaderListSize, Value: maxBlock},
	)
	c.wire.Out = frame.AppendWindowUpdate(out, 0, connWindow-frame.InitialWindow)
	c.helloSent = true
}

// sendRequests opens a stream for every ticket that is due.
func (c *Conn) sendRequests() {
	for !c.ended && c.mayOpen() && !c.wire.Congested() {
		t, ok := c.driver.Next(c.now)
		if !ok {
			return
		}
		if c.now >= t.Due+c.cfg.Timeout { // to send it would only cost the server
			c.unsent(t)
			continue
		}
		s := c.open(t)
		s.unsent = t.Request.Body
		c.sendHead(s)
		if len(s.unsent) > 0 {
			c.sendBody(s)
		}
		c.flushAt(wire.FlushSize)
	}
}

// sendHead sends a request's HEADERS: the bytes that were sent before, if
// they still mean the same.
func (c *Conn) sendHead(s *stream) {
	r := s.ticket.Request
	kept := &c.memory(r.Target).request
	generation := c.encoder.Generation()
	resize := c.encoder.AppendBlockStart(c.scratch[:0])
	if len(resize) == 0 && kept.of == r && kept.generation == generation {
		c.appendHeaders(s, kept.block)
		return
	}
	block := resize
	for _, f := range r.Fields {
		block = c.encoder.AppendField(block, f, worthIndexing(r, f.Name))
	}
	c.appendHeaders(s, block)
	c.scratch = block[:0]
	if len(resize) == 0 && c.encoder.Generation() == generation {
		kept.of, kept.generation = r, generation
		kept.block = append(kept.block[:0], block...)
	}
}

// worthIndexing reports whether a field goes into the table: the paths of many
// targets, their ranges and their ETags would only push each other out.
func worthIndexing(r *exchange.Request, name string) bool {
	switch name {
	case ":path", "range", "if-none-match":
		return r.Target < remembered
	}
	return true
}

func (c *Conn) appendHeaders(s *stream, block []byte) {
	c.wire.Out = frame.AppendHeaders(c.wire.Out, s.id, len(s.unsent) == 0, block, c.peer.maxFrame)
}

// sendBodies goes on with the bodies that waited for a window, or for the
// socket.
func (c *Conn) sendBodies() {
	waiting := c.blocked
	c.blocked = c.blocked[:0]
	for _, id := range waiting {
		if s := c.stream(id); s != nil && len(s.unsent) > 0 {
			c.sendBody(s)
		}
	}
}

// sendBody sends as much of a request's content as the windows and the socket
// take.
func (c *Conn) sendBody(s *stream) {
	for len(s.unsent) > 0 {
		n := min(len(s.unsent), maxData, s.window.Room(), c.window.Room())
		if n == 0 || c.left <= 0 || c.ended || c.wire.Congested() {
			c.blocked = append(c.blocked, s.id)
			return
		}
		s.window.Take(n)
		c.window.Take(n)
		c.left -= n
		h := frame.Header{Length: uint32(n), Type: frame.Data, StreamID: s.id}
		if n == len(s.unsent) {
			h.Flags = frame.FlagEndStream
		}
		c.wire.Out = append(frame.AppendHeader(c.wire.Out, h), s.unsent[:n]...)
		s.unsent = s.unsent[n:]
		c.flushAt(wire.BodyFlush)
	}
}

// flushAt flushes what has become that large.
func (c *Conn) flushAt(size int) {
	if len(c.wire.Out) < size {
		return
	}
	if err := c.wire.Flush(); err != nil {
		c.lost(err)
	}
}
