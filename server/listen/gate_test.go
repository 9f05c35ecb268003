package listen

import (
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// flood shakes hands n times at once; all must succeed.
func (s *site) flood(n int) {
	s.Helper()
	done := make(chan error)
	for range n {
		c := tls.Client(s.connect(), s.client("h2"))
		go func() { done <- c.Handshake() }()
	}
	for range n {
		if err := <-done; err != nil {
			s.Error(err)
		}
	}
}

func TestFloodThroughGate(t *testing.T) {
	const clients = 200
	for name, handshakes := range map[string]int{"all at once": clients, "two at once": 2, "more than rest": maxResting + 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // however busy the machine is, no client is slow
				s := startInMemory(t, teapot, func(c *Config) { c.MaxHandshakes = handshakes })
				s.flood(clients)
				s.awaitCount("handshakes", s.shaken(metrics.TLS13, metrics.HandshakeOK), clients)
				s.await("all on HTTP/2", func() bool { return s.m.Connections.Value(metrics.StateH2) == clients })
			})
		})
	}
}

// A gate of one is open to others while a connection waits for its client: for
// the ClientHello, for the rest of it, or for the Finished.
func TestHalfOpenOutsideGate(t *testing.T) {
	s := start(t, teapot, nil)
	const each = 10
	for range each {
		s.connect()
		if _, err := io.WriteString(s.connect(), halfHello); err != nil {
			t.Fatal(err)
		}
		s.helloOnly()
	}
	half := func() bool {
		return s.m.Connections.Value(metrics.StateHandshake) == 3*each && s.m.HandshakesInProgress.Value() == each
	}
	s.await("half-open handshakes", half)
	s.flood(20)
	s.await("an empty gate and the half-open ones", func() bool { return len(s.gate) == 0 && half() })
}

// Whatever ends a handshake gives back the gate and both permits, of which
// there is one each.
func TestFailureGivesBack(t *testing.T) {
	s := start(t, teapot, func(c *Config) {
		c.MaxConns, c.MaxHandshakes = 1, 1
		c.TLS.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			switch h.ServerName {
			case "panic.test":
				panic("a test's")
			case "error.test":
				return nil, errors.New("a test's")
			}
			return nil, nil
		}
	})
	free := func() bool {
		return len(s.gate)+s.handshakes.inUse()+len(s.permits) == 0 && s.m.HandshakesInProgress.Value() == 0
	}
	for i := range uint64(3) {
		for _, name := range []string{"panic.test", "error.test"} {
			cfg := s.client("h2")
			cfg.ServerName = name
			if _, err := s.dial(cfg); err == nil {
				t.Errorf("the handshake for %s succeeded", name)
			}
			s.await("gate and permits after "+name, free)
		}
		s.fetch(s.client("h2"))
		s.await("gate and permits", free)
		s.awaitCount("panics", s.m.Panics.Value, i+1)
		s.awaitCount("failed handshakes", s.shaken(metrics.TLSNone, metrics.HandshakeError), i+1)
		s.awaitCount("connections closed for an error", s.closed(metrics.CloseError), 2*(i+1))
	}
	if log := s.log.String(); !strings.Contains(log, "panic in a handshake") || !strings.Contains(log, "gate_test.go") {
		t.Errorf("no panic with its stack in the log:\n%s", log)
	}
}
