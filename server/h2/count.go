package h2

import (
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
)

// count adds the turn to the metrics and the access log: once for all requests
// in it.
func (c *Conn) count() {
	m := c.cfg.Metrics
	if c.seen > 0 {
		m.Streams.Add(c.stripe, c.seen)
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
}

// about is what the access log tells of a request that is known, or else
// decoded.
func about(d *decoded, known *repeat) []byte {
	if known != nil {
		return known.about
	}
	d.about = access.AppendRequest(d.about[:0], &d.request.Request)
	return d.about
}

// tell tells the access log of a stream that has ended.
func (c *Conn) tell(s *stream, took time.Duration, aborted bool) {
	c.tap.End(s.about, access.Answer{
		Began: s.began, Duration: took, Status: s.status, Bytes: s.sent, Result: s.result, Aborted: aborted,
	})
	c.spare, s.about = s.about[:0], nil
}

// takeSpare returns memory for the next stream's about: nil where there is none.
func (c *Conn) takeSpare() []byte {
	b := c.spare
	c.spare = nil
	return b
}
