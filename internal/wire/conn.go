package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// quietCheck is how long after a batch a connection that has been quiet since
// is looked at again, for an end of stream that the last short read hid, and for
// memory that it need not hold.
const quietCheck = 5 * time.Second

// keepTime is for how long a connection on which nothing arrives keeps memory for
// parts of records and frames: an upload would else allocate in each turn.
const keepTime = time.Second

// goodbyeTime bounds how long a client waits for its last frames to be written.
// It does not linger for them: it has the answers that it asked for, or gave up.
const goodbyeTime = 100 * time.Millisecond

// closeTime bounds how long a closing connection may take to accept what is
// still queued for it.
const closeTime = 5 * time.Second

// ErrWouldBlock means that nothing more has arrived. crypto/tls keeps what it
// has read when the error under it is a temporary net.Error.
var ErrWouldBlock net.Error = wouldBlock{}

type wouldBlock struct{}

func (wouldBlock) Error() string   { return "nothing to read now" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

// Step is what comes after an engine's turn.
type Step int

const (
	Sleep Step = iota // nothing left to do until something comes
	Again             // there is more to do, after others had their turn
	Done              // flush, end the connection, close
	Leave             // end without a last word: the caller of Serve closes
)

// Engine is a protocol on a connection. Its methods are called by the
// goroutine that called Serve, except Pending, which it must make safe.
type Engine interface {
	// Turn takes what Fill and Unread give, appends to Out, flushes, and
	// returns what is next. until is when the next turn is due at the latest;
	// zero for never.
	Turn(now time.Time) (next Step, until time.Time)

	// Pending reports whether another goroutine left the engine something
	// before it called Wake.
	Pending() bool
}

// Options are what a connection shares with the others.
type Options struct {
	Metrics Metrics

	// WriteTimeout is how long a peer may take for WriteQuantum bytes: their
	// quotient is the lowest rate at which it may read.
	WriteTimeout time.Duration
	WriteQuantum int

	Handshakes Gate   // nil: none
	Turns      *Turns // of clients that send much; nil: no bound
	Budget     Budget // for what waits for peers; nil: none

	// PlainTLS leaves the buffers of crypto/tls alone, at the price of an
	// allocation for each record and 5 KiB for each connection: see TLSBuffers.
	PlainTLS bool
}

// Conn is a connection under an engine. Its methods are for the goroutine that
// called Serve, in a turn, except Wake and Close.
type Conn struct {
	// Out is the plaintext to be sent: an engine appends to it in its turn
	// and calls Flush.
	Out []byte

	// Answered, if it is set, is called once by Handshake, before our first
	// flight is sent: from then on the peer is waited for.
	Answered func()

	nc      net.Conn
	remote  net.Addr        // the client in a PROXY header; nil: the other end of nc
	config  *tls.Config     // nil: plaintext, in tests
	tls     *tls.Conn       // nil: plaintext, or no handshake yet
	raw     syscall.RawConn // nil: served by a pump
	pump    *pump           // nil: served by the poller
	client  bool            // the peer is a server
	opt     *Options
	stripe  metrics.Stripe
	engine  Engine
	phase   phase
	gated   bool        // has a place in Handshakes
	goesOn  bool        // has a place in Turns
	long    bool        // its client sends more than turns handle; see receive
	cut     atomic.Bool // Close was called
	asleep  atomic.Bool // between the end of a turn and the next; see Wake
	backlog backlog

	// In a turn:
	*scratch
	fd        uintptr
	readable  bool // the socket may hold more than was read
	taken     int  // how much of plainIn the engine has taken
	took      bool // it has taken some in this turn
	opened    int  // how much of cipherIn TLS has taken
	filled    int  // how much of cipherIn holds bytes
	record    int  // how much of the record at opened TLS has not taken
	readErr   error
	lost      bool // the socket has ended: no peer is left
	next      Step
	armed     time.Time // read deadline set on nc; zero: none
	confirmed bool      // the last read found the socket empty, not only short
	received  bool      // something was read in this turn
	readAt    int64     // when that last was so, UnixNano
	reset     bool      // see ResetAtEnd

	// Between turns:
	cipherRest []byte
	plainRest  []byte
}

// New prepares a connection whose peer is a client. If config is nil it is
// served without TLS.
func New(nc net.Conn, config *tls.Config, opt *Options) *Conn {
	return newConn(nc, config, opt)
}

// NewClient prepares a connection whose peer is a server. If config is nil
// there is no TLS.
func NewClient(nc net.Conn, config *tls.Config, opt *Options) *Conn {
	c := newConn(nc, config, opt)
	c.client = true
	return c
}

func newConn(nc net.Conn, config *tls.Config, opt *Options) *Conn {
	c := &Conn{nc: nc, config: config, opt: opt, stripe: opt.Metrics.Set.Stripe()}
	c.backlog.conn = c
	if sc, ok := nc.(syscall.Conn); ok && pollable {
		c.raw, _ = sc.SyscallConn()
	}
	return c
}

// TLS is the TLS connection, for its state; nil without TLS and before
// Handshake.
func (c *Conn) TLS() *tls.Conn { return c.tls }

// Stripe is the connection's stripe of every instrument.
func (c *Conn) Stripe() metrics.Stripe { return c.stripe }

// RemoteAddr is the peer's address: that of the other end of the socket, or the
// one that a PROXY header names in its place.
func (c *Conn) RemoteAddr() net.Addr {
	if c.remote != nil {
		return c.remote
	}
	return c.nc.RemoteAddr()
}

// LocalAddr is our end of the socket.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// Close cuts the connection off at once. Safe from any goroutine.
func (c *Conn) Close() error {
	c.Cut()
	return c.nc.Close()
}

// Cut has turns that go on end. They hold the socket, which Close waits for: who closes
// many connections cuts all of them before. Safe from any goroutine.
func (c *Conn) Cut() { c.cut.Store(true) }

// Wake gives the engine a turn soon. Safe from any goroutine. What the engine
// shall find must be there before, visible to its Pending.
func (c *Conn) Wake() {
	if !c.asleep.CompareAndSwap(true, false) {
		return // in a turn: Pending is called before it sleeps
	}
	if c.pump != nil {
		c.pump.wake()
		return
	}
	// A deadline in the past ends the poller's wait. It fails only if
	// the connection is closed, which ends the wait as well.
	_ = c.nc.SetReadDeadline(time.Unix(1, 0))
}

// Serve gives e turns until it is Done, leaves, or the connection breaks. It
// closes the connection unless e leaves.
func (c *Conn) Serve(e Engine) {
	c.engine = e
	c.enter(turning)
	c.shrink()      // of the ClientHello
	defer c.endOn() // if e panics
	if c.raw == nil {
		c.servePump()
	} else {
		c.serveSocket()
	}
	if c.next != Leave {
		c.finish()
	}
}

func (c *Conn) serveSocket() {
	turn := c.turn
	for {
		err := c.raw.Read(turn)
		switch {
		case c.next == Done || c.next == Leave:
			_ = c.nc.SetReadDeadline(time.Time{})
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			// Ours, or Wake's. The next turn sets another; a deadline that
			// has passed would fail the read before the turn.
			c.armed = time.Time{}
			if c.nc.SetReadDeadline(time.Time{}) != nil {
				return
			}
		case err != nil:
			return
		}
	}
}

// turn is the callback of RawConn.Read: true ends the wait, false sleeps until
// the socket is readable or the deadline passes.
func (c *Conn) turn(fd uintptr) bool {
	c.asleep.Store(false)
	c.fd, c.readable = fd, true
	c.borrow()
	for leftInput := 0; ; {
		c.took = false
		c.backlog.drained.Store(false)
		var until time.Time
		now := time.Now()
		c.next, until = c.engine.Turn(now)
		c.endOn()
		switch c.next {
		case Done, Leave:
			_ = c.seal() // before close_notify, after which TLS takes nothing
			if c.next == Done && c.tls != nil && !c.reset && (c.readErr == nil || c.readErr == io.EOF) {
				_ = c.tls.CloseWrite() // close_notify; fails only if writing has
			}
			_ = c.Flush()
			c.giveBack(now)
			return true
		case Again:
			if leftInput = c.goOn(now, leftInput); leftInput < 0 {
				c.next = Done
				return true
			}
			c.readable = true
			continue
		}
		c.arm(now, until)
		c.asleep.Store(true)
		if c.engine.Pending() || c.backlog.drained.Load() {
			c.asleep.Store(false)
			leftInput, c.long = 0, false
			continue
		}
		c.long = false
		c.giveBack(now)
		return false
	}
}

// arm sets the deadline of the coming sleep. One that is set already and comes
// first is left: it brings a turn too early, which does no harm, and setting
// one for every batch would cost more.
func (c *Conn) arm(now, until time.Time) {
	if !c.confirmed || cap(c.plainRest)+cap(c.cipherRest) > 0 {
		if quiet := now.Add(quietCheck); until.IsZero() || quiet.Before(until) {
			until = quiet
		}
	}
	if until.IsZero() || !c.armed.IsZero() && !until.Before(c.armed) {
		return
	}
	c.armed = until
	if c.pump != nil {
		c.pump.deadline(until)
		return
	}
	_ = c.nc.SetReadDeadline(until) // on a closed connection the wait fails too
}

func (c *Conn) borrow() {
	c.scratch = scratches.Get().(*scratch)
	c.Out = c.plainOut
	c.plainIn = append(c.plainIn, c.plainRest...)
	c.filled = copy(c.cipherIn, c.cipherRest)
	c.plainRest, c.cipherRest = c.plainRest[:0], c.cipherRest[:0]
	c.lend()
}

func (c *Conn) giveBack(now time.Time) {
	c.shrink()
	c.plainRest = keep(c.plainRest, c.plainIn[c.taken:])
	c.cipherRest = keep(c.cipherRest, c.cipherIn[c.opened:c.filled])
	if c.received {
		c.received, c.readAt = false, now.UnixNano()
	}
	if c.confirmed && now.UnixNano()-c.readAt >= int64(keepTime) {
		// Quiet: hold no more than what is needed.
		if len(c.plainRest) == 0 {
			c.plainRest = nil
		}
		if len(c.cipherRest) == 0 {
			c.cipherRest = nil
		}
	}
	c.taken, c.opened, c.filled = 0, 0, 0
	c.plainOut, c.Out = c.Out, nil
	c.scratch.release()
	c.scratch = nil
}

// keep copies rest into buf, or into memory of its size and a quarter if buf is
// too small: what comes byte by byte is not copied for each of them.
func keep(buf, rest []byte) []byte {
	if len(rest) > cap(buf) {
		buf = make([]byte, 0, len(rest)+len(rest)/4)
	}
	return append(buf[:0], rest...)
}

// finish ends the connection: what is queued is given closeTime, our half is
// ended, and what the peer still sends is read and dropped for lingerTime.
func (c *Conn) finish() {
	defer c.nc.Close()
	c.enter(finishing)
	c.plainRest, c.cipherRest = nil, nil
	c.dropInput() // TLS reads no more
	if c.client {
		c.backlog.wait(goodbyeTime)
		return
	}
	if c.backlog.wait(closeTime) && !c.resets() && !c.lost && c.readErr != io.EOF {
		c.linger()
	}
}

// linger ends our half, and reads and drops what the peer still sends.
func (c *Conn) linger() {
	if half, ok := c.nc.(halfCloser); ok && half.CloseWrite() == nil {
		c.enter(lingering)
		c.readOn()
	}
}
