package h1

import (
	"bytes"
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// inlineBody is how large a body may be to be appended in one piece to a batch.
const inlineBody = 16 << 10

// turnBytes is how much body a turn sends before other connections have theirs.
const turnBytes = 256 << 10

// repeat is the request that this connection sent last, byte for byte: a
// client that sends it again costs a comparison instead of parsing. One is
// enough, since HTTP/1.1 clients that hurry send one.
type repeat struct {
	raw   []byte
	key   []byte
	head  bool
	about []byte // what the access log tells of it

	turn   uint64 // in which stored was looked up
	stored *message.Response
}

// maxRepeat bounds the head that is remembered, in bytes.
const maxRepeat = 1 << 10

func (k *repeat) remember(raw []byte, h *head) {
	if len(raw) > maxRepeat {
		return
	}
	k.raw = append(k.raw[:0], raw...)
	k.key = append(k.key[:0], h.key...)
	k.about = access.AppendRequest(k.about[:0], &h.request)
	k.head, k.turn, k.stored = h.request.Method == http.MethodHead, 0, nil
}

// answerRepeat answers the request at the front of unread if it is the known
// one.
func (c *Conn) answerRepeat(unread []byte) bool {
	k := &c.known
	if len(k.raw) == 0 || !bytes.HasPrefix(unread, k.raw) {
		return false
	}
	if k.turn != c.turn {
		k.turn = c.turn
		k.stored = c.cfg.Source.Find(view(k.key), c.now)
	}
	if k.stored == nil {
		return false
	}
	c.hit(k.stored, k.head, len(k.raw), nil)
	return true
}

// hit answers from memory. The request is h, or the known one where that is
// nil.
func (c *Conn) hit(r *message.Response, isHead bool, size int, h *head) {
	c.answer(r, isHead, size)
	large := len(c.rest) > 0
	if large {
		c.cfg.Metrics.Requests.Add(c.stripe, metrics.H1, metrics.ClassOf(r.Status), metrics.Hit, 1)
	} else if c.hits.Count(r.Status); !c.tap.Due(r.Status) {
		return
	}
	about := c.known.about
	if h != nil {
		h.about = access.AppendRequest(h.about[:0], &h.request)
		about = h.about
	}
	a := access.Answer{Began: c.now, Status: r.Status, Bytes: bodySize(r, isHead), Result: metrics.Hit}
	if large {
		c.late = late{open: true, about: append(c.late.about[:0], about...), answer: a}
		return
	}
	c.tap.Hit(about, a)
}

func bodySize(r *message.Response, isHead bool) int64 {
	if isHead {
		return 0
	}
	return int64(len(r.Body))
}

// late is a request that outlives its turn: one that is fetched, or whose body
// is large.
type late struct {
	open   bool   // there is one
	about  []byte // for the access log; its memory is the next one's
	answer access.Answer
}

// tellLate tells the metrics and the access log that the late request, which
// is counted, has ended.
func (c *Conn) tellLate(aborted bool) {
	a := &c.late.answer
	a.Duration, a.Aborted = time.Since(a.Began), aborted
	if !aborted {
		c.cfg.Metrics.RequestDuration.ObserveN(c.stripe, a.Result, a.Duration, 1)
	}
	a.Bytes -= int64(len(c.rest))
	c.tap.End(c.late.about, *a)
	c.late.open = false
}

// answer appends a stored response, or as much of it as fits a batch, and takes
// the request, size bytes, off the front.
func (c *Conn) answer(r *message.Response, head bool, size int) {
	c.wire.Consume(size)
	c.active = c.now
	c.partial = time.Time{} // what waits now is another head
	out := append(c.wire.Out, r.Head...)
	out = append(out, c.date.Line...)
	out = append(out, "\r\n"...)
	switch {
	case head:
	case len(r.Body) <= inlineBody:
		out = append(out, r.Body...)
	default:
		c.rest = r.Body
	}
	c.wire.Out = out
}

// transmit sends what is left of a body as far as the turn and the peer allow,
// and reports whether that was all.
func (c *Conn) transmit() bool {
	for left := turnBytes; len(c.rest) > 0; {
		if left <= 0 || c.broken || c.wire.Congested() {
			return false
		}
		n := max(0, min(len(c.rest), wire.BodyFlush-len(c.wire.Out)))
		c.wire.Out = append(c.wire.Out, c.rest[:n]...)
		c.rest = c.rest[n:]
		left -= n
		if len(c.rest) == 0 {
			c.tellLate(false)
		}
		if len(c.wire.Out) < wire.BodyFlush {
			break
		}
		if err := c.wire.Flush(); err != nil {
			c.gone(err)
		}
	}
	return true
}
