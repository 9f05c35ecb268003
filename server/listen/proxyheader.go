package listen

import (
	"errors"
	"net"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/proxyproto"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/client"
)

// errPerClient is that a client has as many connections as one may have.
var errPerClient = errors.New("the client has as many connections as it may have")

// awaitProxyHeader waits for the PROXY header of a balancer, which names the
// connection's peer, and counts the connection as that one's. There is no guess:
// a balancer that is trusted to send a header always does, so that no client
// behind it can write its own. The error is also errPerClient.
func (s *Server) awaitProxyHeader(c *conn, deadline time.Time) error {
	balancer := c.wire.RemoteAddr()
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
		return err
	}
	c.peer = client.Peer(c.wire.RemoteAddr())
	if !s.cfg.PerClient.Open(c.peer, c.stripe) {
		return errPerClient
	}
	c.balancer = false
	return nil
}

// warnOfBalancer logs, once a second for each cause, that a trusted balancer and
// this server are not configured alike: no connection through it works.
func (s *Server) warnOfBalancer(balancer net.Addr, err error) {
	if withheld, ok := s.logged.Allow(err.Error(), time.Now()); ok {
		s.cfg.Log.Warn("a connection from an address of proxy-protocol-from is closed",
			"peer", balancer.String(), "err", err, "withheld", withheld)
	}
}
