package h2

import (
	"net/http"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/flow"
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/head"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/perclient"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

// headerBlock is a header block of which CONTINUATION frames are to come.
type headerBlock struct {
	id        uint32 // stream; 0: none is open
	endStream bool
	since     time.Time // its HEADERS frame
	frames    int       // CONTINUATION frames so far
	fragments []byte
}

func (b *headerBlock) open() bool { return b.id != 0 }

func (c *Conn) onHeaders(h frame.Header, payload []byte) *frame.Error {
	fragment, err := frame.HeaderFragment(h, payload)
	if err != nil {
		return err
	}
	end := h.Flags.Has(frame.FlagEndStream)
	if h.Flags.Has(frame.FlagEndHeaders) {
		return c.onHeaderBlock(h.StreamID, fragment, end)
	}
	c.block = headerBlock{id: h.StreamID, endStream: end, since: c.now, fragments: append([]byte(nil), fragment...)}
	return nil
}

func (c *Conn) onContinuation(h frame.Header, payload []byte) *frame.Error {
	b := &c.block
	if !b.open() {
		return frame.ConnError(frame.ProtocolError, "CONTINUATION without a header block") // §6.10
	}
	if b.frames++; b.frames > c.cfg.Limits.Continuations { // CVE-2024-27316 and kin
		c.limit(metrics.LimitContinuation)
		return frame.ConnError(frame.EnhanceYourCalm, "too many CONTINUATION frames")
	}
	b.fragments = append(b.fragments, payload...)
	if len(b.fragments) > headerBlockFactor*c.cfg.Limits.HeaderBytes {
		c.limit(metrics.LimitHeaderBlock)
		return frame.ConnError(frame.EnhanceYourCalm, "header block too large")
	}
	if !h.Flags.Has(frame.FlagEndHeaders) {
		return nil
	}
	block := *b
	*b = headerBlock{}
	return c.onHeaderBlock(block.id, block.fragments, block.endStream)
}

// decoded is the memory that a header block is decoded into, for the length of
// one call: a hit leaves no garbage.
type decoded struct {
	list    hpack.List
	request head.Request
	lookup  message.Lookup
	about   []byte // the request's record for the access log
	client  perclient.Client
}

var decodeds = sync.Pool{New: func() any { return new(decoded) }}

func (d *decoded) release() {
	d.list.Reset()
	d.request = head.Request{}
	d.lookup.Reset()
	d.client = 0
	decodeds.Put(d)
}

// onHeaderBlock handles a whole header block: a request's head, or its
// trailers.
func (c *Conn) onHeaderBlock(id uint32, block []byte, end bool) *frame.Error {
	if id%2 == 0 {
		return frame.ConnError(frame.ProtocolError, "even stream opened by a client") // §5.1.1
	}
	opens := id > c.lastID
	if opens {
		c.lastID = id
		c.seen++
		if end && !c.tooLate(id) {
			if done, err := c.answerRepeat(id, block); done {
				return err
			}
		}
	}
	c.over = false // until the limit is checked
	d := decodeds.Get().(*decoded)
	defer d.release()
	d.list.MaxBytes, d.list.MaxFields = c.cfg.Limits.HeaderBytes, c.cfg.Limits.HeaderFields
	generation := c.decoder.Generation()
	if err := c.decoder.Decode(&d.list, block); err != nil {
		return frame.ConnError(frame.CompressionError, err.Error()) // §4.3
	}
	if d.list.Bytes > 2*c.cfg.Limits.HeaderBytes || d.list.Count > 2*c.cfg.Limits.HeaderFields {
		c.limit(metrics.LimitHeaderList)
		return frame.ConnError(frame.EnhanceYourCalm, "header list over twice the limit")
	}
	switch {
	case !opens:
		return c.onTrailers(id, &d.list, end)
	case c.tooLate(id):
		return nil
	case d.list.Truncated:
		c.limit(metrics.LimitHeaderList)
		_ = d.request.Parse(d.list.Fields) // as far as it goes: it is refused anyway
		d.request.Client = c.remote
		return c.refuse(id, &d.request, end, http.StatusRequestHeaderFieldsTooLarge)
	}
	if why := d.request.Parse(d.list.Fields); why != "" {
		return frame.StreamError(id, frame.ProtocolError, why) // §8.1.1
	}
	d.request.Identity = c.identity
	d.request.Client, d.request.Trusted = c.cfg.Client.Of(c.remote, &d.request.Request)
	if end && d.request.Length > 0 {
		return frame.StreamError(id, frame.ProtocolError, "content-length without DATA") // §8.1.1
	}
	if c.cfg.PerClient != nil {
		if done, err := c.limitRequest(id, d, end); done {
			return err
		}
	}
	if end && d.request.Protocol == "" {
		if done, err := c.answerHit(id, d, block, generation); done {
			return err
		}
	}
	return c.handle(id, d, end)
}

// onTrailers takes the fields that end a request's body (§8.1).
func (c *Conn) onTrailers(id uint32, list *hpack.List, end bool) *frame.Error {
	s := c.streams[id]
	switch {
	case s == nil && c.disowned(id) && end:
		return nil
	case s == nil && !c.disowned(id):
		return frame.ConnError(frame.StreamClosed, "HEADERS on a closed stream") // §5.1
	case s == nil:
		return frame.StreamError(id, frame.ProtocolError, "HEADERS in the middle of a body")
	case s.recvDone:
		return frame.StreamError(id, frame.StreamClosed, "HEADERS after the stream's end")
	case s.tunnel != noTunnel:
		return frame.StreamError(id, frame.ProtocolError, "HEADERS in a tunnel") // §8.5
	case !end:
		return frame.StreamError(id, frame.ProtocolError, "HEADERS in the middle of a body")
	case list.Truncated:
		c.limit(metrics.LimitHeaderList)
		return frame.StreamError(id, frame.EnhanceYourCalm, "trailers over the limit")
	case s.declared >= 0 && s.received != s.declared:
		return frame.StreamError(id, frame.ProtocolError, "DATA does not add up to content-length")
	}
	if why := head.CheckTrailers(list.Fields); why != "" {
		return frame.StreamError(id, frame.ProtocolError, why)
	}
	s.body.AddTrailers(list.Fields)
	c.endBody(s)
	return nil
}

// endBody notes that the request is complete.
func (c *Conn) endBody(s *stream) {
	s.recvDone = true
	s.body.End()
	if s.sendDone && s.tunnel != tunnelOpen {
		c.drop(s, nil)
	}
}

// refuse answers a request that takes neither path. A body that it has is
// dropped as it comes.
func (c *Conn) refuse(id uint32, r *head.Request, end bool, status int) *frame.Error {
	text := http.StatusText(status) + "\n"
	return c.refuseWith(id, r, end, message.New(status, []hpack.Field{{Name: "content-type", Value: "text/plain; charset=utf-8"}}, []byte(text), "", time.Time{}))
}

// refuseWith is refuse with a response.
func (c *Conn) refuseWith(id uint32, r *head.Request, end bool, response *message.Response) *frame.Error {
	if len(c.streams) >= c.cfg.Limits.Streams {
		return c.refuseExcess(id)
	}
	s := c.open(id)
	c.keepRequest(s, &r.Request)
	s.recvDone = end
	s.headOnly = r.Method == http.MethodHead
	if !end {
		s.credit = flow.NewCredit(streamWindow)
		s.body = relay.NewBody(nil, func(int) {}, nil)
		_ = s.body.Close() // what comes is dropped
	}
	s.result = metrics.Bypass
	c.answerStream(s, response, "")
	return nil
}
