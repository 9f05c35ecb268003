package h1

import (
	"bytes"
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// takeRequest deals with the request at the front of what was read. It reports
// false if there is no whole one.
func (c *Conn) takeRequest() bool {
	raw := c.wire.Unread()
	if c.answerRepeat(raw) {
		return true
	}
	if len(raw) == 0 {
		return false
	}
	c.over = false // until the limit is checked
	h := heads.Get().(*head)
	defer h.release()
	if raw[0] == '\r' {
		return c.takeBlank(raw, h)
	}
	l := limits{c.cfg.HeaderBytes, c.cfg.HeaderFields}
	n := bytes.Index(raw, endOfHead)
	if n < 0 {
		r := h.refuseEarly(raw, l)
		if r != nil {
			c.refuse(r, h)
		}
		return r != nil
	}
	raw = raw[:n+len(endOfHead)]
	if r := h.parse(raw, l); r != nil {
		c.refuse(r, h)
		return true
	}
	h.request.Identity = c.identity
	c.answerRequest(raw, h)
	return true
}

// takeBlank skips one empty line before a request (RFC 9112 §2.2).
func (c *Conn) takeBlank(raw []byte, h *head) bool {
	switch {
	case len(raw) == 1:
		return false
	case raw[1] != '\n':
		c.refuse(badMethod, h)
	case c.blank:
		c.refuse(blankLines, h)
	default:
		c.wire.Consume(len(crlf))
		c.blank = true
	}
	return true
}

// took takes a request's head off the front: what waits now is another one.
func (c *Conn) took(size int) {
	c.wire.Consume(size)
	c.active = c.now
	c.fresh, c.blank = false, false
	c.since = c.now
}

func (c *Conn) answerRequest(raw []byte, h *head) {
	r, l := &h.request, &h.lookup
	r.Client, r.Trusted = c.cfg.Client.Of(c.remote, r)
	if c.cfg.PerClient != nil && c.limitRequest(h, len(raw)) {
		return
	}
	if h.content != none || h.upgrade != "" || r.Method == http.MethodConnect || !c.cfg.Source.Look(l, r, c.now) {
		c.begin(h, len(raw))
		return
	}
	stored := l.Response
	if message.Conditional(r) {
		stored = message.Select(r, stored)
	} else if l.Repeatable && h.plain() && len(stored.Body) <= inlineBody {
		c.remembered.remember(raw, h)
	}
	c.answerNow(stored, l.Status, metrics.Hit, r.Method == http.MethodHead, len(raw), h)
}

// answerNow answers with what is in memory: a hit, or what refuses a request. The
// request is h, or the remembered one if that is nil.
func (c *Conn) answerNow(r *message.Response, status *message.FixedField, result metrics.CacheResult, headOnly bool, size int, h *head) {
	c.took(size)
	lookup := &c.remembered.lookup
	if h != nil {
		lookup = &h.lookup
	}
	out := r.AppendHead(c.wire.Out, c.date, status)
	if c.drain || h != nil && !h.plain() {
		c.last = c.drain || h.close
		out = appendConnection(out, c.last, h)
	}
	out = append(out, crlf...)
	large := false
	switch {
	case headOnly:
	case len(r.Body) <= inlineBody && r.More == nil:
		out = append(out, r.Body...)
	default:
		large = true
		c.out = outgoing{body: r.Body, more: r.More, pins: r.Pinned()}
	}
	c.wire.Out = out
	next := waiting
	switch {
	case large:
		next = sending
		c.cfg.Metrics.Requests.Add(c.stripe, metrics.H1, metrics.ClassOf(r.Status), metrics.Hit, 1)
		lookup.Tally.Add(c.stripe, metrics.ClassOf(r.Status), metrics.Hit, 1)
	case c.last:
		next = closing
	}
	if c.state != next {
		c.enter(next)
	}
	switch {
	case large:
	case result == metrics.Hit:
		c.hits.Count(c.cfg.Metrics, c.stripe, metrics.H1, r.Status, lookup.Tally)
	default:
		c.hits.Refuse()
	}
	if !large && !c.tap.Due(r.Status) {
		return
	}
	about, proto := c.remembered.about, message.HTTP11
	if h != nil {
		h.about = access.AppendRequest(h.about[:0], &h.request)
		about, proto = h.about, h.proto
	}
	a := access.Answer{Began: c.now, Status: r.Status, Result: result, Limited: c.over, Site: lookup.Policy, Age: access.AgeOf(r, c.now)}
	if !headOnly {
		a.Bytes = r.Length()
	}
	c.tap.SetProtocol(protocol(proto))
	if large {
		c.large = largeHit{open: true, about: append(c.large.about[:0], about...), answer: a, proto: proto}
		return
	}
	c.tap.Hit(about, a)
}

// largeHit is the hit that outlives its turn: its content is large.
type largeHit struct {
	open   bool   // there is one
	about  []byte // for the access log; its memory is the next one's
	answer access.Answer
	proto  message.Proto
}

// reportLarge gives the metrics and the access log the large hit, which is counted,
// at its end.
func (c *Conn) reportLarge(aborted bool) {
	a := &c.large.answer
	a.Duration, a.Aborted = time.Since(a.Began), aborted
	if !aborted {
		c.cfg.Metrics.RequestDuration.ObserveN(c.stripe, a.Result, a.Duration, 1)
	}
	a.Bytes -= c.out.unsent()
	c.tap.SetProtocol(protocol(c.large.proto))
	c.tap.End(c.large.about, *a)
	c.large.open = false
}
