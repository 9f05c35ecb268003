package listen

import (
	"crypto/tls"
	"errors"
	"runtime/debug"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// survive has a panic end what it happened in, which is what end does, and not the
// process. Each goroutine of a connection that has no engine yet defers it.
func (s *Server) survive(in string, stripe metrics.Stripe, end func()) {
	if p := recover(); p != nil {
		s.panicked(in, stripe, p)
		end()
	}
}

func (s *Server) panicked(in string, stripe metrics.Stripe, p any) {
	s.cfg.Metrics.Panics.Add(stripe, 1)
	s.cfg.Log.Error("panic in "+in, "panic", p, "stack", string(debug.Stack()))
}

var errPanicked = errors.New("a panic in a handshake")

// surviving has a panic of what a handshake of QUIC calls fail that alone: quic-go calls
// it on goroutines of its own. c is changed.
func surviving(c *tls.Config, panicked func(p any)) *tls.Config {
	c.GetConfigForClient = fallible(c.GetConfigForClient, panicked)
	c.GetCertificate = fallible(c.GetCertificate, panicked)
	c.GetEncryptedClientHelloKeys = fallible(c.GetEncryptedClientHelloKeys, panicked)
	if verify := c.VerifyConnection; verify != nil {
		verified := fallible(func(state tls.ConnectionState) (struct{}, error) { return struct{}{}, verify(state) }, panicked)
		c.VerifyConnection = func(state tls.ConnectionState) error {
			_, err := verified(state)
			return err
		}
	}
	return c
}

// fallible is call with an error in the place of a panic; nil if call is.
func fallible[A, R any](call func(A) (R, error), panicked func(p any)) func(A) (R, error) {
	if call == nil {
		return nil
	}
	return func(of A) (result R, err error) {
		defer func() {
			if p := recover(); p != nil {
				panicked(p)
				err = errPanicked
			}
		}()
		return call(of)
	}
}
