package h1

import (
	"net/http"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/stream"
)

// Cut implements memory.Sender: what is sent, or the exchange, ends. It may be
// called from any goroutine.
func (c *Conn) Cut(t *memory.Ticket) {
	c.inbox.Post(stream.Message[uint64]{Kind: stream.Cut, Ticket: t})
}

// join has a stored content that outlives its turn join the ledger: most are
// sent by then. A connection sends one at a time, and has one ticket, which an
// exchange has from its beginning.
func (c *Conn) join() {
	o := &c.out
	if o.pins == nil || o.joined || c.cfg.Ledger == nil {
		return
	}
	o.joined = true
	if c.ticket == nil {
		c.ticket = c.cfg.Ledger.Join(c, o.pins, c.now)
	} else {
		c.ticket.Pin(o.pins, c.now)
	}
}

// leave gives back what the connection has taken from the ledger.
func (c *Conn) leave() {
	c.ticket.Leave()
	c.ticket = nil
}

// cut breaks off what is being sent, or answered, because its memory is needed
// for others. The connection ends with it.
func (c *Conn) cut() {
	switch c.state {
	case sending:
		c.reportLarge(true)
		c.out = outgoing{}
		c.leave()
		c.wire.ResetAtEnd()
		c.enter(closing)
	case replying:
		c.breakOff(stream.ErrMemory)
	default:
		c.abort(noMemory)
	}
	c.reason = metrics.CloseLimit
}

// busy answers that there are too many exchanges. Without content the connection
// goes on: a new one would cost more than the answer.
func (c *Conn) busy(h *head, size int) {
	if h.content != none || h.upgrade != "" || h.close || h.request.Method == http.MethodConnect {
		c.refuse(tooManyExchanges, h)
		return
	}
	c.cfg.Metrics.LimitBreaches.Add(c.stripe, metrics.LimitExchanges, 1)
	c.cfg.Metrics.Requests.Add(c.stripe, metrics.H1, metrics.Class5xx, metrics.Bypass, 1)
	a := access.Answer{Began: c.now, Status: tooManyExchanges.Status, Result: metrics.Bypass, Limited: c.over}
	out := tooManyExchanges.AppendHead(c.wire.Out, c.date, nil)
	c.last = c.drain
	out = append(appendConnection(out, c.last, h), crlf...)
	if h.request.Method != http.MethodHead {
		out = append(out, tooManyExchanges.Body...)
		a.Bytes = int64(len(tooManyExchanges.Body))
	}
	c.wire.Out = out
	c.tap.SetProtocol(protocol(h.proto))
	c.tap.End(access.AppendRequest(nil, &h.request), a)
	c.took(size)
	next := waiting
	if c.last {
		next = closing
	}
	if c.state != next {
		c.enter(next)
	}
}
