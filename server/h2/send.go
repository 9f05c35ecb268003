package h2

import (
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// turnBytes is how much body a turn sends before it looks at what the peer
// sends: a PING or a reset waits for no more than that.
const turnBytes = 256 << 10

// sendQueue is the streams that can send, in turns: one frame each.
type sendQueue struct {
	streams []*stream
	first   int
}

func (q *sendQueue) push(s *stream) {
	if q.first > len(q.streams)/2 && q.first > 0 {
		n := copy(q.streams, q.streams[q.first:])
		clear(q.streams[n:])
		q.streams, q.first = q.streams[:n], 0
	}
	q.streams = append(q.streams, s)
}

func (q *sendQueue) pop() *stream {
	s := q.streams[q.first]
	q.streams[q.first] = nil
	q.first++
	if q.first == len(q.streams) {
		q.streams, q.first = q.streams[:0], 0
	}
	return s
}

func (q *sendQueue) len() int { return len(q.streams) - q.first }

// queue puts a stream that can send into the queue.
func (c *Conn) queue(s *stream) {
	if !s.queued && s.sendable() {
		s.queued = true
		c.sending.push(s)
	}
}

// transmit sends what the windows and the socket take, a frame of each stream
// in turn, and reports whether there would have been more.
func (c *Conn) transmit() (more bool) {
	blocked := 0 // streams in a row that the connection's window holds back
	for left := turnBytes; c.sending.len() > blocked; {
		if c.wire.Congested() {
			return false // the backlog's end brings the next turn
		}
		if left <= 0 {
			return true
		}
		s := c.sending.pop()
		s.queued = false
		if c.streams[s.id] != s {
			continue
		}
		n := c.sendFrame(s)
		if n < 0 {
			blocked++
			s.queued = true
			c.sending.push(s)
			continue
		}
		left -= n + frame.HeaderLen
		if len(c.wire.Out) < wire.BodyFlush {
			continue
		}
		if err := c.wire.Flush(); err != nil {
			c.gone(err)
			return false
		}
	}
	return false
}

// sendFrame sends a stream's next DATA frame, or its trailers, and queues the
// stream again if there is more. It returns how much content that was; -1
// if the connection's window is in the way.
func (c *Conn) sendFrame(s *stream) int {
	most := min(s.window.Room(), c.window.Room(), maxData)
	if s.output != nil || s.followed != nil {
		return c.sendPart(s, most)
	}
	if most == 0 {
		if s.window > 0 {
			return -1
		}
		return 0 // its own window is; WINDOW_UPDATE queues it again
	}
	p := s.stored[:min(most, len(s.stored))]
	s.stored = s.stored[len(p):]
	if len(s.stored) == 0 && len(s.more) > 0 {
		s.stored, s.more = s.more[0], s.more[1:]
	}
	end := len(s.stored) == 0
	c.took(s, len(p))
	c.appendData(s.id, p, end)
	if end {
		c.finish(s)
	} else {
		c.queue(s)
	}
	return len(p)
}

// sendPart is sendFrame for what a handler has written, or has arrived from an
// origin.
func (c *Conn) sendPart(s *stream, most int) int {
	at := len(c.wire.Out)
	out := frame.AppendHeader(c.wire.Out, frame.Header{})
	var part message.Part
	if s.output != nil {
		out, part = s.output.Take(out, most)
	} else {
		out, part = s.followed.Next(out, most)
	}
	if part.Err != nil && part.N == 0 {
		c.countError(frame.InternalError, metrics.ScopeStream)
		c.reset(s, frame.InternalError, part.Err) // a part must not look whole
		return 0
	}
	if part.N == 0 && !part.End {
		if part.More && s.window > 0 {
			return -1
		}
		return 0
	}
	c.took(s, part.N)
	endsHere := part.End && len(part.Trailers) == 0
	if part.N > 0 || endsHere {
		h := frame.Header{Length: uint32(part.N), Type: frame.Data, StreamID: s.id}
		if endsHere {
			h.Flags = frame.FlagEndStream
		}
		frame.AppendHeader(out[:at], h)
		c.wire.Out = out
		c.earnUpdates(part.N)
	}
	if !part.End {
		c.queue(s)
		return part.N
	}
	if !endsHere {
		c.appendTrailers(s.id, part.Trailers)
	}
	c.finish(s)
	return part.N
}

// earnUpdates allows the WINDOW_UPDATE frames that answer n bytes of DATA.
func (c *Conn) earnUpdates(n int) { c.updates += 2 * (1 + n/updateUnit) }

func (c *Conn) took(s *stream, n int) {
	c.window.Take(n)
	s.window.Take(n)
	s.sent += int64(n)
	s.moved = c.now
	s.ticket.Moved(n)
	s.out.Moved(n, c.now)
}

// finish ends our side of a stream whose response is sent whole. If the
// request is not complete, it may still become so: it is checked like any
// other, and dropped.
func (c *Conn) finish(s *stream) {
	if s.tunnel == tunnelOpen {
		c.endTunnelOutput(s)
		return
	}
	took := time.Since(s.began)
	if s.tunnel != tunnelLeft { // how long a tunnel is open says nothing of how fast anything is
		c.cfg.Metrics.RequestDuration.ObserveN(c.stripe, s.result, took, 1)
	}
	c.record(s, took, false)
	if s.recvDone {
		c.drop(s, nil)
		return
	}
	c.release(s, errStreamDone)
	s.sendDone, s.answered = true, c.now
	s.ticket = c.cfg.Ledger.Join(s, nil, c.now)
	s.ticket.Hold(streamBytes)
}

// unwanted asks a peer that goes on sending a request which is answered to stop
// (§8.1).
func (c *Conn) unwanted(s *stream) { c.reset(s, frame.NoError, nil) }

// sendHead sends the final head of a response that a handler writes.
func (c *Conn) sendHead(s *stream, m *streamMessage) {
	s.headSent = true
	s.ticket.Answered()
	c.explain(s, &m.Outcome)
	c.countRequest(s, m.Head.Status)
	end := m.Ended
	c.appendHead(s.id, m.Head, m.Outcome.Status, end)
	if end {
		c.finish(s)
		return
	}
	c.queue(s)
}
