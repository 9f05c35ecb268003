package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/h1"
	"github.com/e0ac7cd4/hotpath/server/h2"
	"github.com/e0ac7cd4/hotpath/server/h3"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/perclient"
)

// Config is what a Server needs. All fields are required, but for Identify,
// ProxyFrom and PerClient.
type Config struct {
	TLS *tls.Config // see TLSConfig
	// Identify says what a client has shown of itself in its handshake; nil:
	// none is asked.
	Identify func(*tls.ConnectionState) *message.Identity

	Metrics *metrics.Hotpath
	Log     *slog.Logger

	MaxConns      int // open at once
	MaxHandshakes int // in progress at once; see places

	// ProxyFrom are the balancers that begin each connection with a PROXY
	// header, which is trusted. One from any other address is refused.
	ProxyFrom client.Networks

	// PerClient limits the connections and handshakes of a client; nil: it does
	// not.
	PerClient *perclient.Connections

	Conns
}

// Conns is what new connections get: see [Server.SetConns].
type Conns struct {
	H2   *h2.Config
	H1   *h1.Config
	H3   *h3.Config // nil, if nothing comes by QUIC
	Wire *wire.Options

	HelloTimeout     time.Duration // from accept to the end of the ClientHello
	HandshakeTimeout time.Duration // from accept to the end of the handshake
}

// Server accepts connections and holds a list of all that are open.
type Server struct {
	cfg        Config
	conf       atomic.Pointer[Conns] // in place of cfg.Conns
	stripe     metrics.Stripe
	permits    chan struct{}
	handshakes *places
	shaking    atomic.Int64  // handshakes of QUIC
	arrivals   chan *conn    // to a goroutine whose handshake is over
	resting    chan struct{} // a token for each of those
	stopped    chan struct{} // closed when Serve returns
	stopping   atomic.Bool   // see StopAccepting
	logged     limit.PerSecond

	mu       sync.Mutex
	conns    map[*conn]struct{}
	draining bool
	empty    chan struct{} // closed when draining and no connection is left
}

// conn is an open connection.
type conn struct {
	wire   *wire.Conn
	at     station // guarded by Server.mu, as drain is
	drain  func()  // nil before it is served
	stripe metrics.Stripe
	agreed time.Time // when the handshake must be over
	place  *place    // among the handshakes; nil: not yet, or no more

	peer     netip.Addr // whose connection it is
	balancer bool       // the peer is one, until its PROXY header has named the client: none of a client's
}

// New makes a server.
func New(cfg Config) *Server {
	s := &Server{
		cfg:        cfg,
		stripe:     cfg.Metrics.Stripe(),
		permits:    make(chan struct{}, cfg.MaxConns),
		handshakes: newPlaces(cfg.MaxHandshakes),
		arrivals:   make(chan *conn),
		resting:    make(chan struct{}, maxResting),
		stopped:    make(chan struct{}),
		conns:      make(map[*conn]struct{}),
		empty:      make(chan struct{}),
	}
	s.conf.Store(&cfg.Conns)
	cfg.Metrics.Permits.Set(int64(cfg.MaxConns))
	return s
}

// SetConns changes what new connections get. Those that are open keep what they
// have; one that is being agreed on gets its engine from c.
func (s *Server) SetConns(c Conns) { s.conf.Store(&c) }

// Out of descriptors, the accept loop waits: the next may be free after a
// millisecond or when the first connection ends.
const (
	minBackoff = 5 * time.Millisecond
	maxBackoff = 500 * time.Millisecond
)

// StopAccepting ends Serve: it takes the connections that are in the system's
// queue, which closing the listener would reset, and closes l.
func (s *Server) StopAccepting(l net.Listener) error {
	s.stopping.Store(true)
	end := l.Close
	if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok {
		end = func() error { return d.SetDeadline(time.Unix(1, 0)) }
	}
	if err := end(); err != nil && !errors.Is(err, net.ErrClosed) { // by Serve, which has seen that it is to end
		return fmt.Errorf("closing the public listener: %w", err)
	}
	return nil
}

// takeQueued takes the connections that are in the system's queue, and closes l.
func (s *Server) takeQueued(l net.Listener) error {
	if q, ok := l.(interface{ AcceptQueued() (net.Conn, error) }); ok {
		for {
			nc, err := q.AcceptQueued()
			if err != nil {
				break // the queue is empty, or there are no descriptors
			}
			s.admit(nc)
		}
	}
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("closing the public listener: %w", err)
	}
	return nil
}

