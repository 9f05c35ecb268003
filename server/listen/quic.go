package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/h3"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// protocolH3 is the name of HTTP/3 in ALPN (RFC 9114 §3.1).
const protocolH3 = "h3"

// QUIC takes in the connections of HTTP/3 that come to a socket. They have the
// permits, the limits of a client, the certificates and the settings of the server's
// other connections. It can be listening, or not, any number of times; until Close
// the connections that there are go on in either case. Its methods are safe for
// concurrent use.
type QUIC struct {
	server    *Server
	socket    net.PacketConn
	transport *quic.Transport

	mu       sync.Mutex
	listener *quic.Listener // nil: no connections are taken in
	conns    map[*h3.Conn]struct{}
	draining bool
	emptied  *sync.Cond // there is no connection, under mu
}

// NewQUIC makes the way in for the connections that come to a socket, which is its
// own from now on. It takes in none yet.
func (s *Server) NewQUIC(socket net.PacketConn) *QUIC {
	q := &QUIC{server: s, socket: socket, conns: make(map[*h3.Conn]struct{})}
	q.emptied = sync.NewCond(&q.mu)
	q.transport = &quic.Transport{
		Conn:                socket,
		ConnContext:         q.admit,
		VerifySourceAddress: func(net.Addr) bool { return s.verifies() },
	}
	return q
}

// Listen has connections taken in.
func (q *QUIC) Listen() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.listener != nil {
		return nil
	}
	// 0-RTT stays off: what a client sends in it can be sent again by anyone who
	// has seen it (RFC 9001 §9.2), and a request has effects.
	l, err := q.transport.Listen(quicTLS(q.server.cfg.TLS, q.server.cfg.Wire.Handshakes, q.panicked), &quic.Config{GetConfigForClient: q.server.quicConfig})
	if err != nil {
		return fmt.Errorf("listening for QUIC at %v: %w", q.socket.LocalAddr(), err)
	}
	q.listener, q.draining = l, false
	go q.accept(l)
	return nil
}

// quicTLS is the TLS of QUIC: as that of other connections, by name and all, but for
// the protocol. A copy is made for each handshake, of c as it is then: keys of session
// tickets that are read again hold for it, too. What c chooses for a name differs in
// what it asks of clients alone, and has no keys of its own.
func quicTLS(c *tls.Config, gate wire.Gate, panicked func(p any)) *tls.Config {
	own := func() *tls.Config {
		c := gated(c, gate)
		c.NextProtos, c.MinVersion, c.GetConfigForClient = []string{protocolH3}, tls.VersionTLS13, nil
		return c
	}
	outer := own()
	outer.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		now := own()
		if c.GetConfigForClient == nil {
			return surviving(now, panicked), nil
		}
		chosen, err := c.GetConfigForClient(hello)
		if err != nil {
			return nil, err
		}
		if chosen != nil {
			now.ClientAuth, now.ClientCAs, now.VerifyConnection = chosen.ClientAuth, chosen.ClientCAs, chosen.VerifyConnection
		}
		return surviving(now, panicked), nil
	}
	return surviving(outer, panicked)
}

// panicked notes a panic in a handshake.
func (q *QUIC) panicked(p any) {
	q.server.panicked("a handshake of QUIC", q.server.cfg.Metrics.Stripe(), p)
}

const (
	// quicSilence is how long a connection may be without a sign of life, and
	// quicAlive how often we ask for one: as package h2 does for connections with
	// open streams. Without a request a connection ends by Limits.Idle.
	quicSilence = 75 * time.Second
	quicAlive   = 30 * time.Second
)

