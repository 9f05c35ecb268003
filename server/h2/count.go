package h2

import (
	"fmt"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// count adds the turn to the metrics and the access log: once for all requests
// in it.
func (c *Conn) count() {
	m := c.cfg.Metrics
	if c.seen > 0 {
		m.Streams.Add(c.stripe, uint64(c.seen))
		c.seen = 0
	}
	c.tap.Flush(m.AddHits(c.stripe, metrics.H2, &c.hits, c.now))
}

func (c *Conn) limit(l metrics.Limit) { c.cfg.Metrics.LimitBreaches.Add(c.stripe, l, 1) }

func (c *Conn) countError(code frame.ErrCode, scope metrics.Scope) {
	c.cfg.Metrics.ProtocolErrors.Add(c.stripe, metrics.ErrorCodeOf(uint32(code)), scope, 1)
}

func (c *Conn) countRequest(s *stream, status int) {
	s.status = status
	c.cfg.Metrics.Requests.Add(c.stripe, metrics.H2, metrics.ClassOf(status), s.result, 1)
	s.tally.Add(c.stripe, metrics.ClassOf(status), s.result, 1)
}

// explain notes how the cache took part in a request that was not a hit.
func (c *Conn) explain(s *stream, o *message.Outcome) {
	s.result, s.reason, s.tally = o.Result, o.Served, o.Tally
	o.Count(c.cfg.Metrics, c.stripe)
}

// about is what the access log has of a remembered request, or else of a decoded one.
func about(d *decoded, remembered *repeat) []byte {
	if remembered != nil {
		return remembered.about
	}
	d.about = access.AppendRequest(d.about[:0], &d.request.Request)
	return d.about
}

// policy is what a remembered request, or else a decoded one, was found to be served
// by; nil if that is not known.
func policy(d *decoded, remembered *repeat) fmt.Stringer {
	if remembered != nil {
		return remembered.lookup.Policy
	}
	return d.lookup.Policy
}

// tally is what a hit counts in, as policy is what it is served by.
func tally(d *decoded, remembered *repeat) *metrics.Tally {
	if remembered != nil {
		return remembered.lookup.Tally
	}
	return d.lookup.Tally
}

// aboutBytes is how much memory of a connection requests may fill that wait for
// their records: hundreds of common ones, sixteen of the longest. Those beyond
// it are cut to access.MaxShort each, of which there are no more than streams.
const aboutBytes = 64 << 10

// keepRequest keeps a request for the record of its stream, if that can be used.
// r is borrowed.
func (c *Conn) keepRequest(s *stream, r *message.Request) {
	if s.trace != nil || c.tap.Keep() {
		var common [512]byte
		c.keepAbout(s, access.AppendRequest(common[:0], r))
	}
}

// keepAbout keeps a request whose record can be used. about is borrowed.
func (c *Conn) keepAbout(s *stream, about []byte) {
	b := c.spare
	c.spare = nil
	if c.kept+len(about) > aboutBytes {
		s.about = access.AppendShort(make([]byte, 0, min(len(about), access.MaxShort)), about)
	} else {
		if cap(b) < len(about) || c.kept+cap(b) > aboutBytes {
			b = make([]byte, 0, len(about))
		}
		s.about = append(b[:0], about...)
	}
	c.kept += cap(s.about)
}

// record records a stream that has ended, unless that is done or of no use.
func (c *Conn) record(s *stream, took time.Duration, aborted bool) {
	if s.about == nil {
		return
	}
	c.tap.EndKept(s.about, access.Answer{
		Began: s.began, Duration: took, Status: s.status, Bytes: s.sent, Result: s.result, Reason: s.reason, Aborted: aborted, Limited: s.over,
		Trace: s.trace, Handled: s.cancel != nil,
		Site: s.site, BytesIn: s.received, Age: s.age, Account: s.account,
	})
	c.kept -= cap(s.about)
	c.spare, s.about = s.about[:0], nil
}
