package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/h3"
)

// arrival is a connection of QUIC from its first packet on, with its permit:
//
//	handshake ──▶ entered ──▶ gone
//	    └─────────────────────▲
type arrival struct {
	server *Server
	peer   netip.Addr
	stripe metrics.Stripe
	at     atomic.Int32 // one of the following
	engine atomic.Pointer[h3.Conn]
}

const (
	shaking int32 = iota // its handshake is under way
	entered              // it is served
	gone
)

// arrivalKey is where a connection's context has its arrival.
type arrivalKey struct{}

func arrivalOf(c *quic.Conn) *arrival { return c.Context().Value(arrivalKey{}).(*arrival) }

// errRefused is why a connection of QUIC is refused, with CONNECTION_REFUSED.
var errRefused = errors.New("no room")

// retryShare is from which part of max-handshakes on, as a divisor, a peer has to
// show that its address is its own before a handshake is computed for it: below that
// it has a round trip less to wait.
const retryShare = 8

// verifies reports whether a peer has to show that its address is its own (RFC 9000
// §8.1.2): if many handshakes are under way, and if clients have limits, which one
// could use up in the name of another.
func (s *Server) verifies() bool {
	if s.cfg.PerClient == nil && s.shaking.Load()*retryShare < int64(s.cfg.MaxHandshakes) {
		return false
	}
	s.cfg.Metrics.QUICRetries.Add(s.stripe, 1)
	return true
}

// admit gives a connection a permit, or refuses it, before anything is computed for
// it. A balancer's is refused: it brings no PROXY header, and whose it is would not be
// known.
func (q *QUIC) admit(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	s := q.server
	m, a := s.cfg.Metrics, &arrival{server: s, peer: client.Peer(info.RemoteAddr), stripe: s.cfg.Metrics.Stripe()}
	switch {
	case s.cfg.ProxyFrom.Contain(a.peer):
		m.ProxyHeaders.Add(a.stripe, metrics.ProxyMissing, 1)
		return nil, errRefused
	case s.shaking.Load() >= int64(s.cfg.MaxHandshakes):
		s.refuse(1, metrics.RefuseHandshakes)
		return nil, errRefused
	case !s.cfg.PerClient.Handshake(a.peer, time.Now(), a.stripe), !s.cfg.PerClient.Open(a.peer, a.stripe):
		return nil, errRefused
	}
	select {
	case s.permits <- struct{}{}:
	default:
		s.refuse(1, metrics.RefusePermits)
		s.cfg.PerClient.Close(a.peer)
		return nil, errRefused
	}
	s.shaking.Add(1)
	m.HandshakesInProgress.Add(a.stripe, 1)
	m.ConnectionsAccepted.Add(a.stripe, 1)
	m.PermitsInUse.Add(a.stripe, 1)
	m.Connections.Add(a.stripe, metrics.StateHandshake, 1)
	context.AfterFunc(ctx, func() { a.fail(context.Cause(ctx)) }) // nothing, if it was served
	return context.WithValue(ctx, arrivalKey{}, a), nil
}

// shook notes that a handshake is over.
func (a *arrival) shook(version metrics.TLSVersion, outcome metrics.HandshakeOutcome) {
	m := a.server.cfg.Metrics
	a.server.shaking.Add(-1)
	m.HandshakesInProgress.Add(a.stripe, -1)
	m.Handshakes.Add(a.stripe, version, outcome, 1)
}

// enter notes that the connection is served from now on; false if it has ended.
func (a *arrival) enter() bool {
	if !a.at.CompareAndSwap(shaking, entered) {
		return false
	}
	a.shook(versionOf(tls.VersionTLS13), metrics.HandshakeOK)
	m := a.server.cfg.Metrics
	m.Connections.Add(a.stripe, metrics.StateHandshake, -1)
	m.Connections.Add(a.stripe, metrics.StateH3, 1)
	return true
}

// fail notes that a connection has ended in its handshake.
func (a *arrival) fail(why error) {
	if !a.at.CompareAndSwap(shaking, gone) {
		return
	}
	outcome, reason := metrics.HandshakeError, metrics.CloseError
	if errors.Is(why, os.ErrDeadlineExceeded) || isTimeout(why) {
		outcome, reason = metrics.HandshakeTimeout, metrics.CloseTimeout
		a.server.cfg.Metrics.LimitBreaches.Add(a.stripe, metrics.LimitHandshakeTimeout, 1)
	}
	a.shook(metrics.TLSNone, outcome)
	a.release(metrics.StateHandshake, reason)
}

// isTimeout reports whether quic-go has waited in vain.
func isTimeout(err error) bool {
	var shake *quic.HandshakeTimeoutError
	var idle *quic.IdleTimeoutError
	return errors.As(err, &shake) || errors.As(err, &idle)
}

// leave notes that a connection which was served has ended.
func (a *arrival) leave(state metrics.ConnState, reason metrics.CloseReason) {
	if a.at.CompareAndSwap(entered, gone) {
		a.release(state, reason)
	}
}

// release gives the permit back.
func (a *arrival) release(state metrics.ConnState, reason metrics.CloseReason) {
	s := a.server
	s.cfg.Metrics.ConnectionsClosed.Add(a.stripe, reason, 1)
	s.cfg.Metrics.Connections.Add(a.stripe, state, -1)
	s.cfg.Metrics.PermitsInUse.Add(a.stripe, -1)
	<-s.permits
	s.cfg.PerClient.Close(a.peer)
}
