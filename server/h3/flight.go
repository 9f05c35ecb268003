package h3

import (
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/server/memory"
)

const (
	// flightTime is for how long at least what was sent counts, and twice that at
	// most: a packet is acknowledged by then, even if it was lost twice (RFC 9002
	// §6.2.1: after three times the round trip, and then six).
	flightTime = 2 * longTrip

	// flightMost bounds the time between two looks at a peer that acknowledges
	// nothing: it is gone then, by the idle timeout of QUIC.
	flightMost = 32 * flightTime

	// flightStep is in which steps that is counted, in bytes.
	flightStep = 16 << 10
)

// flight is what quic-go has sent for a connection and not seen acknowledged: it
// keeps a copy of that, and does not say how much it is. What counts, in the ledger
// and from [FlightFrom] bytes on, is no less: what was written in this time and the
// last, each of [flightTime], but no more than the largest congestion window
// meanwhile (RFC 9002 §7). What a peer leaves unacknowledged goes on to count while it
// is sent again and nothing else is, at intervals that double as those of RFC 9002
// §6.2.1 do.
type flight struct {
	mu        sync.Mutex
	ticket    *memory.Ticket // nil: nothing counts
	timer     *time.Timer    // calls turn while something counts; nil: nothing ever did
	now, last span
	counted   int64 // of what both have written, in steps
	held      int64 // in ticket
	sent      uint64
	time      time.Duration // of this span
	ended     bool
}

// span is what was written in some time, in bytes, and the largest congestion window
// of it.
type span struct{ written, window int64 }

// flies notes n bytes that quic-go has taken from a stream.
func (c *Conn) flies(n int) {
	if c.cfg.Ledger == nil {
		return
	}
	f := &c.flight
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now.written += int64(n)
	f.ticket.Moved(n)
	if f.ended || f.written() <= max(FlightFrom, f.counted) {
		return
	}
	stats := c.quic.ConnectionStats()
	if f.ticket == nil {
		f.ticket = c.cfg.Ledger.Join(connection{c}, nil, time.Now())
		f.begin(stats.BytesSent)
		if f.timer == nil {
			f.timer = time.AfterFunc(f.time, c.lands)
		} else {
			f.timer.Reset(f.time)
		}
	}
	f.now.window = max(f.now.window, int64(stats.CongestionWindow))
	f.count()
}

// lands notes that time has passed.
func (c *Conn) lands() {
	f := &c.flight
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	f.turn(c.quic.ConnectionStats().BytesSent)
	if f.written() <= FlightFrom {
		f.ticket.Leave()
		f.ticket, f.counted, f.held = nil, 0, 0
		return
	}
	f.count()
	f.timer.Reset(f.time)
}

// end has nothing count any more.
func (f *flight) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.ticket.Leave()
	if f.timer != nil {
		f.timer.Stop()
	}
}

func (f *flight) written() int64 { return f.last.written + f.now.written }

// begin begins a span; the connection has sent so many bytes.
func (f *flight) begin(sent uint64) { f.sent, f.time = sent, flightTime }

// turn ends a span; the connection has sent so many bytes.
func (f *flight) turn(sent uint64) {
	if f.now.written == 0 && sent != f.sent { // again, what is not acknowledged
		f.sent, f.time = sent, min(2*f.time, flightMost)
		return
	}
	f.last, f.now = f.now, span{}
	f.begin(sent)
}

// count has the ledger count what is in flight now.
func (f *flight) count() {
	f.counted = f.written() + flightStep
	now := min(f.counted, max(f.last.window, f.now.window))
	if now > f.held {
		f.ticket.Hold(now - f.held)
	} else {
		f.ticket.Give(f.held - now)
	}
	f.held = now
}
