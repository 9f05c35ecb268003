package listen

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// halfHello is the begin of a ClientHello of 508 bytes.
const halfHello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"

// Peers that say nothing, or a ClientHello byte by byte, take no handshake
// permit: of many more of them than permits, a client that speaks notices
// nothing.
func TestSilentPeersTakeNoHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, teapot, func(c *Config) {
			c.MaxHandshakes, c.HelloTimeout, c.HandshakeTimeout = 2, 3*time.Second, 5*time.Second
		})
		const each = 200
		for range each {
			s.connect()
			go trickle(s.connect())
		}
		for range 10 {
			began := time.Now()
			s.mustDial("h2").Close()
			if took := time.Since(began); took != 0 {
				t.Errorf("a handshake waited for %v", took)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := s.m.HandshakesInProgress.Value(); n != 0 {
			t.Errorf("%d handshakes in progress, want none", n)
		}
		time.Sleep(3 * time.Second)
		s.awaitCount("breaches", s.breached(metrics.LimitHelloTimeout), 2*each)
		s.awaitCount("connections closed for a timeout", s.closed(metrics.CloseTimeout), 2*each)
	})
}

// TestGreetSurvivesPanics: a panic before the handshake ends its connection alone, and
// gives back what that had. What panics is a metric that is not there.
func TestGreetSurvivesPanics(t *testing.T) {
	s := start(t, teapot, func(c *Config) {
		c.HelloTimeout = 50 * time.Millisecond
		c.Metrics.LimitBreaches = nil
	})
	for i := range uint64(3) {
		c := s.connect() // it says nothing, which is to be counted
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a silent connection is answered")
		}
		s.awaitCount("panics", s.m.Panics.Value, i+1)
		s.awaitCount("connections closed for an error", s.closed(metrics.CloseError), i+1)
	}
	s.fetch(s.client("h2"))
	if log := s.log.String(); !strings.Contains(log, "panic in waiting for a ClientHello") {
		t.Errorf("the log has no panic:\n%s", log)
	}
}

// trickle sends a ClientHello byte by byte, to the connection's end.
func trickle(c net.Conn) {
	for _, b := range []byte(halfHello + strings.Repeat("x", 490)) {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// What comes instead of a ClientHello, and what becomes of it. What does not come
// is a matter of TestEveryStationEnds.
func TestNoHello(t *testing.T) {
	for _, tt := range []struct {
		name, said string
		reason     metrics.CloseReason
		limit      metrics.Limit
		breaches   uint64
		outcome    metrics.HandshakeOutcome
		shaken     uint64
	}{
		{"a ClientHello that is too large", "\x16\x03\x01\x40\x00\x01\x01\x00\x00", metrics.CloseLimit, metrics.LimitHelloSize, 1, metrics.HandshakeError, 1},
		{"SSH", "SSH-2.0-x\r\n", metrics.CloseError, metrics.LimitHelloTimeout, 0, metrics.HandshakeError, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startInMemory(t, teapot, func(c *Config) { c.HelloTimeout, c.HandshakeTimeout = 3*time.Second, 5*time.Second })
				c := s.connect()
				began := time.Now()
				go io.WriteString(c, tt.said)
				wantEnd(s, c)
				if took := time.Since(began); took != 0 {
					t.Errorf("closed after %v, want at once", took)
				}
				synctest.Wait()
				s.awaitCount("connections closed", s.closed(tt.reason), 1)
				s.awaitCount("breaches", s.breached(tt.limit), tt.breaches)
				s.awaitCount("handshakes", s.shaken(metrics.TLSNone, tt.outcome), tt.shaken)
			})
		})
	}
	t.Run("a look whether the port is open", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := startInMemory(t, teapot, nil)
			c := s.connect()
			synctest.Wait()
			c.Close()
			synctest.Wait()
			s.awaitCount("connections closed by the peer", s.closed(metrics.ClosePeer), 1)
			s.awaitCount("failed handshakes", s.shaken(metrics.TLSNone, metrics.HandshakeError), 0)
		})
	})
}

