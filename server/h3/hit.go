package h3

import (
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// buffers are those in which heads and content are put together.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, maxData+readBuffer); return &b }}

// answerHit answers a request with what the fast path has found.
func (s *stream) answerHit(d *decoded) error {
	r, stored := &d.request.Request, d.lookup.Response
	answer := stored
	if message.Conditional(r) {
		answer = message.Select(r, stored)
	}
	s.mu.Lock()
	s.site, s.tally = d.lookup.Policy, d.lookup.Tally
	s.mu.Unlock()
	status := ""
	if d.lookup.Status != nil {
		status = d.lookup.Status.Field.Value
	}
	if len(answer.Body) <= maxData && answer.More == nil || s.headOnly {
		return s.answerSmall(r, answer, status, metrics.Hit)
	}
	s.mu.Lock()
	s.result = metrics.Hit
	if s.tap.Keep() {
		s.about = access.AppendRequest(nil, r)
	}
	s.mu.Unlock()
	return s.sendWhole(answer, stored.Pinned(), status)
}

// refuse answers a request that takes neither path.
func (s *stream) refuse(r *message.Request, answer *message.Response) error {
	return s.answerSmall(r, answer, "", metrics.Bypass)
}

// answerSmall answers with a response that is one write, and is counted as one.
func (s *stream) answerSmall(r *message.Request, answer *message.Response, status string, result metrics.CacheResult) error {
	content := answer.Body
	if s.headOnly {
		content = nil
	}
	b := buffers.Get().(*[]byte)
	out := appendStored((*b)[:0], answer, message.Date(s.began), status)
	if len(content) > 0 {
		out = appendFrameHead(out, frameData, len(content))
		out = append(out, content...)
	}
	if len(out) > atOnce {
		s.join(nil)
		s.ticket.Hold(int64(cap(out)))
	}
	err := s.write(out)
	*b = out[:0]
	buffers.Put(b)
	s.aged(answer)
	s.countSmall(r, answer.Status, len(content), result, err != nil)
	if err != nil {
		return err
	}
	return s.finish()
}

// countSmall counts an answer of answerSmall.
func (s *stream) countSmall(r *message.Request, status, n int, result metrics.CacheResult, aborted bool) {
	m, a := s.conn.cfg.Metrics, access.Answer{Began: s.began, Status: status, Bytes: int64(n), Result: result, Limited: s.limited, Aborted: aborted}
	took := time.Since(s.began)
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Site, a.Age = s.site, s.age
	if result != metrics.Hit {
		m.Requests.Add(s.conn.stripe, metrics.H3, metrics.ClassOf(status), result, 1)
		m.RequestDuration.ObserveN(s.conn.stripe, result, took, 1)
		a.Duration = took
		s.tap.End(access.AppendRequest(nil, r), a)
	} else {
		var hits metrics.Hits
		hits.Count(m, s.conn.stripe, metrics.H3, status, s.tally)
		took = m.AddHits(s.conn.stripe, metrics.H3, &hits, s.began)
		if s.tap.Due(status) || aborted {
			s.tap.Hit(access.AppendRequest(nil, r), a)
		}
	}
	s.tap.Flush(took)
}

// sendWhole answers with a whole response, whose memory p pins.
func (s *stream) sendWhole(r *message.Response, p *memory.Pins, status string) error {
	length := r.Length()
	if s.headOnly {
		length = 0
	}
	s.countRequest(r.Status)
	s.aged(r)
	s.join(p)
	b := buffers.Get().(*[]byte)
	out := appendStored((*b)[:0], r, message.Date(time.Now()), status)
	if length > 0 {
		out = appendFrameHead(out, frameData, int(length))
	}
	err := s.write(out)
	*b = out[:0]
	buffers.Put(b)
	if length > 0 {
		if err == nil {
			err = s.writeContent(r.Body)
		}
		for _, part := range r.More {
			if err == nil {
				err = s.writeContent(part)
			}
		}
	}
	if err != nil {
		return err
	}
	return s.finish()
}

// join has a stream whose answer takes a while join the ledger, or pins the body
// that it begins to send.
func (s *stream) join(p *memory.Pins) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch {
	case s.done:
	case s.ticket == nil:
		s.ticket = s.conn.cfg.Ledger.Join(s, p, now)
	default:
		s.ticket.Pin(p, now)
	}
	s.ticket.Hold(streamBytes)
	if s.asked != nil {
		s.ticket.Hold(s.asked.bytes())
	}
}
