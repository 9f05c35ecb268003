package h3

import (
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/memory"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

// Cut implements memory.Sender: the stream's memory is needed for others. It may be
// called from any goroutine.
func (s *stream) Cut(*memory.Ticket) {
	go s.breakOff(codeExcessiveLoad, relay.ErrMemory) // quic-go asks the ledger under a lock that this takes: see Grow
}

// flight is what quic-go has sent for a connection and not seen acknowledged: it
// keeps a copy of that. It is never more than the congestion window (RFC 9002 §7),
// nor than what was written since the connection last had nothing to send, and
// counts in the ledger as that from [FlightFrom] bytes on.
type flight struct {
	mu      sync.Mutex
	ticket  *memory.Ticket // nil: nothing counts
	written int64
	held    int64
}

// flies notes n bytes that quic-go has taken from a stream.
func (c *Conn) flies(n int) {
	if c.cfg.Ledger == nil {
		return
	}
	f := &c.flight
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written += int64(n)
	if f.written <= FlightFrom {
		return
	}
	if f.ticket == nil {
		f.ticket = c.cfg.Ledger.Join(connection{c}, nil, time.Now())
	}
	f.ticket.Moved(n)
	now := min(f.written, int64(c.quic.ConnectionStats().CongestionWindow))
	if now > f.held {
		f.ticket.Hold(now - f.held)
	} else {
		f.ticket.Give(f.held - now)
	}
	f.held = now
}

// landed notes that nothing more is sent for now: what has not arrived yet takes a
// round trip.
func (f *flight) landed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ticket.Leave()
	f.ticket, f.written, f.held = nil, 0, 0
}

// window is how much content the peer may send on the connection before a handler
// has read it, beyond [FirstConnWindow].
type window struct {
	mu     sync.Mutex
	ticket *memory.Ticket
	ended  bool
}

func (w *window) begin(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ticket = c.cfg.Ledger.Join(connection{c}, nil, time.Now())
}

func (w *window) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ticket.Leave()
	w.ended = true
}

// Grow reports whether the connection's receive window may grow by n bytes: if there
// is memory for it. It is for quic-go's AllowConnectionWindowIncrease, and calls
// nothing of the connection's.
func (c *Conn) Grow(n uint64) bool {
	c.window.mu.Lock()
	defer c.window.mu.Unlock()
	return !c.window.ended && c.window.ticket.Take(int64(n))
}

// connection is a connection as a memory.Sender.
type connection struct{ *Conn }

// Cut implements memory.Sender.
func (c connection) Cut(*memory.Ticket) {
	go func() { // flight and window call the ledger with their mutex
		c.limit(metrics.LimitOutputMemory)
		c.close(metrics.CloseLimit, codeExcessiveLoad, "no memory")
	}()
}
