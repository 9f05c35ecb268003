package h2client

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/flow"
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// The windows that the server may send into. What comes is dropped at once, so
// they are large enough never to hold a server back, and cost nothing.
const (
	streamWindow = 16 << 20
	connWindow   = 1 << 30
)

// firstStreams bounds the streams until the server has announced its limit:
// none should be lower (RFC 9113 §6.5.2).
const firstStreams = 100

// maxBlock bounds a header block, in bytes, encoded and decoded.
const maxBlock = 64 << 10

// endCheck is how long after something came a connection with requests in
// flight is looked at again: the server's end may have come with it, which wire
// would see after five seconds.
const endCheck = 100 * time.Millisecond

// maxAnswers bounds the answers to PING and SETTINGS that wait for a server
// which does not read: a healthy one sends a few a minute.
const maxAnswers = 1000

// Conn is an HTTP/2 connection that sends a driver's requests. It belongs to
// the goroutine that calls Serve, except Stop.
type Conn struct {
	cfg    *exchange.Config
	wire   *wire.Conn
	driver exchange.Driver
	asked  atomic.Bool // Stop was called since the last turn

	now time.Duration // when what is being handled was read

	// Receiving.
	helloSent bool
	settled   bool // the server's first SETTINGS have come
	decoder   hpack.Decoder
	block     headerBlock
	value     []byte // of a field that is being looked at
	tag       []byte // the ETag of the head that was decoded last, if it is looked at
	credit    flow.Credit
	answers   int  // to PING and SETTINGS since the server stopped reading
	looked    bool // nothing has come since the socket was found empty

	// Sending.
	encoder hpack.Encoder
	scratch []byte // for a header block
	peer    peerSettings
	window  flow.Window
	blocked []uint32 // streams whose body waits for a window, the socket or the next turn
	left    int      // bytes of bodies that the turn may still send
	nextID  uint32

	memories []memory // by target
	streams  []stream // by slot
	inFlight int
	soonest  time.Duration // no stream's time is up before

	outcome exchange.Outcome // the last: here, so that telling it allocates nothing
	sum     [sha256.Size]byte

	leaving bool              // no new streams: GOAWAY, identifiers are used up, or one was to be sent
	failure *exchange.Failure // why the connection ends, or what fails when it does
	ended   bool
}

// peerSettings is what the server announced, with the initial values of RFC 9113
// §6.5.2.
type peerSettings struct {
	streams       int
	initialWindow int64
	maxFrame      int
}

// New makes the engine for a connection that speaks h2.
func New(cfg *exchange.Config, w *wire.Conn, d exchange.Driver) *Conn {
	return &Conn{
		cfg:     cfg,
		wire:    w,
		driver:  d,
		decoder: hpack.NewDecoder(hpack.DefaultTableSize),
		credit:  flow.NewCredit(connWindow),
		peer:    peerSettings{streams: firstStreams, initialWindow: frame.InitialWindow, maxFrame: frame.MinMaxSize},
		window:  frame.InitialWindow,
		nextID:  1,
		streams: make([]stream, slotsFor(cfg.Streams)),
	}
}

