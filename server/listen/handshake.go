package listen

import (
	"crypto/tls"
	"errors"
	"os"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// maxResting is how many goroutines wait for another handshake: their stacks
// have grown to the 16 KiB that one takes, which to do again costs 4 % of it.
const maxResting = 8

func (s *Server) shakeHands(c *conn) {
	for {
		s.handshake(c)
		select {
		case s.resting <- struct{}{}:
		default:
			return
		}
		select {
		case c = <-s.arrivals:
			<-s.resting
		case <-s.stopped:
			return
		}
	}
}

// handshake agrees on TLS and a protocol. The connection's life is another
// goroutine's: that takes 4 KiB of stack.
func (s *Server) handshake(c *conn) {
	defer s.survive("a handshake", c.stripe, func() { s.close(c, metrics.CloseError) })
	if err := s.agree(c); err != nil {
		s.failHandshake(c, err)
		return
	}
	m := s.cfg.Metrics
	state := c.wire.TLS().ConnectionState()
	m.Handshakes.Add(c.stripe, versionOf(state.Version), metrics.HandshakeOK, 1)
	if state.DidResume {
		m.HandshakesResumed.Add(c.stripe, 1)
	}
	var identity *message.Identity
	if s.cfg.Identify != nil {
		identity = s.cfg.Identify(&state)
	}
	switch state.NegotiatedProtocol {
	case "h2":
		go s.serveH2(c, identity)
	case protocolACME:
		s.close(c, metrics.ClosePeer) // the handshake was the answer (RFC 8737 §3)
	default:
		go s.serveH1(c, identity)
	}
}

// errPlaceNeeded is the end of a handshake whose client was silent while others
// waited for its place.
var errPlaceNeeded = errors.New("the client did not go on, and its place was needed")

// agree is the handshake itself; it gives the place back.
func (s *Server) agree(c *conn) (err error) {
	s.enter(c, agreeing)
	m := s.cfg.Metrics
	m.HandshakesInProgress.Add(c.stripe, 1)
	defer func() {
		m.HandshakesInProgress.Add(c.stripe, -1)
		if c.place.release() {
			err = errPlaceNeeded
		}
		c.place = nil
	}()
	c.wire.Answered = c.place.wait
	return c.wire.Handshake(c.agreed)
}

func (s *Server) failHandshake(c *conn, err error) {
	outcome, reason := metrics.HandshakeError, metrics.CloseError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		outcome, reason = metrics.HandshakeTimeout, metrics.CloseTimeout
		s.cfg.Metrics.LimitBreaches.Add(c.stripe, metrics.LimitHandshakeTimeout, 1)
	case errors.Is(err, errPlaceNeeded):
		outcome, reason = metrics.HandshakeTimeout, metrics.CloseLimit
		s.refuse(1, metrics.RefuseHandshakes)
	}
	version := metrics.TLSNone
	if t := c.wire.TLS(); t != nil {
		version = versionOf(t.ConnectionState().Version)
	}
	s.cfg.Metrics.Handshakes.Add(c.stripe, version, outcome, 1)
	s.cfg.Log.Debug("TLS handshake", "peer", c.wire.RemoteAddr().String(), "err", err)
	s.close(c, reason)
}

func versionOf(v uint16) metrics.TLSVersion {
	switch v {
	case tls.VersionTLS12:
		return metrics.TLS12
	case tls.VersionTLS13:
		return metrics.TLS13
	}
	return metrics.TLSNone
}
