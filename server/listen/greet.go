package listen

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// greet waits for a new connection's PROXY header, if it is to bring one, for its
// ClientHello and then for a place among the handshakes, and gives it to a
// goroutine for its own. It has a goroutine of its own because that of a
// handshake has a stack of 16 KiB, which a peer that is silent shall not take;
// this one's is 2.
func (s *Server) greet(c *conn) {
	defer s.survive("waiting for a ClientHello", c.stripe, func() { s.close(c, metrics.CloseError) })
	deadline := c.agreed
	if hello := time.Now().Add(s.conf.Load().HelloTimeout); hello.Before(deadline) {
		deadline = hello
	}
	var err error
	if c.balancer {
		err = s.awaitProxyHeader(c, deadline)
	}
	if err == nil {
		err = c.wire.AwaitHello(deadline)
	}
	switch {
	case errors.Is(err, errPerClient), err == nil && !s.cfg.PerClient.Handshake(c.peer, time.Now(), c.stripe):
		s.close(c, metrics.CloseLimit)
		return
	case err != nil:
		s.failHello(c, err, deadline)
		return
	}
	s.enter(c, queueing)
	if c.place = s.handshakes.take(c.agreed, func() { _ = c.wire.Close() }); c.place == nil {
		s.refuse(1, metrics.RefuseHandshakes)
		s.close(c, metrics.CloseLimit)
		return
	}
	select {
	case s.arrivals <- c:
	default:
		go s.shakeHands(c)
	}
}

// failHello closes a connection that has not brought a ClientHello. It counts as
// a handshake that failed only if it has said something else: balancers and
// browsers open connections to see whether they can.
func (s *Server) failHello(c *conn, err error, deadline time.Time) {
	m := s.cfg.Metrics
	silent := c.wire.Said() == 0
	reason := metrics.CloseError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		m.LimitBreaches.Add(c.stripe, metrics.LimitHelloTimeout, 1)
		reason = metrics.CloseTimeout
	case errors.Is(err, wire.ErrHelloTooLarge):
		m.LimitBreaches.Add(c.stripe, metrics.LimitHelloSize, 1)
		reason = metrics.CloseLimit
	case errors.Is(err, wire.ErrProxyHeader):
		m.ProxyHeaders.Add(c.stripe, metrics.ProxyStranger, 1)
	case errors.Is(err, wire.ErrPlainHTTP):
		s.enter(c, refusing)
		c.wire.RefusePlain(plainAnswer(c.wire.AwaitPlainHead(deadline)))
	case silent && !errors.Is(err, net.ErrClosed): // an end, or a reset, as probes do
		reason = metrics.ClosePeer
	}
	if !silent {
		outcome := metrics.HandshakeError
		if reason == metrics.CloseTimeout {
			outcome = metrics.HandshakeTimeout
		}
		m.Handshakes.Add(c.stripe, metrics.TLSNone, outcome, 1)
	}
	s.cfg.Log.Debug("waiting for a ClientHello", "peer", c.wire.RemoteAddr().String(), "err", err)
	s.close(c, reason)
}
