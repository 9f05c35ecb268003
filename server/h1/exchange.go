package h1

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/stream"
)

// What a handler's context ends with, and what its reads and writes fail with.
var (
	errAnswered = errors.New("h1: the request is answered")
	errGone     = errors.New("h1: the connection has ended")
	errBroken   = errors.New("h1: the response was broken off")
	errSlow     = fmt.Errorf("h1: the request's content came too slowly: %w", http.ErrHandlerTimeout)
	errChunks   = errors.New("h1: the request's content is malformed")
)

// exchange is a request that a handler answers. It belongs to the connection's
// goroutine, but for output and in.body.
type exchange struct {
	number   uint64 // names it in messages: those of an earlier one are ignored
	proto    message.Proto
	headOnly bool   // HEAD
	close    bool   // the client's last request
	connect  bool   // CONNECT
	upgrade  string // what is asked for
	cancel   context.CancelCauseFunc
	output   *stream.Output
	in       inbound
	done     bool // the handler has returned

	// The handler's side of a tunnel is at its end, and the client can see it.
	sent, halfClosed bool

	about    []byte // the request, for the access log
	reported bool
	answer   access.Answer
}

// begin starts the handler of a request whose head is h, size bytes long.
func (c *Conn) begin(h *head, size int) {
	if h.content == sized && h.length > c.cfg.BodyBytes {
		c.refuse(tooLargeContent, h)
		return
	}
	r := &h.request
	if !c.share.Begin(stream.RequestBytes(r)) {
		c.busy(h, size)
		return
	}
	c.number++
	c.ticket = c.share.Join(c, stream.RequestBytes(r), c.now)
	x := &exchange{
		number:   c.number,
		proto:    h.proto,
		headOnly: r.Method == http.MethodHead,
		close:    h.close,
		connect:  r.Method == http.MethodConnect,
		upgrade:  h.upgrade,
		output:   stream.NewOutput(c.ticket),
		about:    access.AppendRequest(nil, r),
		answer: access.Answer{
			Began: c.now, Result: metrics.Bypass, Limited: c.over,
			Trace: c.tap.Trace(r), Handled: true, Account: c.tap.Account(),
		},
	}
	asked := &message.Exchange{
		Request: *r.Clone(), // what r borrows is gone when this returns
		Upgrade: h.upgrade,
		Key:     string(h.lookup.Key),
		Policy:  h.lookup.Policy,
		Proto:   h.proto,
		Peer:    c.wire.RemoteAddr(),
		Local:   c.wire.LocalAddr,
		Trace:   x.answer.Trace,
		Account: x.answer.Account,
		Share:   c.share,
	}
	if t := c.wire.TLS(); t != nil {
		asked.TLS = t.ConnectionState
	}
	x.in = c.newInbound(h, x.number)
	if body := x.in.body; body != nil && h.content != none {
		asked.Body, asked.Trailers, asked.Length = body, body.Trailers, h.length
		if h.content == chunkedContent {
			asked.Length = -1
		}
	}
	reply := stream.NewReply(&c.inbox, x.number, x.output, x.in.body, x.headOnly)
	asked.Reply = reply
	ctx, cancel := context.WithCancelCause(context.Background())
	x.cancel = cancel
	c.x = x
	c.took(size)
	c.enter(handling)
	c.cfg.Crew.Go(func() { stream.Run(ctx, c.cfg.env(), asked, reply, c.stripe) })
}

// counted counts the request when its final head goes.
func (c *Conn) counted(status int, o message.Outcome) {
	a := &c.x.answer
	a.Status, a.Result, a.Reason = status, o.Result, o.Served
	o.Count(c.cfg.Metrics, c.stripe)
	c.cfg.Metrics.Requests.Add(c.stripe, metrics.H1, metrics.ClassOf(status), o.Result, 1)
	o.Tally.Add(c.stripe, metrics.ClassOf(status), o.Result, 1)
}

// report gives the metrics and the access log the exchange at its end.
func (c *Conn) report(aborted bool) {
	x := c.x
	a := &x.answer
	a.Duration, a.Aborted, a.BytesIn = time.Since(a.Began), aborted, x.in.received
	if !aborted && c.state != tunneling { // how long a tunnel is open says nothing of how fast anything is
		c.cfg.Metrics.RequestDuration.ObserveN(c.stripe, a.Result, a.Duration, 1)
	}
	c.tap.SetProtocol(protocol(x.proto))
	c.tap.End(x.about, *a)
	x.reported = true
}

// decideLast decides, before a final head goes, whether the connection ends
// with this answer. One that says that there is too much content does if more of it
// is to come: that would be more than is read and dropped, and a connection that
// ends without a word of it takes the client's next request with it.
func (c *Conn) decideLast(f framing, status int) {
	x := c.x
	tooMuch := status == http.StatusRequestEntityTooLarge && !x.in.over
	c.last = c.last || c.drain || x.close || x.connect || tooMuch || f == untilClose || !x.in.worthDraining()
}

// answered goes on after the last byte of the answer.
func (c *Conn) answered() {
	x := c.x
	c.report(false)
	c.dismiss(errAnswered)
	c.out = outgoing{}
	c.leave() // the handler may go on, but nothing of it is held
	switch {
	case c.last:
		c.leaveExchange(closing)
	case x.in.arriving():
		c.enter(draining)
	case !x.done:
		c.enter(ending)
	default:
		c.leaveExchange(waiting)
	}
}

// settle goes on when the request's content, or the handler, is at its end
// after the answer.
func (c *Conn) settle() {
	switch x := c.x; {
	case c.state != draining && c.state != ending, x.in.arriving():
	case x.done:
		c.leaveExchange(waiting)
	case c.state == draining:
		c.enter(ending)
	}
}

// dismiss ends what the exchange means to its handler, with cause.
func (c *Conn) dismiss(cause error) {
	x := c.x
	x.output.Fail(cause)
	if x.in.body != nil {
		x.in.body.Fail(cause)
	}
	x.cancel(cause)
}

// letGo forgets the exchange: messages of it are ignored.
func (c *Conn) letGo(cause error) {
	c.dismiss(cause)
	if c.out.follower != nil {
		c.out.follower.Close()
	}
	c.x, c.out = nil, outgoing{}
	c.leave()
}

// leaveExchange forgets an exchange that is answered, and goes on to next.
func (c *Conn) leaveExchange(next state) {
	c.letGo(errAnswered)
	c.active = c.now
	c.enter(next)
}

// failExchange answers in place of the handler, and ends the connection.
func (c *Conn) failExchange(r *refusal, cause error) {
	x := c.x
	c.counted(r.Status, message.Outcome{Result: metrics.Bypass})
	x.answer.Bytes = c.appendRefusal(r, x.headOnly)
	c.report(false)
	c.letGo(cause)
	c.enter(closing)
}

// breakOff ends a response before its end, so that the client sees it: the last
// chunk, or some of the declared length, is missing, or else the connection is
// reset.
func (c *Conn) breakOff(cause error) {
	if c.out.framing == untilClose {
		c.flush() // as far as it goes
		c.wire.ResetAtEnd()
	}
	c.report(true)
	c.letGo(cause)
	c.reason = metrics.CloseError
	c.enter(closing)
}
