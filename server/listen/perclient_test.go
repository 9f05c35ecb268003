package listen

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/proxyproto"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/perclient"
)

// limitClients limits what one client may do.
func limitClients(limits perclient.Config) func(*Config) {
	limits.IPv4, limits.IPv6, limits.Clients = 32, 64, 10
	return func(c *Config) {
		c.HelloTimeout, c.HandshakeTimeout = 3*time.Second, 5*time.Second
		c.PerClient = perclient.New(limits).Connections(c.Metrics)
	}
}

// dialFrom opens a connection and sends the PROXY header of a client at an
// address; "" is one that the server sees itself.
func (s *site) dialFrom(client string) net.Conn {
	s.Helper()
	raw := s.connect()
	if client != "" {
		source := netip.AddrPortFrom(netip.MustParseAddr(client), 1000)
		_, _ = raw.Write(proxyproto.AppendV2(nil, proxyproto.Header{Source: source, Destination: source}, nil))
	}
	return raw
}

// TestConnectionsPerClient: a client has two connections; a third is closed
// before TLS, and takes no permit. Behind a balancer each client has its own.
func TestConnectionsPerClient(t *testing.T) {
	for name, behind := range map[string]bool{"directly": false, "behind a balancer": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ln := testkit.NewPipes()
				ln.Remote = balancer
				client, other := "", "203.0.113.6"
				s := startOn(t, ln, teapot, func(c *Config) {
					limitClients(perclient.Config{Connections: 2})(c)
					if behind {
						c.ProxyFrom = append(c.ProxyFrom, netip.MustParsePrefix("10.0.0.0/8"))
					}
				})
				if behind {
					client = "203.0.113.5"
				}
				first, second := s.dialFrom(client), s.dialFrom(client)
				synctest.Wait()
				for range 3 {
					wantEnd(s, s.dialFrom(client))
				}
				synctest.Wait()
				if n := s.m.PermitsInUse.Value(); n != 2 {
					t.Errorf("%d permits are taken, want 2", n)
				}
				s.awaitCount("connections beyond the limit", func() uint64 { return s.m.Limited.Value(metrics.LimitedConnections, metrics.LimitRefuse) }, 3)
				first.Close()
				synctest.Wait()
				third := s.dialFrom(client)
				if err := tls.Client(third, s.client("h2")).Handshake(); err != nil {
					t.Errorf("one has ended, and another is refused: %v", err)
				}
				if behind {
					if err := tls.Client(s.dialFrom(other), s.client("h2")).Handshake(); err != nil {
						t.Errorf("another client is refused: %v", err)
					}
				}
				second.Close()
			})
		})
	}
}

// TestHandshakesPerClient: two at once, and two more each second; what is beyond
// them is closed when its ClientHello is there.
func TestHandshakesPerClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := testkit.NewPipes()
		ln.Remote = balancer
		s := startOn(t, ln, teapot, limitClients(perclient.Config{Handshakes: 2}))
		shake := func() bool {
			raw := s.connect()
			defer raw.Close()
			return tls.Client(raw, s.client("h2")).Handshake() == nil
		}
		for i := range 5 {
			if ok := shake(); ok != (i < 2) {
				t.Errorf("handshake %d succeeds: %v", i, ok)
			}
		}
		s.connect().Close() // without a ClientHello it is no handshake
		time.Sleep(500 * time.Millisecond)
		if !shake() || shake() {
			t.Error("half a second gives back another number than one")
		}
		synctest.Wait()
		s.awaitCount("handshakes beyond the limit", func() uint64 { return s.m.Limited.Value(metrics.LimitedHandshakes, metrics.LimitRefuse) }, 4)
		s.awaitCount("connections closed for a limit", s.closed(metrics.CloseLimit), 4)
	})
}

// Beyond the permits a connection does not count as its client's.
func TestPermitsBeforeClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := testkit.NewPipes()
		ln.Remote = balancer
		s := startOn(t, ln, teapot, func(c *Config) {
			limitClients(perclient.Config{Connections: 2})(c)
			c.MaxConns = 1
		})
		first := s.connect()
		synctest.Wait()
		for range 5 {
			wantEnd(s, s.connect())
		}
		s.awaitCount("refusals", s.refused(metrics.RefusePermits), 5)
		s.awaitCount("connections beyond the limit", func() uint64 { return s.m.Limited.Value(metrics.LimitedConnections, metrics.LimitRefuse) }, 0)
		first.Close()
		synctest.Wait()
		_, _ = io.WriteString(s.connect(), "\x16")
	})
}
