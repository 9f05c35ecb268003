package perclient

import (
	"net/netip"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// Connections limits connections and handshakes, by the address of the peer. A
// nil Connections limits nothing.
type Connections struct {
	limits     *Limits
	metrics    *metrics.Hotpath
	handshakes *rate // nil: not limited

	mu   sync.Mutex
	open map[netip.Addr]int // nil: not limited
}

// Connections are the limits for connections and handshakes; nil if there are
// none.
func (l *Limits) Connections(m *metrics.Hotpath) *Connections {
	if l.cfg.Connections == 0 && l.cfg.Handshakes == 0 {
		return nil
	}
	c := &Connections{limits: l, metrics: m}
	if l.cfg.Connections > 0 {
		c.open = make(map[netip.Addr]int)
	}
	if n := l.cfg.Handshakes; n > 0 {
		r := l.newRate(n, n)
		c.handshakes = &r
	}
	return c
}

// Open counts a connection of peer, and reports whether it may stay. If so,
// Close ends it.
func (c *Connections) Open(peer netip.Addr, s metrics.Stripe) bool {
	if c == nil || c.open == nil || c.limits.cfg.Exempt.Contain(peer) {
		return true
	}
	part := c.limits.part(peer)
	c.mu.Lock()
	over := c.open[part] >= c.limits.cfg.Connections
	if !over || c.limits.cfg.DryRun {
		c.open[part]++
	}
	c.mu.Unlock()
	return !over || c.over(metrics.LimitedConnections, s)
}

// Close is the end of a connection of peer for which Open was true.
func (c *Connections) Close(peer netip.Addr) {
	if c == nil || c.open == nil || c.limits.cfg.Exempt.Contain(peer) {
		return
	}
	part := c.limits.part(peer)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[part]--; c.open[part] <= 0 {
		delete(c.open, part)
	}
}

// Handshake reports whether peer may begin a handshake.
func (c *Connections) Handshake(peer netip.Addr, now time.Time, s metrics.Stripe) bool {
	if c == nil || c.handshakes == nil || c.limits.cfg.Exempt.Contain(peer) {
		return true
	}
	return c.handshakes.take(c.handshakes.name(peer), now) || c.over(metrics.LimitedHandshakes, s)
}

// over counts what is beyond a limit, and reports whether it may pass all the
// same.
func (c *Connections) over(kind metrics.LimitedKind, s metrics.Stripe) bool {
	c.metrics.Limited.Add(s, kind, c.limits.mode(), 1)
	return c.limits.cfg.DryRun
}
