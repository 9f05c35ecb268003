package h2

import (
	"context"
	"net/http"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/flow"
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

// handle opens a stream for a request that the fast path did not answer and
// starts its handler. What d borrows is gone when it returns.
func (c *Conn) handle(id uint32, d *decoded, end bool) *frame.Error {
	r := &d.request
	if len(c.streams) >= c.cfg.Limits.Streams || int(c.running) >= 2*c.cfg.Limits.Streams {
		// Handlers count until they return, even if their stream was reset:
		// else a peer that resets could have any number. Twice the streams,
		// since a handler may return a little after its answer is sent.
		return c.refuseExcess(id)
	}
	if r.Length > c.cfg.Limits.BodyBytes {
		c.limit(metrics.LimitBodySize)
		return c.refuse(id, r, end, http.StatusRequestEntityTooLarge)
	}
	if strings.EqualFold(r.Protocol, "h2c") || strings.EqualFold(r.Protocol, "h2") {
		return c.refuse(id, r, end, http.StatusNotImplemented) // HTTP itself: of this hop, and to be passed on by no proxy
	}
	size := relay.RequestBytes(&r.Request)
	if !c.share.Begin(size) {
		// The server's limit, not the peer's: it costs none of its budget.
		c.limit(metrics.LimitExchanges)
		c.countError(frame.RefusedStream, metrics.ScopeStream)
		c.sendReset(id, frame.RefusedStream)
		return nil
	}
	s := c.open(id)
	s.trace, s.account = c.tap.Trace(&r.Request), c.tap.Account()
	c.keepRequest(s, &r.Request)
	s.recvDone, s.result = end, metrics.Bypass // until it says otherwise
	s.headOnly = r.Method == http.MethodHead
	s.ticket = c.share.Join(s, size, c.now)
	s.output = relay.NewOutput(s.ticket)
	x := &message.Exchange{
		Request: *r.Clone(),
		Upgrade: strings.Clone(r.Protocol),
		Key:     string(d.lookup.Key),
		Policy:  d.lookup.Policy,
		Proto:   message.HTTP2,
		Peer:    c.wire.RemoteAddr(),
		Local:   c.wire.LocalAddr,
		Trace:   s.trace,
		Account: s.account,
		Share:   c.share,
	}
	if t := c.wire.TLS(); t != nil {
		x.TLS = t.ConnectionState
	}
	if !end || r.Protocol != "" {
		s.declared = r.Length
		s.credit = flow.NewCredit(streamWindow)
		var expect func()
		if value, _ := r.Field("expect"); strings.EqualFold(value, "100-continue") && r.Protocol == "" {
			expect = func() { c.inbox.Post(streamMessage{Kind: relay.Continue, Stream: s}) }
		}
		s.body = relay.NewBody(s.ticket, func(n int) { c.inbox.Post(streamMessage{Kind: relay.Read, Stream: s, N: n}) }, expect)
	}
	switch {
	case r.Protocol != "": // what comes is no content, but the tunnel's: Reply.Tunnel reads it
		s.tunnel = tunnelAsked
		if end {
			s.body.End()
		}
	case !end:
		x.Body, x.Length, x.Trailers = s.body, r.Length, s.body.Trailers
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	s.cancel = cancel
	reply := relay.NewReply(&c.inbox, s, s.output, s.body, s.headOnly)
	reply.Explain(message.Outcome{Result: metrics.Bypass})
	x.Reply = reply
	c.running++
	c.cfg.Crew.Go(func() { relay.Run(ctx, c.cfg.env(), x, reply, c.stripe) })
	return nil
}

// refuseExcess refuses a stream beyond SETTINGS_MAX_CONCURRENT_STREAMS and
// takes it off the peer's budget.
func (c *Conn) refuseExcess(id uint32) *frame.Error {
	c.refuseStream(id)
	if c.early.Spend(c.now) {
		return nil
	}
	c.limit(metrics.LimitEarlyReset)
	return frame.ConnError(frame.EnhanceYourCalm, "too many streams beyond SETTINGS_MAX_CONCURRENT_STREAMS")
}
