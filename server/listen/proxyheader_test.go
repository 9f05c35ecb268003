package listen

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/proxyproto"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/client"
)

// balancer is from where the connections of these tests come.
var balancer = &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 40000}

// startBehind starts a server in memory whose connections all come from the
// balancer, which is trusted or not.
func startBehind(t *testing.T, trusted bool, handler http.HandlerFunc, change func(*Config)) *site {
	t.Helper()
	ln := testkit.NewPipes()
	ln.Remote = balancer
	return startOn(t, ln, handler, func(c *Config) {
		c.HelloTimeout, c.HandshakeTimeout = 3*time.Second, 5*time.Second
		if trusted {
			c.ProxyFrom = client.Networks{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("10.0.0.0/8")}
		}
		if change != nil {
			change(c)
		}
	})
}

// whoAmI answers with the client's address.
func whoAmI(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) }

var afar = proxyproto.Header{
	Source:      netip.MustParseAddrPort("203.0.113.5:56324"),
	Destination: netip.MustParseAddrPort("198.51.100.9:443"),
}

// TestProxyHeader: what a connection begins with, and who is served then, or that
// it is closed without an answer.
func TestProxyHeader(t *testing.T) {
	v2 := func(h proxyproto.Header) string { return string(proxyproto.AppendV2(nil, h, []byte("\x04\x00\x02ab"))) }
	for why, tt := range map[string]struct {
		trusted bool
		header  string
		client  string // "": closed
		outcome metrics.ProxyOutcome
		counted uint64
	}{
		"version 1 names the client":                         {true, string(proxyproto.AppendV1(nil, afar)), "203.0.113.5:56324", metrics.ProxyNamed, 1},
		"version 2 names the client":                         {true, v2(afar), "203.0.113.5:56324", metrics.ProxyNamed, 1},
		"LOCAL is the balancer itself":                       {true, v2(proxyproto.Header{}), "10.0.0.7:40000", metrics.ProxyLocal, 1},
		"so is UNKNOWN":                                      {true, "PROXY UNKNOWN\r\n", "10.0.0.7:40000", metrics.ProxyLocal, 1},
		"a balancer without a header is closed":              {true, "", "", metrics.ProxyMissing, 1},
		"so is one whose header cannot be read":              {true, "PROXY TCP4 nonsense\r\n", "", metrics.ProxyMalformed, 1},
		"or is too large":                                    {true, "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff", "", metrics.ProxyMalformed, 1},
		"a second header is none":                            {true, v2(afar) + v2(afar), "", metrics.ProxyStranger, 1},
		"a stranger without a header is itself":              {false, "", "10.0.0.7:40000", metrics.ProxyStranger, 0},
		"a stranger's header of version 1 is not believed":   {false, string(proxyproto.AppendV1(nil, afar)), "", metrics.ProxyStranger, 1},
		"nor is one of version 2":                            {false, v2(afar), "", metrics.ProxyStranger, 1},
		"and a stranger's that says nothing is refused, too": {false, v2(proxyproto.Header{}), "", metrics.ProxyStranger, 1},
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startBehind(t, tt.trusted, whoAmI, nil)
				raw := s.connect()
				go io.WriteString(raw, tt.header)
				synctest.Wait()
				c := tls.Client(raw, s.client("http/1.1"))
				err := c.Handshake()
				if (err == nil) != (tt.client != "") {
					t.Errorf("the handshake ends with %v", err)
				}
				if err == nil {
					_, _ = io.WriteString(c, "GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
					answer, err := io.ReadAll(c)
					if _, got, _ := strings.Cut(string(answer), "\r\n\r\n"); !strings.Contains(got, tt.client) || err != nil {
						t.Errorf("the answer is %q, %v; want %s", answer, err, tt.client)
					}
				}
				raw.Close()
				s.awaitCount("headers", func() uint64 { return s.m.ProxyHeaders.Value(tt.outcome) }, tt.counted)
				if tt.client == "" {
					s.awaitCount("connections closed for an error", s.closed(metrics.CloseError), 1)
				}
				warned := strings.Contains(s.log.String(), "proxy-protocol-from is closed")
				if want := tt.outcome == metrics.ProxyMissing || tt.outcome == metrics.ProxyMalformed; warned != want {
					t.Errorf("a warning: %v, want %v\n%s", warned, want, s.log)
				}
			})
		})
	}
}

// TestProxyHeaderTrickles: a header counts in the time for the ClientHello,
// however slowly its bytes come.
func TestProxyHeaderTrickles(t *testing.T) {
	for name, header := range map[string]string{
		"silence":              "",
		"half a header":        "PROXY TCP4 203.0",
		"all but its end":      strings.TrimSuffix(string(proxyproto.AppendV1(nil, afar)), "\n"),
		"a header and silence": string(proxyproto.AppendV2(nil, afar, nil)),
		"a long header":        string(proxyproto.AppendV2(nil, afar, make([]byte, 1000))),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startBehind(t, true, teapot, nil)
				c := s.connect()
				began, done := time.Now(), make(chan struct{})
				go func() {
					defer close(done)
					for i := range len(header) {
						if _, err := c.Write([]byte{header[i]}); err != nil {
							return
						}
						time.Sleep(20 * time.Millisecond)
					}
				}()
				wantEnd(s, c)
				if took := time.Since(began); took != 3*time.Second {
					t.Errorf("closed after %v, want 3s", took)
				}
				<-done
				s.awaitCount("breaches", s.breached(metrics.LimitHelloTimeout), 1)
				s.awaitCount("connections closed for a timeout", s.closed(metrics.CloseTimeout), 1)
			})
		})
	}
}

// A balancer's look whether the port is open is no mistake.
func TestProbeOfABalancer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startBehind(t, true, teapot, nil)
		for _, header := range []string{"", "PROXY UNKNOWN\r\n"} {
			c := s.connect()
			_, _ = io.WriteString(c, header)
			synctest.Wait()
			c.Close()
		}
		synctest.Wait()
		s.awaitCount("connections closed by the peer", s.closed(metrics.ClosePeer), 2)
		s.awaitCount("failed handshakes", s.shaken(metrics.TLSNone, metrics.HandshakeError), 0)
		if log := s.log.String(); strings.Contains(log, "WARN") {
			t.Errorf("the log has a warning:\n%s", log)
		}
	})
}
