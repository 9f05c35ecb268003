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
func (s *stream) Cut(t *memory.Ticket) {
	if t.Shed() {
		s.conn.limit(metrics.LimitExchanges)
	}
	go s.breakOff(codeExcessiveLoad, relay.ErrMemory) // quic-go asks the ledger under a lock that this takes: see Grow
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
