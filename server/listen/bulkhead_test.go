package listen

import (
	"crypto/tls"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// refusal is within how long a connection without a permit must be closed.
const refusal = 100 * time.Millisecond

func TestPermits(t *testing.T) {
	s := start(t, teapot, func(c *Config) { c.MaxConns = 3 })
	if n := s.m.Permits.Value(); n != 3 {
		t.Errorf("%d permits shown, want 3", n)
	}
	loop, other := s.dialH1(), s.mustDial("h2")
	halfOpen := s.connect() // it has a permit too
	s.await("all permits taken", func() bool { return s.m.PermitsInUse.Value() == 3 })

	const refusals = 11
	var took []time.Duration
	for range refusals {
		began := time.Now()
		wantEnd(s, s.connect())
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	if median := took[refusals/2]; median > refusal {
		t.Errorf("a connection without a permit is closed after %v, want within %v", median, refusal)
	}
	s.awaitCount("refusals", s.refused(metrics.RefusePermits), refusals)
	if n := s.m.ConnectionsAccepted.Value(); n != 3 {
		t.Errorf("%d connections counted as accepted, want 3", n)
	}

	for range 3 { // who is in does not notice
		loop.send("", "GET /hit HTTP/1.1", "Host: localhost")
		loop.want(200, body)
	}
	for _, c := range []io.Closer{halfOpen, loop, other} {
		used := s.m.PermitsInUse.Value()
		c.Close()
		s.await("a permit given back", func() bool { return s.m.PermitsInUse.Value() == used-1 })
	}
	s.fetch(s.client("h2"))
	s.awaitCount("refusals", s.refused(metrics.RefusePermits), refusals)
}

// A half-open handshake holds a permit for handshakes; those behind it wait,
// and get in when it ends.
func TestHandshakesWait(t *testing.T) {
	s := start(t, teapot, func(c *Config) { c.MaxHandshakes = 1 })
	halfOpen := s.connect()
	s.await("a handshake in progress", func() bool { return s.m.HandshakesInProgress.Value() == 1 })
	done := make(chan error)
	const waiting = 5
	for range waiting {
		c := tls.Client(s.connect(), s.client("h2"))
		go func() { done <- c.Handshake() }()
	}
	s.await("the others accepted", func() bool { return s.m.Connections.Value(metrics.StateHandshake) == 1+waiting })
	if n := s.m.HandshakesInProgress.Value(); n != 1 {
		t.Errorf("%d handshakes in progress, want 1", n)
	}
	select {
	case err := <-done:
		t.Fatalf("a handshake ended without a permit: %v", err)
	default:
	}
	halfOpen.Close()
	for range waiting {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	s.awaitCount("refusals", s.refused(metrics.RefuseHandshakes), 0)
}

// Whoever gets no permit for handshakes within the deadline is closed.
func TestHandshakesRefused(t *testing.T) {
	release := make(chan struct{})
	s := start(t, teapot, func(c *Config) {
		c.MaxHandshakes, c.HandshakeTimeout = 1, 500*time.Millisecond
		c.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			<-release
			return nil, nil
		}
	})
	first := make(chan error)
	c := tls.Client(s.connect(), s.client("h2"))
	go func() { first <- c.Handshake() }()
	s.await("a handshake in progress", func() bool { return s.m.HandshakesInProgress.Value() == 1 })
	for i := range uint64(3) {
		wantEnd(s, s.connect())
		s.awaitCount("refusals", s.refused(metrics.RefuseHandshakes), i+1)
		s.awaitCount("connections closed for a limit", s.closed(metrics.CloseLimit), i+1)
	}
	close(release)
	if err := <-first; err == nil {
		t.Error("a handshake succeeded after its deadline")
	}
	s.awaitCount("handshakes too late", s.breached(metrics.LimitHandshakeTimeout), 1)
}

func TestHandshakeTimeout(t *testing.T) {
	for name, said := range map[string]string{
		"silence":              "",
		"one byte":             "\x16",
		"half a record header": "\x16\x03\x01",
		"half a ClientHello":   "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, teapot, func(c *Config) { c.HandshakeTimeout = 200 * time.Millisecond })
			c := s.connect()
			if _, err := io.WriteString(c, said); err != nil {
				t.Fatal(err)
			}
			wantEnd(s, c)
			s.awaitCount("timeouts", s.shaken(metrics.TLSNone, metrics.HandshakeTimeout), 1)
			s.awaitCount("breaches", s.breached(metrics.LimitHandshakeTimeout), 1)
			s.awaitCount("connections closed for a timeout", s.closed(metrics.CloseTimeout), 1)
		})
	}
}

// The deadline is the handshake's alone.
func TestDeadlineEndsWithHandshake(t *testing.T) {
	const timeout = 500 * time.Millisecond
	s := start(t, teapot, func(c *Config) { c.HandshakeTimeout = timeout })
	c := s.dialH1()
	time.Sleep(timeout + timeout/10)
	c.send("", "GET /hit HTTP/1.1", "Host: localhost")
	c.want(200, body)
}
