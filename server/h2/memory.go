package h2

import (
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/memory"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

// Cut implements memory.Sender: the stream's memory is needed for others. It may
// be called from any goroutine.
func (s *stream) Cut(t *memory.Ticket) {
	s.conn.inbox.Post(streamMessage{Kind: relay.Cut, Stream: s, Ticket: t})
}

// holds notes that a stream begins to send what p pins. If it still does at the
// end of the turn, it joins those that count: most responses are sent by then.
func (c *Conn) holds(s *stream, p *memory.Pins) {
	s.pins = p
	if c.cfg.Ledger != nil {
		c.holders = append(c.holders, s)
	}
}

// join has the streams join the ledger that began to send in this turn, and go on
// sending.
func (c *Conn) join() {
	for i, s := range c.holders {
		c.holders[i] = nil
		if c.streams[s.id] != s || s.sendDone {
			continue
		}
		if s.ticket == nil {
			s.ticket = c.cfg.Ledger.Join(s, s.pins, s.began)
		} else {
			s.ticket.Pin(s.pins, c.now)
		}
		s.ticket.Moved(int(s.sent))
		s.ticket.Hold(streamBytes)
	}
	c.holders = c.holders[:0]
}

// cut breaks off a stream whose memory is needed for others.
func (c *Conn) cut(s *stream) {
	c.countError(frame.Cancel, metrics.ScopeStream)
	c.reset(s, frame.Cancel, relay.ErrMemory)
}
