package h2

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/flow"
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/internal/yield"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// What a handler's reads and writes return when its stream ends under it.
var (
	errStreamDone = errors.New("h2: the stream has ended")
	errPeerGone   = errors.New("h2: the client closed the connection")
	errPeerReset  = errors.New("h2: the client reset the stream")
	errStalled    = fmt.Errorf("h2: the client made no progress: %w", errTimeout)
	errTimeout    = http.ErrHandlerTimeout
)

// Conn is an HTTP/2 connection. All of it belongs to the goroutine that called
// Serve, except inbox and what Drain sets.
type Conn struct {
	// In the order of their sections, but for what is small: it shares a word
	// with window, lastID or seen, so that a connection fits its size class.
	cfg    *Config
	wire   *wire.Conn
	remote netip.Addr // not valid: none
	inbox  inbox      // its Wake is the connection's
	tap    access.Tap

	// The turn.
	now  time.Time
	date *message.DateText // of the turn's second
	turn uint64
	hits metrics.Hits // answered by the fast path in this turn
	seen uint32       // streams opened in this turn

	nextReset uint32 // in resets

	// Receiving.
	prefaced         bool
	helloSent        bool
	settingsFromPeer bool   // the first frame has come
	settingsUnacked  bool   // ours are not acknowledged
	over             bool   // the request that is being taken is beyond its client's limit
	late             bool   // this turn has handled input for wire.TurnTime
	lastID           uint32 // highest stream that the peer opened
	stripe           metrics.Stripe
	decoder          hpack.Decoder
	block            headerBlock
	credit           flow.Credit // of the connection
	partial          time.Time   // since when part of a frame waits; zero: none
	frameIn          limit.Pace  // at which that comes
	counted          int         // bytes of its content that its stream's pace has counted
	streams          map[uint32]*stream
	resets           []uint32 // streams that we reset lately, a ring
	spare            []byte   // memory of the about of a stream that has ended
	kept             int      // memory of all streams' about, in bytes
	repeats          repeats
	share            *memory.Share // of requests in progress

	// Sending.
	encoder hpack.Encoder
	peer    peerSettings
	window  flow.Window // of the connection

	partOfData bool // the frame of which part waits is a DATA frame
	choked     bool // we have stopped reading, since the peer has: see queuedControl
	stopped    bool // GOAWAY for an error is sent, or the peer is gone
	reason     metrics.CloseReason

	opened  time.Time  // when the peer last enlarged that
	out     limit.Pace // at which it does so while streams wait for it
	sending sendQueue
	holders []*stream // that began to send a stored body in this turn

	identity *message.Identity // of the client, nil for most

	// Budgets.
	control, early limit.Budget
	updates        int   // WINDOW_UPDATE frames that our DATA has earned the peer
	queuedControl  int32 // answers to PING and SETTINGS since the peer stopped reading
	running        int32 // handlers, also those whose stream has ended

	// Life.
	began  time.Time // its handshake is over
	active time.Time // last new request, or end of the last stream: what idle is counted from
	alive  time.Time // last frame of any kind: the peer is there
	clear  time.Time // last turn before which the socket had taken everything
	pinged time.Time // when a silent peer was sent a PING; zero: not
	drain  drainState
}

// NewConn makes the engine for a connection whose TLS handshake is over.
func NewConn(cfg *Config, w *wire.Conn) *Conn {
	now := time.Now()
	c := &Conn{
		cfg:     cfg,
		wire:    w,
		stripe:  w.Stripe(),
		tap:     cfg.Access.Tap(access.HTTP2, w.Stripe(), w.TLS()),
		remote:  client.Peer(w.RemoteAddr()),
		decoder: hpack.NewDecoder(hpack.DefaultTableSize),
		share:   cfg.Ledger.Share(),
		peer:    initialSettings,
		window:  frame.InitialWindow,
		credit:  flow.NewCredit(connWindow),
		control: limit.NewBudget(cfg.Limits.Control, cfg.Limits.ControlPerSec, now),
		early:   limit.NewBudget(cfg.Limits.Resets, cfg.Limits.ResetsPerSec, now),
		out:     limit.NewPace(cfg.Limits.rate()),
		frameIn: limit.NewPace(cfg.Limits.rate()),
		began:   now,
		active:  now,
		alive:   now,
		now:     now,
		reason:  metrics.ClosePeer,
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
		c.dropAll()
		c.tap.Flush(time.Since(c.now))
	}()
	c.wire.Serve(c)
	return c.reason
}

// dropAll ends what is left. Each stream may have a handler that runs then: a few of them
// at a time, like those that begin.
func (c *Conn) dropAll() {
	const atOnce = 16
	n := 0
	for _, s := range c.streams {
		c.drop(s, errPeerGone)
		if n++; n%atOnce == 0 {
			yield.ToNetwork()
		}
	}
}

// Pending implements wire.Engine.
func (c *Conn) Pending() bool { return c.inbox.Pending() }

