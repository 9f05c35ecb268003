package peer

import (
	"bufio"
	"io"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
)

// Listen begins to read.
func (c *Conn) Listen() {
	c.reading.Do(func() { go c.read() })
}

// read notes what the server sends, until it has ended the connection.
func (c *Conn) read() {
	r := bufio.NewReaderSize(c.conn, 16<<10)
	var head [frame.HeaderLen]byte
	payload := make([]byte, frame.MinMaxSize)
	for {
		_, err := io.ReadFull(r, head[:])
		h := frame.ParseHeader(head[:])
		if err == nil && int(h.Length) > len(payload) {
			c.note(Odd + ": a frame larger than was allowed")
			return
		}
		if err == nil {
			_, err = io.ReadFull(r, payload[:h.Length])
		}
		if err != nil {
			c.note(Of(err))
			return
		}
		if end := c.take(h, payload[:h.Length]); end != "" {
			c.note(end)
			return
		}
	}
}

// take notes a frame; an end, if it is not "", is the connection's.
func (c *Conn) take(h frame.Header, payload []byte) (end string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch h.Type {
	case frame.Settings:
		for p := payload; len(p) >= frame.SettingLen; p = p[frame.SettingLen:] {
			c.settings[frame.SettingID(uint16(p[0])<<8|uint16(p[1]))] = uint32(p[2])<<24 | uint32(p[3])<<16 | uint32(p[4])<<8 | uint32(p[5])
		}
	case frame.RSTStream:
		c.resets[h.StreamID] = frame.Code(payload)
	case frame.GoAway:
		if _, code := frame.LastStream(payload); code != frame.NoError {
			return "GOAWAY " + code.String()
		}
		return "GOAWAY NO_ERROR"
	case frame.Headers:
		block, bad := frame.HeaderFragment(h, payload)
		if bad != nil {
			return Odd + ": " + bad.Error()
		}
		if err := c.decoder.Decode(&c.list, block); err != nil {
			return Odd + ": " + err.Error()
		}
		for _, f := range c.list.Fields {
			if f.Name == ":status" {
				c.statuses[h.StreamID] = strings.Clone(f.Value)
			}
		}
		c.done[h.StreamID] = h.Flags.Has(frame.FlagEndStream)
	case frame.Data:
		c.received += len(payload)
		c.done[h.StreamID] = c.done[h.StreamID] || h.Flags.Has(frame.FlagEndStream)
	}
	select {
	case c.changed <- struct{}{}:
	default:
	}
	return ""
}

// note is the end of the connection.
func (c *Conn) note(what string) {
	c.mu.Lock()
	c.end = End{What: what, Frames: int(c.sent.Load()), After: time.Since(c.begun)}
	c.mu.Unlock()
	close(c.ended)
}

// await waits until something is so of what was read; false is that the connection
// ended first.
func (c *Conn) await(so func() bool) bool {
	for {
		c.mu.Lock()
		is := so()
		c.mu.Unlock()
		if is {
			return true
		}
		select {
		case <-c.changed:
		case <-c.ended:
			c.mu.Lock()
			defer c.mu.Unlock()
			return so()
		case <-c.ctx.Done():
			return false
		}
	}
}

// Answer waits for the end of a stream: "status …" of a whole response, "RST_STREAM
// …", or "" if the connection ended before.
func (c *Conn) Answer(id uint32) (what string) {
	c.await(func() bool {
		code, reset := c.resets[id]
		switch {
		case reset && code != frame.NoError:
			what = "RST_STREAM " + code.String()
		case c.done[id], reset && c.statuses[id] != "":
			what = "status " + c.statuses[id]
		}
		return what != ""
	})
	return what
}

// AnswerAll waits until all streams that NextID gave have ended, and forgets them; false
// is that the connection ended before.
func (c *Conn) AnswerAll() bool {
	return c.await(func() bool {
		for ; c.oldest < c.next; c.oldest += 2 {
			if _, reset := c.resets[c.oldest]; !reset && !c.done[c.oldest] {
				return false
			}
			delete(c.resets, c.oldest)
			delete(c.done, c.oldest)
			delete(c.statuses, c.oldest)
		}
		return true
	})
}

// Credit gives the connection's window back what came since, if anything did.
func (c *Conn) Credit(dst []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.received > 0 {
		dst = frame.AppendWindowUpdate(dst, 0, uint32(c.received))
		c.received = 0
	}
	return dst
}

// HeaderBytes is the header list that the server's SETTINGS allow, or otherwise the
// target's.
func (c *Conn) HeaderBytes() int {
	allowed := c.To.HeaderBytes
	c.await(func() bool {
		if n, ok := c.settings[frame.MaxHeaderListSize]; ok {
			allowed = int(n)
		}
		return len(c.settings) > 0
	})
	return allowed
}

// Now is an end of what was tried, that leaves the connection as it is.
func (c *Conn) Now(what string) End {
	return End{What: what, Frames: int(c.sent.Load()), After: time.Since(c.begun)}
}
