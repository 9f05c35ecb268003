package h2client

import (
	"bytes"
	"strconv"
	"sync"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// headerBlock is a header block of which CONTINUATION frames are to come.
type headerBlock struct {
	id        uint32 // stream; 0: none is open
	endStream bool
	fragments []byte
}

// responseHead is what matters of a response's head.
type responseHead struct {
	status int
	length int64 // content-length; -1: none
	cache  exchange.CacheNote
}

// lists are the memory that header blocks are decoded into, for one call.
var lists = sync.Pool{New: func() any { return &hpack.List{MaxBytes: maxBlock, MaxFields: maxFields} }}

// maxFields bounds the fields that are looked at.
const maxFields = 256

func (c *Conn) onHeaders(h frame.Header, payload []byte) *frame.Error {
	fragment, err := frame.HeaderFragment(h, payload)
	if err != nil {
		return err
	}
	end := h.Flags.Has(frame.FlagEndStream)
	if h.Flags.Has(frame.FlagEndHeaders) {
		return c.onHeaderBlock(h.StreamID, fragment, end)
	}
	c.block = headerBlock{id: h.StreamID, endStream: end, fragments: bytes.Clone(fragment)}
	return nil
}

func (c *Conn) onContinuation(h frame.Header, payload []byte) *frame.Error {
	b := &c.block
	if b.id == 0 {
		return frame.ConnError(frame.ProtocolError, "CONTINUATION without a header block") // §6.10
	}
	if b.fragments = append(b.fragments, payload...); len(b.fragments) > maxBlock {
		return frame.ConnError(frame.EnhanceYourCalm, "header block over 64 KiB")
	}
	if !h.Flags.Has(frame.FlagEndHeaders) {
		return nil
	}
	block := *b
	*b = headerBlock{}
	return c.onHeaderBlock(block.id, block.fragments, block.endStream)
}

// onHeaderBlock handles a response's head or its trailers. What a stream that
// is gone was sent is decoded all the same: it may change the table (§4.3).
func (c *Conn) onHeaderBlock(id uint32, block []byte, end bool) *frame.Error {
	s := c.stream(id)
	if s == nil || s.status != 0 {
		return c.onTrailers(id, s, block, end)
	}
	if s.first == 0 {
		s.first = max(c.now, s.sent) // see open
	}
	kept := &c.memory(s.ticket.Request.Target).answer
	generation := c.decoder.Generation()
	head := kept.head
	c.tag = c.tag[:0]
	if c.cfg.ETag != nil || kept.block == nil || kept.generation != generation || !bytes.Equal(kept.block, block) {
		var err *frame.Error
		if head, err = c.decodeHead(id, block); err != nil {
			return err
		}
		if c.decoder.Generation() == generation {
			kept.generation, kept.head = generation, head
			kept.block = append(kept.block[:0], block...)
		}
	}
	if head.status < 200 { // informational: another head follows (RFC 9110 §15.2)
		if end || head.status == 101 {
			return frame.StreamError(id, frame.ProtocolError, "an informational response that ends the stream, or is 101") // §8.1, §8.6
		}
		return nil
	}
	s.status, s.expect, s.cache = head.status, head.length, head.cache
	if len(c.tag) > 0 && exchange.Tells(head.status) {
		c.cfg.ETag(s.ticket.Request, c.tag)
	}
	if s.bodiless() {
		s.expect = 0 // content-length is of content that does not come (RFC 9110 §8.6)
	}
	if end {
		c.complete(s)
	}
	return nil
}

// onTrailers handles a header block behind the head, or of a stream that is
// gone (s is nil then).
func (c *Conn) onTrailers(id uint32, s *stream, block []byte, end bool) *frame.Error {
	list := lists.Get().(*hpack.List)
	defer releaseList(list)
	if err := c.decode(list, block); err != nil {
		return err
	}
	if s == nil {
		return c.behindEnd(id)
	}
	if !end {
		return frame.StreamError(id, frame.ProtocolError, "HEADERS in the middle of the content") // §8.1
	}
	for i := range list.Fields {
		if why := checkField(&list.Fields[i]); why != "" {
			return frame.StreamError(id, frame.ProtocolError, why)
		}
	}
	c.complete(s)
	return nil
}

func releaseList(l *hpack.List) {
	l.Reset()
	lists.Put(l)
}

func (c *Conn) decode(list *hpack.List, block []byte) *frame.Error {
	if c.decoder.Decode(list, block) != nil {
		return frame.ConnError(frame.CompressionError, "a header block is not HPACK")
	}
	return nil
}

// note takes what a field says of caches.
func (c *Conn) note(head *responseHead, f *hpack.Field) {
	switch f.Name {
	case "cache-status":
		c.value = append(c.value[:0], f.Value...)
		head.cache.SetStatus(c.value)
	case "age":
		c.value = append(c.value[:0], f.Value...)
		head.cache.SetAge(c.value)
	case "etag":
		if c.cfg.ETag != nil {
			c.tag = append(c.tag[:0], f.Value...)
		}
	}
}

// decodeHead decodes a response's head. Pseudo-fields come first, and :status
// is the only one (§8.3.2).
func (c *Conn) decodeHead(id uint32, block []byte) (responseHead, *frame.Error) {
	list := lists.Get().(*hpack.List)
	defer releaseList(list)
	head := responseHead{length: -1}
	if err := c.decode(list, block); err != nil {
		return head, err
	}
	malformed := func(reason string) (responseHead, *frame.Error) {
		return head, frame.StreamError(id, frame.ProtocolError, reason)
	}
	if list.Truncated {
		return malformed("a response head over 64 KiB or 256 fields")
	}
	if len(list.Fields) == 0 || list.Fields[0].Name != ":status" {
		return malformed("a response head without :status at its front")
	}
	status, err := strconv.ParseUint(list.Fields[0].Value, 10, 16)
	if err != nil || len(list.Fields[0].Value) != 3 || status < 100 {
		return malformed(":status is no status")
	}
	head.status = int(status)
	for i := range list.Fields[1:] {
		f := &list.Fields[1+i]
		if why := checkField(f); why != "" {
			return malformed(why)
		}
		if f.Name == "content-length" {
			n, err := strconv.ParseUint(f.Value, 10, 63)
			if err != nil || head.length >= 0 && head.length != int64(n) {
				return malformed("content-length is not one length")
			}
			head.length = int64(n)
		}
		c.note(&head, f)
	}
	return head, nil
}
