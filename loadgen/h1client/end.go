package h1client

import (
	"errors"
	"io"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// done reports an exchange's end to the driver; f is nil if the response is
// whole.
func (c *Conn) done(f *exchange.Failure) {
	c.flight.Ended, c.flight.Failure = max(c.now, c.flight.Sent), f
	if c.busy { // else it was not sent, and the parser is at the response before
		c.flight.Remarks, c.flight.Cache = c.parser.remarks, c.parser.cache
	}
	c.busy = false
	c.driver.Done(&c.flight)
}

// complete ends the exchange whose response is whole. The content of one that
// is no success is not looked at: its status says more.
func (c *Conn) complete() {
	if c.hash != nil && c.parser.hasContent() && c.flight.Succeeded() {
		c.hash.Sum(c.sum[:0])
		if !c.cfg.Digests.Check(c.flight.Request.Target, c.sum) {
			c.done(errDigest)
			return
		}
	}
	if c.parser.tagged && len(c.parser.tag) > 0 && exchange.Tells(c.flight.Status) {
		c.cfg.ETag(c.flight.Request, c.parser.tag)
	}
	c.done(nil)
}

// expire ends an exchange that took too long, and with it the connection: the
// response could still come, and would be taken for the next one's.
func (c *Conn) expire() {
	if c.heard {
		c.fail(errUnfinished)
	} else {
		c.fail(errNoAnswer)
	}
}

// fail ends the connection, and what is in flight with it.
func (c *Conn) fail(f *exchange.Failure) {
	c.failure, c.cut = f, true
	if c.busy {
		c.done(f)
	}
}

// hangUp ends the connection as the server, or this side, said that it would (RFC
// 9112 §9.6).
func (c *Conn) hangUp() {
	c.failure = exchange.CloseFailure(nil)
	c.cut = c.wire.Congested() // the rest of a request that is answered is not read
}

// lost ends a connection that has ended already: err is what reading or writing
// said.
func (c *Conn) lost(err error) {
	if exchange.HungUp(err) {
		err = c.wire.LastWord(err)
	}
	f := lostFailure(err)
	end := f
	if c.busy {
		ended := errors.Is(err, io.EOF)
		switch {
		case ended && c.parser.state == toEnd:
			c.complete()
		case ended && c.parser.inContent():
			c.done(errShort)
			end = f.UnderRequest()
		case c.mayRepeat() && exchange.HungUp(err):
			c.busy = false
			c.flight.Last = c.flight.Sent
			c.driver.Again(c.flight.Ticket, f)
		default:
			c.done(f)
			end = f.UnderRequest()
		}
	}
	c.fail(end)
}

// mayRepeat reports whether the request in flight may be sent again on another
// connection: servers close connections that are idle, and may do so while a
// request is on its way (RFC 9112 §9.3.1). Whether they have seen it is
// not known, so it must be one that does no harm twice. The first request of a
// connection finds none that was idle: if it fails, that is an answer.
func (c *Conn) mayRepeat() bool {
	return !c.heard && c.sent > 1 && idempotent(c.flight.Request.Method)
}

// idempotent is RFC 9110 §9.2.2.
func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE":
		return true
	}
	return false
}