// Turn implements wire.Engine: everything that has come is handled, then
// everything that may go is sent.
func (c *Conn) Turn(now time.Time) (wire.Step, time.Time) {
	c.now = now
	c.turn++
	if c.date == nil || c.date.Unix != now.Unix() {
		c.date = message.Date(now)
	}
	if !c.helloSent {
		c.wire.Out = c.appendHello(c.wire.Out)
		c.helloSent, c.settingsUnacked = true, true
	}
	if !c.wire.Congested() {
		c.queuedControl, c.choked, c.clear = 0, false, now
	}
	c.readInbox()
	c.late = false
	more := c.receive()
	if !c.stopped {
		more = c.transmit() || more
	}
	if err := c.wire.Flush(); err != nil && !c.stopped {
		c.gone(err)
	}
	c.count()
	c.join()
	c.forgetTurn()
	if c.stopped || c.drained() {
		return wire.Done, time.Time{}
	}
	if more {
		if c.turn%turnsToWaits == 0 {
			c.overdue() // a client that never lets turns end has no more time than others
		}
		if !c.stopped {
			return wire.Again, time.Time{}
		}
		return wire.Done, time.Time{} // GOAWAY is in Out
	}
	return c.endTurn()
}

// turnsToWaits is after how many turns that go on what is overdue ends: of 250 µs each, with
// turns of all else in between.
const turnsToWaits = 64

// receive handles the frames that have arrived. It reports whether it left
// some, for the next turn.
func (c *Conn) receive() (more bool) {
	for fills := 0; !c.stopped; fills++ {
		if c.tooMuchWaits() || !c.takeFrames() {
			return !c.wire.Congested() // the backlog's end brings the next turn
		}
		if c.late = c.late || fills > 0 && time.Since(c.now) > wire.TurnTime; c.late || fills == wire.TurnFills {
			return true
		}
		switch err := c.wire.Fill(); {
		case err == nil:
		case err == error(wire.ErrWouldBlock):
			return false
		default:
			c.gone(err)
		}
	}
	return false
}

// tooMuchWaits reports whether a peer that does not read what we send has to
// wait for us to read on. It is counted once for each time.
func (c *Conn) tooMuchWaits() bool {
	if c.wire.Buffered() <= c.cfg.Limits.OutputBytes {
		return false
	}
	if !c.choked {
		c.choked = true
		c.limit(metrics.LimitOutputBuffer)
	}
	return true
}

// takeFrames handles every complete frame that was read, or as many as the turn has time
// for: then c.late is set. It reports false if it stopped before, because enough is waiting
// to be sent.
func (c *Conn) takeFrames() bool {
	if !c.prefaced && !c.takePreface() {
		return true
	}
	for n := 1; !c.stopped && !c.late; n++ {
		b := c.wire.Unread()
		if len(b) < frame.HeaderLen {
			break
		}
		h := frame.ParseHeader(b)
		size := frame.HeaderLen + int(h.Length)
		err := frame.Check(h, frame.MinMaxSize)
		if len(b) < size && (err == nil || err.StreamID != 0) {
			break // a connection error need not wait for the rest
		}
		if err == nil {
			err = c.onFrame(h, b[frame.HeaderLen:size])
		}
		if err != nil && !c.failed(err) {
			break
		}
		c.wire.Consume(size)
		c.alive = c.now
		if !c.partial.IsZero() {
			c.partial, c.partOfData, c.counted = time.Time{}, false, 0
			c.frameIn.Restart()
		}
		if n%framesToClock == 0 {
			c.late = time.Since(c.now) > wire.TurnTime
		}
		if len(c.wire.Out) < wire.FlushSize {
			continue
		}
		if err := c.wire.Flush(); err != nil {
			c.gone(err)
		} else if c.tooMuchWaits() {
			return false
		}
	}
	return true
}

// framesToClock is after how many frames a turn looks at the clock: they take a µs each if
// they are hits, and a look 50 ns.
const framesToClock = 16

// takePreface checks the client's preface as far as it has come (RFC 9113
// §3.4) and reports whether it is complete.
func (c *Conn) takePreface() bool {
	b := c.wire.Unread()
	n := min(len(b), len(frame.Preface))
	if string(b[:n]) != frame.Preface[:n] {
		c.fail(frame.ConnError(frame.ProtocolError, "not the HTTP/2 connection preface"))
		return false
	}
	if n < len(frame.Preface) {
		return false
	}
	c.wire.Consume(n)
	c.prefaced = true
	return true
}

// endTurn ends what is overdue and returns until when the connection may sleep.
func (c *Conn) endTurn() (wire.Step, time.Time) {
	if c.alive.Before(c.now) && len(c.streams) == 0 {
		c.repeats, c.spare, c.holders = repeats{}, nil, nil // quiet: keep neither memory nor responses alive
	}
	until := c.overdue()
	c.tap.Flush(0) // streams that were, each with its own duration
	if c.stopped { // GOAWAY is in Out
		return wire.Done, time.Time{}
	}
	if len(c.wire.Out) > 0 {
		return wire.Again, time.Time{}
	}
	return wire.Sleep, until
}

// gone notes that the peer has closed the connection, or it broke.
func (c *Conn) gone(err error) {
	c.stopped = true
	switch {
	case errors.Is(err, wire.ErrNoMemory):
		c.reason = metrics.CloseLimit
	case !errors.Is(err, io.EOF):
		c.reason = metrics.CloseError
	}
}
