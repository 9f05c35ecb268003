package h3

import (
	"runtime/debug"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// InternalError is the code of a connection that ends because of a mistake of ours.
const InternalError = codeInternalError

// survive has a panic end what it happened on, which is what end does, and not the
// process. Each goroutine of a connection defers it.
func (c *Conn) survive(on string, end func()) {
	if p := recover(); p != nil {
		c.cfg.Metrics.Panics.Add(c.stripe, 1)
		c.cfg.Log.Error("panic on "+on, "peer", c.quic.RemoteAddr().String(), "panic", p, "stack", string(debug.Stack()))
		end()
	}
}

// fall ends the connection after a panic.
func (c *Conn) fall() { c.close(metrics.CloseError, codeInternalError, "") }
