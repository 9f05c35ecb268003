package h3

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// What the handler's reads and writes return when its stream ends under it.
var (
	errStreamDone = errors.New("h3: the stream has ended")
	errPeerGone   = errors.New("h3: the connection has ended")
	errPeerReset  = errors.New("h3: the client reset the stream")
)

// Conn is an HTTP/3 connection. Its methods are safe for concurrent use.
type Conn struct {
	cfg      *Config
	quic     *quic.Conn
	stripe   metrics.Stripe
	secure   *access.Secure
	identity *message.Identity
	tls      func() tls.ConnectionState

	hello     *quic.SendStream // our control stream
	greeted   chan struct{}    // closed when it is open
	answering sync.WaitGroup   // streams that are not over
	heads     chan struct{}    // a token for each head that is being read
	waiting   atomic.Int64     // streams that wait for the peer to take something
	share     *memory.Share    // of requests in progress
	flight    flight
	window    window

	mu      sync.Mutex
	streams map[*stream]struct{} // of requests that are not answered yet
	quiet   *time.Timer          // ends the connection if there are none
	last    time.Time            // when there was one
	next    quic.StreamID        // of the request behind the last one
	drain   drainState
	critical
	control, early limit.Budget
	overspent      bool // control was, which ends the connection
	reason         metrics.CloseReason
	closing        bool // we end the connection, for that reason
	sent, received uint64
}

// NewConn makes the engine for a connection whose handshake is over. identity is
// what the client has shown of itself, nil for most.
func NewConn(cfg *Config, q *quic.Conn, stripe metrics.Stripe, identity *message.Identity) *Conn {
	now := time.Now()
	state := q.ConnectionState().TLS
	c := &Conn{
		cfg: cfg, quic: q, stripe: stripe,
		greeted:  make(chan struct{}),
		heads:    make(chan struct{}, HeadsAtOnce),
		secure:   &access.Secure{Version: state.Version, Cipher: state.CipherSuite, Name: state.ServerName},
		identity: identity,
		tls:      func() tls.ConnectionState { return q.ConnectionState().TLS },
		streams:  make(map[*stream]struct{}),
		last:     now,
		share:    cfg.Ledger.Share(),
		control:  limit.NewBudget(cfg.Limits.Control, cfg.Limits.ControlPerSec, now),
		early:    limit.NewBudget(cfg.Limits.Resets, cfg.Limits.ResetsPerSec, now),
		reason:   metrics.ClosePeer,
	}
	c.quiet = time.AfterFunc(cfg.Limits.Idle, c.idle)
	return c
}

// Serve serves the connection until it ends and returns why it did. What is under
// way then is broken off, and counted, before it returns, and quic-go has no more of
// it.
func (c *Conn) Serve() metrics.CloseReason {
	c.window.begin(c)
	var receiving sync.WaitGroup
	c.acceptAll(&receiving)
	c.end()
	receiving.Wait()
	return c.reason
}

// isGone reports whether the connection is at its end. A stream's error may be the first
// sign of that: quic-go ends streams a moment before their connection.
func (c *Conn) isGone(err error) bool {
	return c.quic.Context().Err() != nil || errors.Is(err, net.ErrClosed)
}

// acceptAll says hello and begins all streams, until the connection ends.
func (c *Conn) acceptAll(receiving *sync.WaitGroup) {
	defer c.survive("a connection", c.fall)
	if err := c.sayHello(); err == nil {
		receiving.Go(c.acceptUni)
		c.accept()
	}
}

// accept begins a stream for each request, until the connection ends.
func (c *Conn) accept() {
	for {
		q, err := c.quic.AcceptStream(context.Background())
		if err != nil {
			c.ended(err)
			return
		}
		c.cfg.Metrics.Streams.Add(c.stripe, 1)
		if s := c.open(q); s != nil {
			c.heads <- struct{}{}
			c.cfg.Crew.Go(s.serve)
			continue
		}
		refuse(q)
	}
}

// refuse refuses a request that comes after the last one of a GOAWAY: it may be
// sent again elsewhere (RFC 9114 §5.2).
func refuse(q *quic.Stream) {
	q.CancelRead(codeRequestRejected)
	q.CancelWrite(codeRequestRejected)
	q.ReleaseStreamCredit()
}

