package h1client

import (
	"crypto/sha256"
	"hash"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// Conn is an HTTP/1.1 connection that sends a driver's requests. It belongs to
// the goroutine that calls Serve, except Stop.
type Conn struct {
	cfg    *exchange.Config
	wire   *wire.Conn
	driver exchange.Driver
	now    time.Duration // when the last bytes were read, or the turn began

	busy   bool             // a request is in flight
	flight exchange.Outcome // of it, as far as it is known
	heard  bool             // some of its response has come
	parser parser
	hash   hash.Hash // of the content so far; nil: not looked at
	sum    [sha256.Size]byte

	sent    int // requests on this connection
	asked   atomic.Bool
	over    bool              // no turn follows
	cut     bool              // without close_notify
	failure *exchange.Failure // the connection's end; nil: it lasts
}

// New makes the engine for a connection whose TLS handshake is over. cfg.Streams
// means nothing here.
func New(cfg *exchange.Config, w *wire.Conn, d exchange.Driver) *Conn {
	c := &Conn{cfg: cfg, wire: w, driver: d, parser: parser{strict: cfg.Strict, tagged: cfg.ETag != nil}}
	if cfg.Digests != nil {
		c.hash = sha256.New()
	}
	return c
}

// Serve serves the connection until the driver has no more, and returns
// nil, or until the connection has ended, and returns why. Either way each
// ticket that was taken has become an outcome or was given back, and the
// connection is closed.
func (c *Conn) Serve() *exchange.Failure {
	c.wire.Serve(c)
	_ = c.wire.Close() // it is, unless it was cut
	if !c.over {       // it was closed between two turns
		c.now = c.cfg.Now(time.Now())
		c.fail(exchange.WasStopped)
		c.driver.Rest(c.now)
	}
	return c.failure
}

// Stop gives the engine a turn soon, in which it calls the driver again. Safe
// from any goroutine.
func (c *Conn) Stop() {
	c.asked.Store(true)
	c.wire.Wake()
}

// Pending implements [wire.Engine].
func (c *Conn) Pending() bool { return c.asked.Load() }

// Turn implements [wire.Engine].
func (c *Conn) Turn(now time.Time) (wire.Step, time.Time) {
	c.asked.Store(false)
	c.now = c.cfg.Now(now)
	again := c.receive()
	if c.busy && c.now >= c.deadline() {
		c.expire()
	}
	if c.failure == nil && !c.busy {
		c.send()
	}
	if c.failure == nil {
		if err := c.wire.Flush(); err != nil {
			c.lost(err)
		}
	}
	until, more := c.driver.Rest(c.now)
	switch {
	case !c.busy && !more:
		if c.failure != nil && c.failure.Orderly() {
			c.failure = nil // no other connection is needed
		}
		return c.leave()
	case c.failure != nil:
		return c.leave()
	case again:
		return wire.Again, time.Time{}
	case c.busy:
		return wire.Sleep, c.cfg.Epoch.Add(c.look())
	case until == 0:
		return wire.Sleep, time.Time{}
	}
	return wire.Sleep, c.cfg.Epoch.Add(until)
}

func (c *Conn) leave() (wire.Step, time.Time) {
	c.over = true
	if c.cut {
		return wire.Leave, time.Time{} // to Serve, which closes
	}
	return wire.Done, time.Time{}
}

// deadline is when the request in flight must have its response.
func (c *Conn) deadline() time.Duration { return c.flight.Due + c.cfg.Timeout }

// look is when a turn must be though nothing comes while a request is in flight.
func (c *Conn) look() time.Duration {
	if full := c.driver.Full(); full > 0 {
		return min(full, c.deadline())
	}
	return c.deadline()
}

// receive takes what has arrived and reports whether to look for more before
// the connection sleeps.
func (c *Conn) receive() (again bool) {
	for fills := 0; fills < wire.TurnFills; fills++ {
		switch err := c.wire.Fill(); {
		case err == error(wire.ErrWouldBlock):
			// If a response goes on, the end may have come with what was
			// read, and wire would look for it only once it was quiet.
			return c.busy && fills > 0
		case err != nil:
			c.lost(err)
			return false
		}
		c.now = c.cfg.Now(time.Now())
		if !c.heard {
			c.heard, c.flight.First = true, c.now
		}
		if c.take(); c.failure != nil {
			return false
		}
	}
	return true
}

// take takes the response in flight off the front of what was read.
func (c *Conn) take() {
	for c.busy {
		n, content, f := c.parser.next(c.wire.Unread())
		c.flight.Status = c.parser.status
		if f != nil {
			c.fail(f)
			return
		}
		if len(content) > 0 {
			c.flight.BytesIn += int64(len(content))
			if c.hash != nil {
				c.hash.Write(content)
			}
		}
		c.wire.Consume(n)
		if c.parser.state != whole {
			if n == 0 {
				return
			}
			continue
		}
		if c.complete(); !c.parser.persist || c.cfg.Once {
			c.hangUp()
			return
		}
	}
	if len(c.wire.Unread()) > 0 {
		c.fail(errUnasked)
	}
}

// send sends the driver's next request.
func (c *Conn) send() {
	for {
		t, ok := c.driver.Next(c.now)
		if !ok {
			return
		}
		c.flight = exchange.Outcome{Ticket: t}
		if c.now < c.deadline() {
			break
		}
		c.flight = t.OutOfTime(c.now) // to send it would only cost the connection
		c.done(c.flight.Failure)
	}
	r := c.flight.Request
	c.flight.Sent, c.flight.BytesOut = max(c.now, c.flight.Due), int64(len(r.Body))
	c.busy, c.heard = true, false
	c.sent++
	c.parser.begin(r.HeadOnly())
	if c.hash != nil {
		c.hash.Reset()
	}
	if head := r.Head; c.cfg.Once {
		const end = "\r\n"
		c.wire.Out = append(append(c.wire.Out, head[:len(head)-len(end)]...), "Connection: close"+end+end...) // RFC 9112 §9.6
	} else {
		c.wire.Out = append(c.wire.Out, head...)
	}
	c.wire.Out = append(c.wire.Out, r.Body...)
}
