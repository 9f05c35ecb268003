package h2client

import (
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

// firstStreams bounds the streams until the server has said how many it wants:
// no server should want fewer (RFC 9113 §6.5.2).
const firstStreams = 100

// maxBlock bounds a header block, in bytes, encoded and decoded.
const maxBlock = 64 << 10

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
	credit    flow.Credit

	// Sending.
	encoder hpack.Encoder
	scratch []byte // for a header block
	peer    peerSettings
	window  flow.Window
	blocked []uint32 // streams whose body waits for a window or the socket
	nextID  uint32

	memories []memory // by target
	streams  []stream // by slot
	inFlight int
	soonest  time.Duration // no stream's time is up before

	leaving bool              // no new streams: GOAWAY, or identifiers are used up
	failure *exchange.Failure // why the connection ends, or what fails when it does
	ended   bool
}

// peerSettings is what the server told us, with the initial values of RFC 9113
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
	if c.inFlight > 0 {
		c.lost(nil) // cut off by somebody else
	}
	for i := range c.streams {
		if s := &c.streams[i]; s.id != 0 {
			c.fail(s, c.failure)
		}
	}
	c.driver.Rest(c.cfg.Now(time.Now()))
	return c.failure
}

// Stop has the driver asked again soon. Safe from any goroutine.
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
		c.expire()
		c.sendBodies()
		c.sendRequests()
	}
	until, work := c.driver.Rest(c.now)
	if err := c.wire.Flush(); err != nil {
		c.lost(err)
	}
	switch {
	case c.ended:
		return wire.Done, time.Time{}
	case c.inFlight == 0 && (c.leaving || !work):
		c.goAway(frame.NoError, "")
		_ = c.wire.Flush() // it ends in any case
		return wire.Done, time.Time{}
	case more:
		return wire.Again, time.Time{}
	}
	return wire.Sleep, c.sleepUntil(until)
}

// sleepUntil is when the next turn must be: when a ticket is due and there is a
// stream for it, or when a stream's time is up.
func (c *Conn) sleepUntil(due time.Duration) (t time.Time) {
	if due > 0 && c.mayOpen() {
		t = c.cfg.Epoch.Add(due)
	}
	if c.inFlight > 0 {
		if end := c.cfg.Epoch.Add(c.soonest); t.IsZero() || end.Before(t) {
			t = end
		}
	}
	return t
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
		err := frame.Check(h, frame.MinMaxSize)
		if err == nil && !c.settled && h.Type != frame.Settings { // RFC 9113 §3.4
			err = frame.ConnError(frame.ProtocolError, "the first frame is not SETTINGS")
		}
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
	if c.failure != nil {
		c.ended = true
		return
	}
	c.end(exchange.CloseFailure(err))
}

func (c *Conn) goAway(code frame.ErrCode, reason string) {
	c.wire.Out = frame.AppendGoAway(c.wire.Out, 0, code, reason)
}
