package perclient

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// TestConnections: two for each client, and what ends makes room.
func TestConnections(t *testing.T) {
	s := newSubject(t, Config{Connections: 2})
	c := s.Connections(s.m)
	for _, step := range []struct {
		why   string
		peer  string
		opens bool // or closes
		ok    bool
	}{
		{"the first", "192.0.2.1", true, true},
		{"the second", "192.0.2.1", true, true},
		{"a third is too many", "192.0.2.1", true, false},
		{"another client has its own", "192.0.2.2", true, true},
		{"one ends", "192.0.2.1", false, false},
		{"which makes room", "192.0.2.1", true, true},
		{"for one", "192.0.2.1", true, false},
		{"a network of IPv6 is one client", "2001:db8::1", true, true},
		{"whichever address it has", "2001:db8::2", true, true},
		{"so a third is too many", "2001:db8::3", true, false},
	} {
		if !step.opens {
			c.Close(address(step.peer))
		} else if ok := c.Open(address(step.peer), 0); ok != step.ok {
			t.Errorf("%s: %v, want %v", step.why, ok, step.ok)
		}
	}
	for range 10 {
		if !c.Open(address("192.0.2.200"), 0) {
			t.Error("an exempt client is refused")
		}
	}
	s.wantLimited(metrics.LimitedConnections, 3, 0)
	for peer, n := range map[string]int{"192.0.2.1": 2, "192.0.2.2": 1, "2001:db8::1": 2, "192.0.2.200": 10} {
		for range n {
			c.Close(address(peer))
		}
	}
	if len(c.open) != 0 {
		t.Errorf("clients without connections are kept: %v", c.open)
	}
}

func TestDryRunOfConnections(t *testing.T) {
	s := newSubject(t, Config{Connections: 1, Handshakes: 1, DryRun: true})
	c := s.Connections(s.m)
	for range 3 {
		if !c.Open(address("192.0.2.1"), 0) || !c.Handshake(address("192.0.2.1"), time.Now(), 0) {
			t.Error("refused")
		}
	}
	s.wantLimited(metrics.LimitedConnections, 0, 2)
	s.wantLimited(metrics.LimitedHandshakes, 0, 2)
	for range 3 {
		c.Close(address("192.0.2.1"))
	}
	if len(c.open) != 0 {
		t.Errorf("clients without connections are kept: %v", c.open)
	}
}

// TestHandshakes: two in a second, beside a limit of requests, which is another.
func TestHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubject(t, Config{Handshakes: 2, Requests: 1})
		c, q := s.Connections(s.m), s.Requests(s.m)
		began := func(peer string) (n int) {
			for range 4 {
				if c.Handshake(address(peer), time.Now(), 0) {
					n++
				}
			}
			return n
		}
		if n := passes(q, from("192.0.2.1"), 2); n != 1 {
			t.Errorf("%d requests pass, want 1", n)
		}
		if n := began("192.0.2.1"); n != 2 {
			t.Errorf("%d handshakes begin, want 2", n)
		}
		if n := began("192.0.2.2"); n != 2 {
			t.Errorf("%d handshakes of another client begin, want 2", n)
		}
		if n := began("192.0.2.130"); n != 4 {
			t.Errorf("%d handshakes of an exempt client begin, want all", n)
		}
		time.Sleep(500 * time.Millisecond)
		if n := began("192.0.2.1"); n != 1 {
			t.Errorf("%d handshakes begin after half a second, want 1", n)
		}
		s.wantLimited(metrics.LimitedHandshakes, 2+2+3, 0)
		if !c.Open(address("192.0.2.1"), 0) || c.open != nil {
			t.Error("connections are counted without a limit")
		}
	})
}