// Serve accepts connections until StopAccepting is called, or l is closed.
func (s *Server) Serve(l net.Listener) error {
	spare := newSpare()
	defer spare.close()
	defer close(s.stopped)
	go s.settle()
	backoff := minBackoff
	for {
		if s.stopping.Load() { // also if acceptAndClose has set another deadline
			return s.takeQueued(l)
		}
		nc, err := l.Accept()
		switch {
		case err == nil:
			backoff = minBackoff
			s.admit(nc)
			continue
		case errors.Is(err, net.ErrClosed):
			return nil
		case s.stopping.Load():
			continue
		}
		s.cfg.Metrics.AcceptErrors.Add(s.stripe, 1)
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			s.refuse(spare.acceptAndClose(l), metrics.RefuseDescriptors)
		}
		// Out of descriptors it fails two hundred times a second at first.
		if withheld, ok := s.logged.Allow(err.Error(), time.Now()); ok {
			s.cfg.Log.Warn("accepting a connection", "err", err, "retry", backoff, "withheld", withheld)
		}
		time.Sleep(backoff)
		backoff = min(2*backoff, maxBackoff)
	}
}

// admit gives a connection a permit, or closes it: also if its client has as many
// as one may have. Whose a balancer's is shows later.
func (s *Server) admit(nc net.Conn) {
	peer := client.Peer(nc.RemoteAddr())
	balancer := s.cfg.ProxyFrom.Contain(peer)
	if !balancer && !s.cfg.PerClient.Open(peer, s.stripe) {
		_ = nc.Close() // nothing was sent yet
		return
	}
	select {
	case s.permits <- struct{}{}:
	default:
		_ = nc.Close() // nothing was sent yet
		s.refuse(1, metrics.RefusePermits)
		if !balancer {
			s.cfg.PerClient.Close(peer)
		}
		return
	}
	m, conf := s.cfg.Metrics, s.conf.Load()
	c := &conn{wire: wire.New(nc, s.cfg.TLS, conf.Wire), agreed: time.Now().Add(conf.HandshakeTimeout)}
	c.peer, c.balancer = peer, balancer
	c.stripe = c.wire.Stripe()
	m.ConnectionsAccepted.Add(c.stripe, 1)
	m.PermitsInUse.Add(c.stripe, 1)
	m.Connections.Add(c.stripe, c.at.state(), 1)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	go s.greet(c)
}

func (s *Server) refuse(n int, why metrics.RefuseReason) {
	s.cfg.Metrics.ConnectionsRefused.Add(s.stripe, why, uint64(n))
}

func (s *Server) serveH2(c *conn, i *message.Identity) {
	engine := h2.NewConn(s.conf.Load().H2, c.wire)
	engine.Identify(i)
	s.enter(c, onH2)
	s.drains(c, engine.Drain)
	s.close(c, engine.Serve())
}

func (s *Server) serveH1(c *conn, i *message.Identity) {
	loop := h1.NewConn(s.conf.Load().H1, c.wire)
	loop.Identify(i)
	s.enter(c, onH1)
	s.drains(c, loop.Drain)
	s.close(c, loop.Serve())
}

// drains notes how a connection is drained, and drains it at once if the server
// is draining.
func (s *Server) drains(c *conn, drain func()) {
	s.mu.Lock()
	c.drain = drain
	draining := s.draining
	s.mu.Unlock()
	if draining {
		drain()
	}
}

// close ends a connection's stay and gives its permit back.
func (s *Server) close(c *conn, reason metrics.CloseReason) {
	_ = c.wire.Close() // mostly closed already
	m := s.cfg.Metrics
	m.ConnectionsClosed.Add(c.stripe, reason, 1)
	m.PermitsInUse.Add(c.stripe, -1)
	<-s.permits
	if !c.balancer {
		s.cfg.PerClient.Close(c.peer)
	}
	s.mu.Lock()
	m.Connections.Add(c.stripe, c.at.state(), -1)
	delete(s.conns, c)
	if s.draining && len(s.conns) == 0 {
		close(s.empty)
	}
	s.mu.Unlock()
}

// cutTime is how long Shutdown waits for what it has cut off: its goroutines
// report to metrics and access log what became of their requests. That takes them
// milliseconds, but for a handler that does not look at its context.
const cutTime = time.Second

// Shutdown ends all connections gracefully: each finishes what is in flight.
// The listener must be closed before. When ctx ends, what is left is cut off,
// and that is its error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	if len(s.conns) == 0 {
		close(s.empty)
	}
	for c := range s.conns {
		if c.drain != nil {
			c.drain()
		}
	}
	s.mu.Unlock()
	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	left := len(s.conns)
	for c := range s.conns {
		c.wire.Cut()
	}
	for c := range s.conns {
		_ = c.wire.Close()
	}
	s.mu.Unlock()
	select {
	case <-s.empty:
	case <-time.After(cutTime):
	}
	return fmt.Errorf("draining: %d connections were cut off: %w", left, context.Cause(ctx))
}