// quicConfig are the parameters of a new connection.
func (s *Server) quicConfig(*quic.ClientInfo) (*quic.Config, error) {
	conf := s.conf.Load()
	return &quic.Config{
		HandshakeIdleTimeout:           conf.HandshakeTimeout / 2, // all of it may take twice that
		MaxIdleTimeout:                 quicSilence,
		KeepAlivePeriod:                quicAlive,
		InitialStreamReceiveWindow:     h3.FirstStreamWindow,
		MaxStreamReceiveWindow:         h3.MaxStreamWindow,
		InitialConnectionReceiveWindow: h3.FirstConnWindow,
		MaxConnectionReceiveWindow:     h3.MaxConnWindow,
		AllowConnectionWindowIncrease: func(c *quic.Conn, n uint64) bool {
			e := arrivalOf(c).engine.Load()
			return e != nil && e.Grow(n)
		},
		MaxIncomingStreams:         int64(conf.H3.Limits.Streams),
		MaxIncomingUniStreams:      h3.UniStreams,
		RequireStreamCreditRelease: true, // handlers count until they return
	}, nil
}

// accept serves connections whose handshake is over, until the listener is closed.
func (q *QUIC) accept(l *quic.Listener) {
	for {
		c, err := l.Accept(context.Background())
		if err != nil {
			if !errors.Is(err, quic.ErrServerClosed) {
				q.server.cfg.Log.Error("accepting connections of QUIC ended", "err", err)
			}
			return
		}
		go q.serve(c)
	}
}

func (q *QUIC) serve(c *quic.Conn) {
	s, a := q.server, arrivalOf(c)
	if !a.enter() {
		return // it has ended since
	}
	var engine *h3.Conn
	reason := metrics.CloseError
	defer func() { q.left(a, engine, reason) }()
	defer s.survive("a connection of HTTP/3", a.stripe, func() { _ = c.CloseWithError(h3.InternalError, "") })
	state := c.ConnectionState().TLS
	if state.DidResume {
		s.cfg.Metrics.HandshakesResumed.Add(a.stripe, 1)
	}
	var identity *message.Identity
	if s.cfg.Identify != nil {
		identity = s.cfg.Identify(&state)
	}
	engine = h3.NewConn(s.conf.Load().H3, c, a.stripe, identity)
	a.engine.Store(engine)
	q.mu.Lock()
	q.conns[engine] = struct{}{}
	draining := q.draining
	q.mu.Unlock()
	if draining {
		engine.Drain()
	}
	reason = engine.Serve()
}

// left notes that a connection is served no more. engine is nil if it had none.
func (q *QUIC) left(a *arrival, engine *h3.Conn, reason metrics.CloseReason) {
	a.leave(metrics.StateH3, reason)
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.conns, engine)
	if len(q.conns) == 0 {
		q.emptied.Broadcast()
	}
}

// Stop takes in no further connections: those whose handshake is under way are
// refused.
func (q *QUIC) Stop() {
	q.mu.Lock()
	l := q.listener
	q.listener = nil
	q.mu.Unlock()
	if l != nil {
		_ = l.Close() // the socket stays; it has no other error
	}
}

// Shutdown ends all connections gracefully, after Stop: each finishes what is in
// flight. When ctx ends, what is left is cut off, and that is its error.
func (q *QUIC) Shutdown(ctx context.Context) error {
	q.Stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.draining = true
	for c := range q.conns {
		c.Drain()
	}
	defer context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.emptied.Broadcast()
	})()
	for len(q.conns) > 0 && ctx.Err() == nil && q.draining { // listening again ends it
		q.emptied.Wait()
	}
	left := len(q.conns)
	if left == 0 || !q.draining {
		return nil
	}
	for c := range q.conns {
		c.CutOff()
	}
	end := time.AfterFunc(cutTime, q.emptied.Broadcast)
	defer end.Stop()
	for until := time.Now().Add(cutTime); len(q.conns) > 0 && time.Now().Before(until); {
		q.emptied.Wait()
	}
	return fmt.Errorf("draining: %d connections of HTTP/3 were cut off: %w", left, context.Cause(ctx))
}

// Listening reports whether connections are taken in.
func (q *QUIC) Listening() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.listener != nil
}

// Close ends all connections at once, and closes the socket.
func (q *QUIC) Close() error {
	q.Stop()
	return errors.Join(q.transport.Close(), q.socket.Close())
}