// The shorter of two deadlines is the ClientHello's.
func TestHandshakeTimeoutBoundsTheHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, teapot, func(c *Config) { c.HelloTimeout, c.HandshakeTimeout = 3*time.Second, time.Second })
		began := time.Now()
		wantEnd(s, s.connect())
		if took := time.Since(began); took != time.Second {
			t.Errorf("closed after %v, want 1s", took)
		}
	})
}

// HTTP without TLS is answered, and the connection ends without a reset.
func TestPlainHTTP(t *testing.T) {
	s := start(t, teapot, nil)
	for _, tt := range []struct{ name, head, address string }{
		{"a name", "GET /a HTTP/1.1\r\nHost: example.org\r\n", "https://example.org/"},
		{"a name and a port, and a body", "POST / HTTP/1.1\r\nContent-Length: 5\r\nhost:\texample.org:8443\r\n", "https://example.org:8443/"},
		{"an address", "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n", "https://[::1]:8443/"},
		{"no Host", "GET / HTTP/1.0\r\n", ""},
		{"two", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n", ""},
		{"markup", "GET / HTTP/1.1\r\nHost: <script>\r\n", ""},
		{"a Host that is too long", "GET / HTTP/1.1\r\nHost: " + strings.Repeat("a", 300) + "\r\n", ""},
		{"a head that is too large", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n", ""},
		{"HTTP/2 without TLS", "PRI * HTTP/2.0\r\n", ""},
		{"HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.connect()
			if _, err := io.WriteString(c, tt.head+"\r\nhello"); err != nil {
				t.Fatal(err)
			}
			request := &http.Request{Method: strings.Fields(tt.head)[0]}
			r, err := http.ReadResponse(bufio.NewReader(c), request)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r.Body)
			if err != nil || r.StatusCode != http.StatusBadRequest || !r.Close || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s, %v, closes: %v, %v; want 400 as text, and the end", r.Status, r.Header, r.Close, err)
			}
			if named := strings.Contains(string(text), "https://"); named != (tt.address != "") || !strings.Contains(string(text), tt.address) {
				t.Errorf("it says %q, want %q in it", text, tt.address)
			}
			if request.Method != "HEAD" && !strings.Contains(string(text), "HTTPS") {
				t.Errorf("it says %q, want that HTTPS is meant", text)
			}
			if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
				t.Errorf("%q and %v at the end", rest, err)
			}
		})
	}
	s.await("the connections' end", func() bool { return s.m.PermitsInUse.Value() == 0 })
}

// A request without an end is answered when the time for a ClientHello is over.
func TestPlainHTTPWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, teapot, func(c *Config) { c.HelloTimeout = 3 * time.Second })
		c := s.connect()
		began := time.Now()
		go io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n")
		said, err := io.ReadAll(c)
		if took := time.Since(began); err != nil || !strings.HasPrefix(string(said), "HTTP/1.1 400 ") || took != 3*time.Second {
			t.Errorf("%.20q and %v after %v, want 400 after 3s", said, err, took)
		}
	})
}

// A client that offers http/1.0 alone is served.
func TestALPNOfHTTP10(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }, nil)
	c := s.mustDial("http/1.0")
	if got := c.ConnectionState().NegotiatedProtocol; got != "http/1.0" {
		t.Errorf("agreed on %q", got)
	}
	fmt.Fprint(c, "GET /hit HTTP/1.0\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r.Body); err != nil || r.StatusCode != http.StatusOK || string(got) != body {
		t.Errorf("%s %q, %v", r.Status, got, err)
	}
	if c, err := s.dial(&tls.Config{RootCAs: s.roots, ServerName: "localhost", NextProtos: []string{"http/1.0", "http/1.1"}}); err != nil || c.ConnectionState().NegotiatedProtocol != "http/1.1" {
		t.Errorf("of 1.0 and 1.1: %v, want 1.1", err)
	}
}

// A probe that ends with a reset, as HAProxy's do, is no failed handshake.
func TestProbeThatResets(t *testing.T) {
	s := start(t, teapot, nil)
	c := s.connect().(*net.TCPConn)
	s.await("the connection", func() bool { return s.m.PermitsInUse.Value() == 1 })
	if err := c.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	c.Close()
	s.awaitCount("connections closed by the peer", s.closed(metrics.ClosePeer), 1)
	s.awaitCount("failed handshakes", s.shaken(metrics.TLSNone, metrics.HandshakeError), 0)
}
