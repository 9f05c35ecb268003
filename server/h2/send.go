package h2

import (
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/wire"
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
	if s.output != nil {
		return c.sendOutput(s, most)
	}
	if most == 0 {
		if s.window > 0 {
			return -1
		}
		return 0 // its own window is; WINDOW_UPDATE queues it again
	}
	p := s.stored[:min(most, len(s.stored))]
	s.stored = s.stored[len(p):]
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

// sendOutput is sendFrame for what a handler has written.
func (c *Conn) sendOutput(s *stream, most int) int {
	at := len(c.wire.Out)
	out, taken := s.output.take(frame.AppendHeader(c.wire.Out, frame.Header{}), most)
	if taken.n == 0 && !taken.end {
		if taken.waiting && s.window > 0 {
			return -1
		}
		return 0
	}
	c.took(s, taken.n)
	endsHere := taken.end && len(taken.trailers) == 0
	if taken.n > 0 || endsHere {
		h := frame.Header{Length: uint32(taken.n), Type: frame.Data, StreamID: s.id}
		if endsHere {
			h.Flags = frame.FlagEndStream
		}
		frame.AppendHeader(out[:at], h)
		c.wire.Out = out
		c.earnUpdates(taken.n)
	}
	if !taken.end {
		c.queue(s)
		return taken.n
	}
	if !endsHere {
		c.appendHead(s.id, 0, taken.trailers, true)
	}
	c.finish(s)
	return taken.n
}

// earnUpdates allows the WINDOW_UPDATE frames that answer n bytes of DATA.
func (c *Conn) earnUpdates(n int) { c.updates += 2 * (1 + n/updateUnit) }

func (c *Conn) took(s *stream, n int) {
	c.window.Take(n)
	s.window.Take(n)
	s.sent += int64(n)
	s.out.moved(n, c.now)
}

// finish ends our side of a stream whose response is sent whole. Where the
// request is not complete, it may still become so: it is checked like any
// other, and dropped.
func (c *Conn) finish(s *stream) {
	took := time.Since(s.began)
	c.cfg.Metrics.RequestDuration.ObserveN(c.stripe, s.result, took, 1)
	c.record(s, took, false)
	if s.recvDone {
		c.drop(s, nil)
		return
	}
	c.release(s, errStreamDone)
	s.sendDone, s.answered = true, c.now
}

// unwanted asks a peer that goes on sending a request which is answered to stop
// (§8.1).
func (c *Conn) unwanted(s *stream) { c.reset(s, frame.NoError, nil) }

// sendHead sends a head that a handler made.
func (c *Conn) sendHead(s *stream, l *letter) {
	if l.head.status >= 200 {
		s.headSent = true
		s.result = l.result
		c.countRequest(s, l.head.status)
	}
	c.appendHead(s.id, l.head.status, l.head.fields, l.head.end)
	if l.head.end {
		c.finish(s)
		return
	}
	c.queue(s)
}
