package h1

import (
	"errors"
	"io"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/stream"
)

// Conn is an HTTP/1.x connection.
type Conn struct {
	cfg    *Config
	wire   *wire.Conn
	stripe metrics.Stripe
	remote netip.Addr // not valid: none
	tap    access.Tap
	inbox  stream.Inbox[uint64] // by the number of the exchange
	share  *memory.Share        // of requests in progress

	// The turn.
	now   time.Time
	date  *message.DateText // of the turn's second
	turn  uint64
	quota int          // of content that the turn may still send
	hits  metrics.Hits // answered by the fast path in this turn
	over  bool         // the request that is being taken is beyond its client's limit

	state state
	since time.Time // when it was entered

	remembered repeat
	out        outgoing
	large      largeHit // the hit that outlives its turn
	x          *exchange
	number     uint64         // of the last exchange
	ticket     *memory.Ticket // of what is sent, or of x; nil: neither, or nothing is counted

	identity *message.Identity // of the client, nil for most

	active time.Time // last request, or byte of a tunnel
	fresh  bool      // no request has come
	blank  bool      // an empty line came before the next request
	last   bool      // nothing is answered after what is being answered
	ended  bool      // the peer sends nothing more
	broken bool
	drain  bool // Drain was called
	reason metrics.CloseReason
}

// NewConn makes the engine for a connection whose TLS handshake is over.
func NewConn(cfg *Config, w *wire.Conn) *Conn {
	now := time.Now()
	c := &Conn{
		cfg:    cfg,
		wire:   w,
		stripe: w.Stripe(),
		tap:    cfg.Access.Tap(access.HTTP11, w.Stripe(), w.TLS()),
		share:  cfg.Ledger.Share(),
		remote: client.Peer(w.RemoteAddr()),
		now:    now,
		since:  now,
		active: now,
		fresh:  true,
		reason: metrics.ClosePeer,
	}
	c.inbox.Wake = w.Wake
	return c
}

// Identify says what the client has shown of itself. It is called before Serve, if
// at all.
func (c *Conn) Identify(i *message.Identity) { c.identity = i }

// Serve serves the connection until it ends and returns why it did.
func (c *Conn) Serve() (reason metrics.CloseReason) {
	defer func() {
		if p := recover(); p != nil {
			c.cfg.Metrics.Panics.Add(c.stripe, 1)
			c.cfg.Log.Error("panic on a connection", "peer", c.wire.RemoteAddr().String(), "panic", p, "stack", string(debug.Stack()))
			_ = c.wire.Close() // whatever state it is in
			reason = metrics.CloseError
		}
		c.inbox.Close()
		c.release(errGone)
		c.tap.Flush(time.Since(c.now))
	}()
	c.wire.Serve(c)
	return c.reason
}

// Drain makes the connection end after the request in flight. Safe from any
// goroutine.
func (c *Conn) Drain() { c.inbox.Post(stream.Message[uint64]{Kind: stream.Drain}) }

// Pending implements wire.Engine.
func (c *Conn) Pending() bool { return c.inbox.Pending() }

// Turn implements wire.Engine.
func (c *Conn) Turn(now time.Time) (wire.Step, time.Time) {
	c.now = now
	c.turn++
	c.quota = turnBytes
	if c.date == nil || c.date.Unix != now.Unix() {
		c.date = message.Date(now)
	}
	c.readInbox()
	more := c.work()
	c.flush()
	c.join()
	c.remembered.lookup.Response = nil // what is evicted is not kept in memory
	c.tap.Flush(c.cfg.Metrics.AddHits(c.stripe, metrics.H1, &c.hits, c.now))
	switch {
	case c.broken:
		c.release(errGone)
		return wire.Done, time.Time{}
	case more:
		return wire.Again, time.Time{}
	}
	return c.endTurn()
}

// work sends and receives what the state, the socket and the turn allow, and
// reports whether it left some of it for the next turn.
func (c *Conn) work() (more bool) {
	for fills := 0; ; {
		more = c.transmit()
		if c.broken || c.state == closing || c.wire.Buffered() > c.cfg.OutputBytes {
			return more // the backlog's end brings the next turn
		}
		if c.receive() {
			if len(c.wire.Out) < wire.FlushSize {
				continue
			}
			c.flush()
			return true
		}
		if !c.wantsInput() {
			return more
		}
		if fills++; fills > wire.TurnFills {
			return true
		}
		switch err := c.wire.Fill(); {
		case err == nil:
		case err == error(wire.ErrWouldBlock):
			return more
		default:
			c.gone(err)
		}
	}
}

// receive takes the next part of what was read. It reports false if there is
// none that the state lets us take.
func (c *Conn) receive() bool {
	switch c.state {
	case waiting, heading:
		return c.takeRequest()
	case handling, replying, draining:
		return c.takeContent()
	case tunneling:
		return c.takeTunnel()
	}
	return false
}

func (c *Conn) flush() {
	if err := c.wire.Flush(); err != nil {
		c.gone(err)
	}
}

// endTurn returns what comes after the turn, when all that can be done now is done.
func (c *Conn) endTurn() (wire.Step, time.Time) {
	congested := c.wire.Congested()
	switch c.state {
	case closing:
		if congested {
			return wire.Sleep, time.Time{}
		}
		return wire.Done, time.Time{}
	case waiting, heading:
		switch {
		case congested:
			// The client has yet to read its answers: until then it is
			// neither idle nor late.
			c.active, c.since = c.now, c.now
			return wire.Sleep, time.Time{}
		case c.ended:
			return wire.Done, time.Time{}
		case c.drain && c.state == waiting && !c.now.Before(c.drainsAt()):
			c.enter(closing)
			return wire.Done, time.Time{}
		}
	}
	if c.active.Before(c.now) {
		c.remembered = repeat{} // quiet: keep no memory
		if !c.large.open {
			c.large.about = nil
		}
	}
	if c.state == waiting && len(c.wire.Unread()) > 0 {
		c.enter(heading)
	}
	until := c.due()
	if until.IsZero() || c.now.Before(until) {
		return wire.Sleep, until
	}
	c.expire()
	return wire.Again, time.Time{}
}

// gone notes that the peer sends nothing more, or that the connection broke.
// What it asked for before its end is still answered: a client may end its
// sending half.
func (c *Conn) gone(err error) {
	c.ended = true
	if errors.Is(err, wire.ErrNoMemory) {
		c.broken = true
		c.reason = metrics.CloseLimit
		return
	}
	if !errors.Is(err, io.EOF) {
		c.broken = true
		c.reason = metrics.CloseError
		return
	}
	switch c.state {
	case handling, replying:
		if c.x.in.arriving() {
			c.contentFailed(io.ErrUnexpectedEOF)
		}
	case draining:
		c.leaveExchange(closing)
	} // takeTunnel finds it behind the last byte
}

// release ends what is still in flight when the connection ends: a hit's
// content, or an exchange, whose handler's context ends with cause.
func (c *Conn) release(cause error) {
	if c.large.open {
		c.reportLarge(true)
		c.out = outgoing{}
	}
	defer c.leave()
	if c.x != nil {
		if !c.x.reported {
			c.report(true)
		}
		c.letGo(cause)
	}
}