// open adds a stream; nil if it comes too late.
func (c *Conn) open(q *quic.Stream) *stream {
	s := newStream(c, q)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drain == finished {
		return nil
	}
	c.next = q.StreamID() + 4
	c.quiet.Stop()
	c.streams[s] = struct{}{}
	c.answering.Add(1)
	c.cfg.Metrics.StreamsOpen.Add(c.stripe, 1)
	return s
}

// closed removes a stream that is answered, or broken off.
func (c *Conn) closed(s *stream) {
	defer c.answering.Done()
	c.cfg.Metrics.StreamsOpen.Add(c.stripe, -1)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.streams, s)
	if len(c.streams) > 0 {
		return
	}
	c.last = time.Now()
	c.countBytes()
	if c.drain == finished {
		c.leave()
	} else {
		c.quiet.Reset(c.cfg.Limits.Idle)
	}
}

// idle ends a connection that has had no request for long.
func (c *Conn) idle() {
	c.mu.Lock()
	busy := len(c.streams) > 0
	c.mu.Unlock()
	if busy {
		return
	}
	c.limit(metrics.LimitIdleTimeout)
	c.close(metrics.CloseIdle, codeNoError, "idle")
}

// fail ends the connection for an error of the peer's.
func (c *Conn) fail(f *failure) {
	c.cfg.Metrics.ProtocolErrors.Add(c.stripe, labelOf(f.code), metrics.ScopeConnection, 1)
	reason := metrics.CloseError
	if f.code == codeExcessiveLoad {
		reason = metrics.CloseLimit
	}
	c.close(reason, f.code, f.reason)
}

// close ends the connection, soon: it never blocks, for it may be called from
// within quic-go. The first reason holds.
func (c *Conn) close(reason metrics.CloseReason, code uint64, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(reason, code, text)
}

func (c *Conn) closeLocked(reason metrics.CloseReason, code uint64, text string) {
	if c.closing {
		return
	}
	c.closing, c.reason = true, reason
	go func() { _ = c.quic.CloseWithError(quic.ApplicationErrorCode(code), text) }() // it has no error
}

// ended notes why the connection has ended, unless that was us.
func (c *Conn) ended(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	var silent *quic.IdleTimeoutError
	var app *quic.ApplicationError
	switch {
	case errors.As(err, &silent):
		c.reason = metrics.CloseTimeout
	case errors.As(err, &app) && (app.ErrorCode == codeNoError || app.ErrorCode == 0):
		c.reason = metrics.ClosePeer
	default:
		c.reason = metrics.CloseError
	}
}

// end breaks off what is under way, and the connection with it.
func (c *Conn) end() {
	c.mu.Lock()
	c.closeLocked(c.reason, codeNoError, "") // nothing, if that is why it ends
	c.quiet.Stop()
	left := make([]*stream, 0, len(c.streams))
	for s := range c.streams {
		left = append(left, s)
	}
	c.mu.Unlock()
	for _, s := range left {
		s.over(errPeerGone, true)
	}
	c.answering.Wait()
	<-c.quic.Context().Done()
	c.mu.Lock()
	c.quiet.Stop() // the last of them has set it
	c.countBytes()
	c.mu.Unlock()
	c.window.end()
	c.flight.end()
}

// spendEarly takes a stream that ends early because of the peer off its budget:
// CVE-2023-44487, "Rapid Reset", and CVE-2025-8671, "MadeYouReset".
func (c *Conn) spendEarly() {
	c.mu.Lock()
	ok := c.early.Spend(time.Now())
	c.mu.Unlock()
	if !ok {
		c.limit(metrics.LimitEarlyReset)
		c.fail(connError(codeExcessiveLoad, "too many streams that end early"))
	}
}

// useless takes a frame or a stream that serves no request off the peer's budget.
func (c *Conn) useless(what string) *failure {
	c.mu.Lock()
	ok, again := c.control.Spend(time.Now()), c.overspent
	c.overspent = !ok || again
	c.mu.Unlock()
	if ok {
		return nil
	}
	if !again { // by another stream, before the connection has ended
		c.limit(metrics.LimitControlFrames)
	}
	return connError(codeExcessiveLoad, "too much without use, last "+what)
}
