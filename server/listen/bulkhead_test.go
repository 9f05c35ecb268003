package listen

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// Beyond the permits a connection is closed at once: no other limit could close
// one in this test.
func TestPermits(t *testing.T) {
	s := start(t, teapot, func(c *Config) {
		c.MaxConns, c.HelloTimeout, c.HandshakeTimeout = 3, time.Hour, time.Hour
	})
	if n := s.m.Permits.Value(); n != 3 {
		t.Errorf("%d permits shown, want 3", n)
	}
	loop, other := s.dialH1(), s.mustDial("h2")
	halfOpen := s.connect() // it has a permit too
	s.await("all permits taken", func() bool { return s.m.PermitsInUse.Value() == 3 })

	const refusals = 11
	for range refusals {
		wantEnd(s, s.connect())
	}
	s.awaitCount("refusals", s.refused(metrics.RefusePermits), refusals)
	if n := s.m.ConnectionsAccepted.Value(); n != 3 {
		t.Errorf("%d connections counted as accepted, want 3", n)
	}

	for range 3 { // open connections are not affected
		loop.Write(h1peer.Get("/hit"))
		loop.WantResponse(200, body)
	}
	for _, c := range []io.Closer{halfOpen, loop.Conn, other} {
		used := s.m.PermitsInUse.Value()
		c.Close()
		s.await("a permit given back", func() bool { return s.m.PermitsInUse.Value() == used-1 })
	}
	s.fetch(s.client("h2"))
	s.awaitCount("refusals", s.refused(metrics.RefusePermits), refusals)
}

// The deadlines are the handshake's alone.
func TestDeadlinesEndWithHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 500 * time.Millisecond
		s := startInMemory(t, teapot, func(c *Config) { c.HelloTimeout, c.HandshakeTimeout = timeout, timeout })
		c := s.dialH1()
		time.Sleep(2 * timeout)
		c.Write(h1peer.Get("/hit"))
		c.WantResponse(200, body)
		c.Conn.Close()
	})
}
