package h3

import (
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
)

func (c *Conn) limit(l metrics.Limit) { c.cfg.Metrics.LimitBreaches.Add(c.stripe, l, 1) }

// countBytes adds what the connection has carried since the last time. c.mu is held.
func (c *Conn) countBytes() {
	s := c.quic.ConnectionStats()
	c.cfg.Metrics.SentBytes.Add(c.stripe, s.BytesSent-c.sent)
	c.cfg.Metrics.ReceivedBytes.Add(c.stripe, s.BytesReceived-c.received)
	c.sent, c.received = s.BytesSent, s.BytesReceived
}

// countRequest counts the head of a final answer.
func (s *stream) countRequest(status int) {
	s.mu.Lock()
	s.status = status
	result, tally, ticket := s.result, s.tally, s.ticket
	s.mu.Unlock()
	ticket.Answered()
	s.conn.cfg.Metrics.Requests.Add(s.conn.stripe, metrics.H3, metrics.ClassOf(status), result, 1)
	tally.Add(s.conn.stripe, metrics.ClassOf(status), result, 1)
}

// explain notes how the cache took part in a request that was not a hit.
func (s *stream) explain(o *message.Outcome) {
	s.mu.Lock()
	s.result, s.reason, s.tally = o.Result, o.Served, o.Tally
	s.mu.Unlock()
	o.Count(s.conn.cfg.Metrics, s.conn.stripe)
}

// aged notes how old the answer is that is sent now.
func (s *stream) aged(r *message.Response) {
	s.mu.Lock()
	s.age = access.AgeOf(r, time.Now())
	s.mu.Unlock()
}

// record counts and records a stream that has ended, unless that is done. s.mu is
// held.
func (s *stream) record(aborted bool) {
	took := time.Since(s.began)
	if s.status != 0 && !aborted && !s.tunnel.Load() { // how long a tunnel is open says nothing of how fast anything is
		s.conn.cfg.Metrics.RequestDuration.ObserveN(s.conn.stripe, s.result, took, 1)
	}
	if s.about == nil {
		return
	}
	s.tap.EndKept(s.about, access.Answer{
		Began: s.began, Duration: took, Status: s.status, Bytes: s.sent, Result: s.result, Reason: s.reason, Aborted: aborted, Limited: s.limited,
		Trace: s.trace, Handled: s.cancel != nil,
		Site: s.site, BytesIn: s.received.Load(), Age: s.age, Account: s.account,
	})
	s.about = nil
	s.tap.Flush(took)
}
