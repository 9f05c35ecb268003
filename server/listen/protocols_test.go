package listen

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// fetch gets /hit over a connection of its own and returns the response, its
// body checked.
func (s *site) fetch(cfg *tls.Config) *http.Response {
	s.Helper()
	transport := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: cfg.NextProtos == nil || cfg.NextProtos[0] == "h2"}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport, Timeout: patience}).Get("https://" + s.address + "/hit")
	if err != nil {
		s.Fatal(err)
	}
	defer r.Body.Close()
	if got, err := io.ReadAll(r.Body); err != nil || string(got) != body || r.StatusCode != http.StatusOK {
		s.Fatalf("%d %q, %v; want 200 %q", r.StatusCode, got, err, body)
	}
	return r
}

func TestVersionsAndProtocols(t *testing.T) {
	versions := []struct {
		name    string
		version uint16
		label   metrics.TLSVersion
	}{
		{"TLS 1.2", tls.VersionTLS12, metrics.TLS12},
		{"TLS 1.3", tls.VersionTLS13, metrics.TLS13},
	}
	protocols := []struct {
		offered []string
		chosen  string
		state   metrics.ConnState
	}{
		{[]string{"h2"}, "h2", metrics.StateH2},
		{[]string{"http/1.1"}, "http/1.1", metrics.StateH1},
		{[]string{"h2", "http/1.1"}, "h2", metrics.StateH2},
		{[]string{"http/1.1", "h2"}, "h2", metrics.StateH2}, // we prefer it
		{[]string{"spdy/3", "http/1.1"}, "http/1.1", metrics.StateH1},
		{nil, "", metrics.StateH1}, // clients without ALPN speak HTTP/1.1
	}
	s := start(t, teapot, nil)
	for _, v := range versions {
		for i, p := range protocols {
			t.Run(v.name+" "+strings.Join(p.offered, ","), func(t *testing.T) {
				cfg := s.client(p.offered...)
				cfg.MinVersion, cfg.MaxVersion = v.version, v.version
				c, err := s.dial(cfg)
				if err != nil {
					t.Fatal(err)
				}
				if got := c.ConnectionState(); got.NegotiatedProtocol != p.chosen || got.Version != v.version {
					t.Errorf("%q on %s, want %q", got.NegotiatedProtocol, tls.VersionName(got.Version), p.chosen)
				}
				s.await("a connection on its engine", func() bool { return s.m.Connections.Value(p.state) == 1 })
				s.awaitCount("handshakes", s.shaken(v.label, metrics.HandshakeOK), uint64(i+1))
				c.Close()
				s.await("the connection's end", func() bool { return s.m.PermitsInUse.Value() == 0 })
			})
		}
	}
}

func TestHitsOnBothProtocols(t *testing.T) {
	s := start(t, teapot, nil)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for protocol, want := range map[string]string{"h2": "HTTP/2.0", "http/1.1": "HTTP/1.1"} {
			cfg := s.client(protocol)
			cfg.MinVersion, cfg.MaxVersion = version, version
			if r := s.fetch(cfg); r.Proto != want || r.TLS.Version != version {
				t.Errorf("%s over %s, want %s over %s", r.Proto, tls.VersionName(r.TLS.Version), want, tls.VersionName(version))
			}
		}
	}
	for _, p := range []metrics.Protocol{metrics.H1, metrics.H2} {
		s.awaitCount("hits", func() uint64 { return s.m.Requests.Value(p, metrics.Class2xx, metrics.Hit) }, 2)
	}
}

func TestRefusedHandshakes(t *testing.T) {
	only := func(v uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MinVersion, c.MaxVersion = v, v }
	}
	suite := func(id uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{id} }
	}
	for _, test := range []struct {
		name   string
		client func(*tls.Config)
		alert  string
	}{
		{"TLS 1.0", only(tls.VersionTLS10), "protocol version not supported"},
		{"TLS 1.1", only(tls.VersionTLS11), "protocol version not supported"},
		{"CBC", suite(tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA), "handshake failure"},
		{"CBC with SHA-256", suite(tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256), "handshake failure"},
		{"CBC with AES-256", suite(tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA), "handshake failure"},
		{"RC4", suite(tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA), "handshake failure"},
		{"no forward secrecy", suite(tls.TLS_RSA_WITH_AES_128_GCM_SHA256), "handshake failure"},
		{"no common protocol", func(c *tls.Config) { c.NextProtos = []string{"h3", "spdy/3"} }, "no application protocol"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, teapot, nil)
			cfg := s.client("h2")
			test.client(cfg)
			if _, err := s.dial(cfg); err == nil || !strings.Contains(err.Error(), test.alert) {
				t.Errorf("handshake: %v, want the alert %q", err, test.alert)
			}
			s.awaitCount("connections closed for an error", s.closed(metrics.CloseError), 1)
			if n := s.shaken(metrics.TLS12, metrics.HandshakeError)() + s.shaken(metrics.TLS13, metrics.HandshakeError)() + s.shaken(metrics.TLSNone, metrics.HandshakeError)(); n != 1 {
				t.Errorf("%d failed handshakes counted, want 1", n)
			}
		})
	}
}

// All suites of 1.2 that a P-256 certificate can serve.
func TestAcceptedSuites(t *testing.T) {
	s := start(t, teapot, nil)
	for _, id := range []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	} {
		cfg := s.client("h2")
		cfg.MaxVersion, cfg.CipherSuites = tls.VersionTLS12, []uint16{id}
		if r := s.fetch(cfg); r.TLS.CipherSuite != id {
			t.Errorf("%s, want %s", tls.CipherSuiteName(r.TLS.CipherSuite), tls.CipherSuiteName(id))
		}
	}
}

func TestResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			s := start(t, teapot, nil)
			cfg := s.client("h2")
			cfg.MinVersion, cfg.MaxVersion = version, version
			cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			for i := range 3 {
				if r := s.fetch(cfg); r.TLS.DidResume != (i > 0) {
					t.Errorf("connection %d: resumed %v", i, r.TLS.DidResume)
				}
			}
			s.awaitCount("resumed handshakes", s.m.HandshakesResumed.Value, 2)
		})
	}
}

func TestGarbageForClientHello(t *testing.T) {
	for name, garbage := range map[string]string{
		"plain HTTP":         "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"HTTP/2 preface":     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"zeroes":             strings.Repeat("\x00", 1000),
		"application data":   "\x17\x03\x03\x00\x05hello",
		"an empty handshake": "\x16\x03\x01\x00\x00\x16\x03\x01\x00\x00" + strings.Repeat("\x16\x03\x01\x00\x00", 100),
		"a record too large": "\x16\x03\x01\xff\xff" + strings.Repeat("x", 40000),
		"not a ClientHello":  "\x16\x03\x01\x00\x04\x02\x00\x00\x00",
		"an alert":           "\x15\x03\x01\x00\x02\x02\x28",
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, teapot, nil)
			c := s.connect()
			_, _ = io.WriteString(c, garbage) // it may be refused before its end
			_, _ = io.Copy(io.Discard, c)     // an alert, or a reset
			s.awaitCount("failed handshakes", s.shaken(metrics.TLSNone, metrics.HandshakeError), 1)
			s.awaitCount("connections closed for an error", s.closed(metrics.CloseError), 1)
			s.fetch(s.client("h2"))
		})
	}
}
