package listen

import (
	"errors"
	"net"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/proxyproto"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/client"
)

// awaitProxyHeader waits for the PROXY header of a balancer, which names the
// connection's peer. There is no guess: who is trusted to send one always does,
// so that no client behind a balancer can write its own.
func (s *Server) awaitProxyHeader(c *conn, deadline time.Time) error {
	balancer := c.wire.RemoteAddr()
	if !s.cfg.ProxyFrom.Contain(client.Peer(balancer)) {
		return nil
	}
	named, err := c.wire.AwaitProxyHeader(deadline)
	var outcome metrics.ProxyOutcome
	switch {
	case errors.Is(err, proxyproto.ErrNone):
		outcome = metrics.ProxyMissing
	case errors.Is(err, proxyproto.ErrMalformed), errors.Is(err, proxyproto.ErrTooLarge):
		outcome = metrics.ProxyMalformed
	case err != nil:
		return err // of the socket
	case named:
		outcome = metrics.ProxyNamed
	default:
		outcome = metrics.ProxyLocal
	}
	s.cfg.Metrics.ProxyHeaders.Add(c.stripe, outcome, 1)
	if err != nil {
		s.warnOfBalancer(balancer, err)
	}
	return err
}

// warnOfBalancer logs, once a second for each cause, that a trusted balancer and
// this server are not configured alike: no connection through it works.
func (s *Server) warnOfBalancer(balancer net.Addr, err error) {
	if skipped, ok := s.balancers.Allow(err.Error(), time.Now()); ok {
		s.cfg.Log.Warn("a connection from an address of proxy-protocol-from is closed",
			"peer", balancer.String(), "err", err, "not-logged", skipped)
	}
}