// Serve sends until the driver has no more, and returns nil, or until the
// connection ends, and returns why. Every ticket has become an outcome then, or
// was given back.
func (c *Conn) Serve() *exchange.Failure {
	c.wire.Serve(c)
	if !c.ended { // it was closed between two turns
		c.tick()
		c.end(exchange.WasStopped)
		c.failStreams()
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

// Pending implements wire.Engine.
func (c *Conn) Pending() bool { return c.asked.Load() }

// Turn implements wire.Engine.
func (c *Conn) Turn(time.Time) (wire.Step, time.Time) {
	c.asked.Store(false)
	if !c.helloSent {
		c.hello()
	}
	more := c.receive()
	c.tick()
	if !c.ended {
		c.left = turnBytes
		c.expire()
		c.sendBodies()
		c.sendRequests()
		more = more || c.left <= 0
	}
	if err := c.wire.Flush(); err != nil {
		c.lost(err)
	}
	if c.ended {
		c.failStreams()
	}
	until, work := c.driver.Rest(c.now)
	switch {
	case c.ended:
		return wire.Done, time.Time{}
	case c.inFlight == 0 && (c.leaving || !work):
		c.leave(work)
		return wire.Done, time.Time{}
	case more:
		return wire.Again, time.Time{}
	}
	return wire.Sleep, c.sleepUntil(until, work)
}

// leave sends GOAWAY and ends. needed is that another connection has to take over.
func (c *Conn) leave(needed bool) {
	c.goAway(frame.NoError, "")
	c.ended = true
	if !needed {
		c.failure = nil
	} else if c.failure == nil { // the server has not said GOAWAY
		if c.failure = exchange.UsedUp; c.cfg.Once {
			c.failure = exchange.HadOne
		}
	}
}

// sleepUntil is when the next turn must be: when a ticket can be sent, when a
// stream's time is up, when the driver has to look at a connection that is full,
// or when to look for the connection's end. due is when the driver has a ticket.
func (c *Conn) sleepUntil(due time.Duration, work bool) time.Time {
	var next time.Duration // 0: only something that comes brings a turn
	switch {
	case !work:
	case c.mayOpen() && !c.wire.Congested():
		next = due
	case c.inFlight == 0: // it cannot be sent: the driver has to give it up in time
		if next = due + c.cfg.Timeout; next <= c.now { // a closed loop, or the driver forgets nothing
			next = c.now + c.cfg.Timeout
		}
	default:
		next = c.driver.Full()
	}
	if c.inFlight > 0 {
		end := c.soonest
		if !c.looked {
			end = min(end, c.now+endCheck)
		}
		if next <= 0 || end < next {
			next = end
		}
	}
	if next <= 0 {
		return time.Time{}
	}
	return c.cfg.Epoch.Add(next)
}

func (c *Conn) tick() { c.now = c.cfg.Now(time.Now()) }

// receive handles what has arrived and reports whether it left some.
func (c *Conn) receive() (more bool) {
	for fills := 0; !c.ended; fills++ {
		c.takeFrames()
		if c.ended {
			break
		}
		if fills == wire.TurnFills {
			return true
		}
		switch err := c.wire.Fill(); {
		case err == nil:
			c.tick()
		case err == error(wire.ErrWouldBlock):
			c.looked = fills == 0
			return false
		default:
			c.lost(err)
		}
	}
	return false
}

// takeFrames handles every whole frame that was read.
func (c *Conn) takeFrames() {
	for !c.ended {
		b := c.wire.Unread()
		if len(b) < frame.HeaderLen {
			return
		}
		h := frame.ParseHeader(b)
		size := frame.HeaderLen + int(h.Length)
		if !c.settled && h.Type != frame.Settings { // RFC 9113 §3.4
			c.refuse(b)
			return
		}
		err := frame.Check(h, frame.MinMaxSize)
		if len(b) < size && (err == nil || err.StreamID != 0) {
			return // a connection error need not wait for the rest
		}
		if err == nil {
			err = c.onFrame(h, b[frame.HeaderLen:size])
		}
		if err != nil {
			c.failed(err)
		}
		c.wire.Consume(min(size, len(b)))
	}
}

// refuse ends a connection whose first frame is not SETTINGS, or no frame: one
// without TLS, and so without ALPN, may be to a server that answers in HTTP/1.1.
func (c *Conn) refuse(first []byte) {
	const reason = "the first frame is not SETTINGS"
	c.goAway(frame.ProtocolError, reason)
	if bytes.HasPrefix(first, []byte("HTTP/1.")) {
		c.end(exchange.NoHTTP2)
		return
	}
	c.end(&exchange.Failure{Kind: exchange.Malformed, Detail: reason})
}

// failed ends a stream, or the connection, over what the server did wrong.
func (c *Conn) failed(err *frame.Error) {
	failure := &exchange.Failure{Kind: exchange.Malformed, Detail: err.Reason}
	if err.StreamID == 0 {
		c.goAway(err.Code, err.Reason)
		c.end(failure)
		return
	}
	if s := c.stream(err.StreamID); s != nil {
		c.abort(s, err.Code, failure)
	}
}

// end notes that the connection is over.
func (c *Conn) end(why *exchange.Failure) {
	c.ended = true
	c.failure = why
}

// lost notes that the server has closed the connection, or it broke. What the
// server said before, in GOAWAY, is the better reason.
func (c *Conn) lost(err error) {
	if c.ended {
		return
	}
	if exchange.HungUp(err) {
		err = c.wire.LastWord(err)
	}
	switch {
	case errors.Is(err, net.ErrClosed): // not by the server
		c.end(exchange.WasStopped)
	case c.failure != nil:
		c.end(c.failure)
	default:
		c.end(exchange.CloseFailure(err))
	}
}

func (c *Conn) goAway(code frame.ErrCode, reason string) {
	c.wire.Out = frame.AppendGoAway(c.wire.Out, 0, code, reason)
}
