package h2client

import (
	"crypto/sha256"
	"hash"
	"math/bits"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/flow"
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// stream is an open stream; id 0 is a free slot.
type stream struct {
	id     uint32
	ticket exchange.Ticket
	sent   time.Duration

	// The response.
	first    time.Duration // when its first head came; 0: none has
	status   int           // 0: its head has not come
	expect   int64         // content-length; -1: none
	received int64
	cache    exchange.CacheNote
	credit   flow.Credit
	digest   hash.Hash // nil: not asked for yet
	over     uint32    // the identifier of the slot's last stream that the server ended

	// The request's body.
	unsent []byte
	window flow.Window
}

// slotsFor is the size of the table for that many streams: a power of two, and
// twice as many, so that the next identifier mostly falls on a free slot.
func slotsFor(streams int) int {
	return 1 << bits.Len(uint(2*max(streams, 1)-1))
}

// slot is where a stream belongs. Client identifiers are odd (RFC 9113 §5.1.1).
func (c *Conn) slot(id uint32) *stream {
	return &c.streams[int(id>>1)&(len(c.streams)-1)]
}

// stream finds an open stream.
func (c *Conn) stream(id uint32) *stream {
	if s := c.slot(id); s.id == id {
		return s
	}
	return nil
}

// maxStreamID leaves room to skip a table's worth of identifiers.
const maxStreamID = frame.MaxStreamID - 1<<20

// open takes a free slot for a ticket. An identifier whose slot is taken, by a
// stream that is slower than all around it, is skipped, which closes it (RFC
// 9113 §5.1.1).
func (c *Conn) open(t exchange.Ticket) *stream {
	for c.slot(c.nextID).id != 0 {
		c.nextID += 2
	}
	s := c.slot(c.nextID)
	*s = stream{
		id:     c.nextID,
		ticket: t,
		sent:   max(c.now, t.Due), // Due may be another connection's now
		expect: -1,
		credit: flow.NewCredit(streamWindow),
		window: flow.Window(c.peer.initialWindow),
		digest: s.digest,
	}
	if c.nextID += 2; c.nextID > maxStreamID || c.cfg.Once {
		c.leaving = true
	}
	if c.cfg.Digests != nil {
		s.resetDigest()
	}
	if end := t.Due + c.cfg.Timeout; c.inFlight == 0 || end < c.soonest {
		c.soonest = end
	}
	c.inFlight++
	return s
}

// mayOpen reports whether a stream may be opened.
func (c *Conn) mayOpen() bool {
	return !c.leaving && c.inFlight < min(c.cfg.Streams, c.peer.streams)
}

// free ends a stream.
func (c *Conn) free(s *stream) {
	s.id = 0
	s.unsent = nil
	s.ticket.Request = nil
	c.inFlight--
}

// done reports the outcome of a stream to the driver, and ends it.
func (c *Conn) done(s *stream, failure *exchange.Failure) {
	c.outcome = exchange.Outcome{
		Ticket:   s.ticket,
		Sent:     s.sent,
		First:    s.first,
		Ended:    max(c.now, s.sent), // see open
		Status:   s.status,
		BytesIn:  s.received,
		Cache:    s.cache,
		BytesOut: int64(len(s.ticket.Request.Body) - len(s.unsent)),
		Failure:  failure,
	}
	c.free(s)
	c.driver.Done(&c.outcome)
}

// failStreams ends every stream with the connection, whose end was not in order then.
func (c *Conn) failStreams() {
	why := c.failure
	for i := range c.streams {
		if s := &c.streams[i]; s.id != 0 {
			c.done(s, why)
			c.failure = why.UnderRequest()
		}
	}
}

// unsent reports to the driver a ticket whose time was up before it was sent.
func (c *Conn) unsent(t exchange.Ticket) {
	c.outcome = t.OutOfTime(c.now)
	c.driver.Done(&c.outcome)
}

// abort ends a stream with RST_STREAM.
func (c *Conn) abort(s *stream, code frame.ErrCode, failure *exchange.Failure) {
	c.wire.Out = frame.AppendRSTStream(c.wire.Out, s.id, code)
	c.done(s, failure)
}

// again gives a stream's ticket back: the server has not processed it.
func (c *Conn) again(s *stream, failure *exchange.Failure) {
	t := s.ticket
	t.Last = s.sent
	c.free(s)
	c.driver.Again(t, failure)
}

var (
	timedOut = &exchange.Failure{Kind: exchange.Timeout}
)

// expire ends the streams whose time is up.
func (c *Conn) expire() {
	if c.inFlight == 0 || c.now < c.soonest {
		return
	}
	var soonest time.Duration
	for i := range c.streams {
		s := &c.streams[i]
		if s.id == 0 {
			continue
		}
		end := s.ticket.Due + c.cfg.Timeout
		if end <= c.now {
			c.abort(s, frame.Cancel, timedOut)
		} else if soonest == 0 || end < soonest {
			soonest = end
		}
	}
	c.soonest = soonest
}

// resetDigest readies the digest for a response. It stays with the slot.
func (s *stream) resetDigest() {
	if s.digest == nil {
		s.digest = sha256.New()
	}
	s.digest.Reset()
}

// bodiless reports whether the response has no content, whatever its head says
// of one (RFC 9110 §6.4.1).
func (s *stream) bodiless() bool {
	return s.status == 204 || s.status == 304 || s.ticket.Request.HeadOnly()
}
