package proxy

import (
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
)

// secured is a TLS origin and the file of its CA.
type secured struct {
	*httptest.Server
	ca string
}

func secureOrigin(t testing.TB, h http.Handler) secured {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return secured{s, ca}
}

// clearOrigin speaks HTTP/1.1 and HTTP/2 without TLS.
func clearOrigin(t testing.TB, l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
}

// echo answers with what it got; trailers, an informational head and a content
// included.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Link", "</a>")
	w.WriteHeader(http.StatusEarlyHints)
	w.Header().Del("Link")
	w.Header().Set("Trailer", "X-Sum")
	w.Header().Set("X-Proto", r.Proto)
	w.Header().Set("X-Target", r.RequestURI)
	w.Header().Set("X-Host", r.Host)
	w.Header().Set("X-Up", r.Trailer.Get("X-Up"))
	w.Header().Set("X-Te", r.Header.Get("Te"))
	w.Header()["X-Agent"] = r.Header["User-Agent"]
	_, _ = w.Write(body)
	w.Header().Set("X-Sum", "7")
}

// TestProtocols: the same over each protocol, and the protocol that is meant.
func TestProtocols(t *testing.T) {
	tlsOrigin := secureOrigin(t, http.HandlerFunc(echo))
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	clearOrigin(t, plain, http.HandlerFunc(echo))
	path := filepath.Join(t.TempDir(), "s.sock")
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	clearOrigin(t, socket, http.HandlerFunc(echo))
	for _, c := range []struct{ upstream, proto string }{
		{tlsOrigin.URL, "HTTP/2.0"},
		{"http://" + plain.Addr().String(), "HTTP/1.1"},
		{"h2c://" + plain.Addr().String(), "HTTP/2.0"},
		{"unix:" + path, "HTTP/1.1"},
		{"unix://" + path, "HTTP/1.1"},
	} {
		t.Run(c.upstream, func(t *testing.T) {
			p := proxyTo(t, Config{Upstreams: []string{c.upstream}, TLS: TLS{CAFile: tlsOrigin.ca}})
			for _, target := range []string{"/a%2Fb?", "//a//b", "//a|b?x"} {
				r := post(strings.NewReader("hello"), -1, "trailer", "x-up", "te", "trailers")
				r.Path = target
				r.Trailers = func() []hpack.Field { return []hpack.Field{{Name: "x-up", Value: "3"}} }
				got := mustFetch(t, p, r)
				for name, want := range map[string]string{"x-proto": c.proto, "x-target": target, "x-host": "example.com", "x-up": "3", "x-te": "trailers", "x-agent": ""} {
					if v := got.field(name); v != want {
						t.Errorf("%s: %q, want %q", name, v, want)
					}
				}
				if got.body.String() != "hello" || lines(got.trailer) != "x-sum: 7" || len(got.informs) != 1 || got.informs[0] != "103 link: </a>" {
					t.Errorf("content %q, trailers %v, informs %q", got.body.String(), got.trailer, got.informs)
				}
			}
			head := get("/")
			head.Method = "HEAD"
			mustFetch(t, p, head)
		})
	}
}

// TestTLSVerification: whose certificate is taken, and under what name.
func TestTLSVerification(t *testing.T) {
	quiet := secureOrigin(t, http.HandlerFunc(echo))
	for _, c := range []struct {
		name string
		tls  TLS
		kind string
	}{
		{"the CA file", TLS{CAFile: quiet.ca}, "nil"},
		{"SNI of another name that the certificate has", TLS{CAFile: quiet.ca, ServerName: "example.com"}, "nil"},
		{"a name that it has not", TLS{CAFile: quiet.ca, ServerName: "other.test"}, "502 tls_certificate_error"},
		{"an unknown CA", TLS{}, "502 tls_certificate_error"},
		{"no verification", TLS{InsecureSkipVerify: true}, "nil"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := fetch(t, proxyTo(t, Config{Upstreams: []string{quiet.URL}, TLS: c.tls}), get("/")); kindOf(err) != c.kind {
				t.Errorf("%v", err)
			}
		})
	}
	plain := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
		conn.Say("HTTP/1.1 400 Bad Request\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn.R)
	})
	p := proxyTo(t, Config{Upstreams: []string{"https" + strings.TrimPrefix(plain.URL(), "http")}})
	if _, err := fetch(t, p, get("/")); kindOf(err) != "502 tls_protocol_error" || len(plain.Conns()) != 1 {
		t.Errorf("no TLS at all: %v with %d connections", err, len(plain.Conns()))
	}
}

// TestHTTP2Breaks: a stream that ends early is an error without an end.
func TestHTTP2Breaks(t *testing.T) {
	s := secureOrigin(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			for range 2 * maxHead / 1000 {
				w.Header().Add("X-A", strings.Repeat("a", 1000))
			}
			return
		case "/short":
			w.Header().Set("Content-Length", "100")
		}
		_, _ = io.WriteString(w, "some")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	p := proxyTo(t, Config{Upstreams: []string{s.URL}, TLS: TLS{CAFile: s.ca}})
	for path, kind := range map[string]string{
		"/short": "502 http_response_incomplete", "/reset": "502 http_response_incomplete",
		"/long": "502 http_response_header_section_size",
	} {
		got, err := fetch(t, p, get(path))
		if kindOf(err) != kind || got.ended {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestDialErrors have the names of RFC 9209 §2.3.
func TestDialErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, c := range []struct{ upstream, kind string }{
		{"http://" + l.Addr().String(), "502 connection_refused"},
		{"https://" + l.Addr().String(), "502 connection_refused"},
		{"h2c://" + l.Addr().String(), "502 connection_refused"},
		{"unix:" + filepath.Join(t.TempDir(), "none.sock"), "502 connection_refused"},
		{"http://name.invalid", "502 dns_error"},
	} {
		_, err := fetch(t, proxyTo(t, Config{Upstreams: []string{c.upstream}}), get("/"))
		if kindOf(err) != c.kind && !(c.kind == "502 dns_error" && kindOf(err) == "504 dns_timeout") {
			t.Errorf("%s: %v, want %s", c.upstream, err, c.kind)
		}
		var e *Error
		if !errors.As(err, &e) || e.Upstream != c.upstream || e.Unwrap() == nil {
			t.Errorf("%s: %#v", c.upstream, err)
		}
	}
}

// TestTimeouts: slow at each stage, each with its own deadline.
func TestTimeouts(t *testing.T) {
	const short, long = 80 * time.Millisecond, time.Minute
	silentTLS := h1peer.Serve(t, patience, func(_ int, c *h1peer.Peer) { _, _ = io.Copy(io.Discard, c.R) })
	for _, c := range []struct {
		name, say, scheme string
		timeouts          Timeouts
		upload            bool
		kind              string
	}{
		{"no TLS handshake", "", "https", Timeouts{Dial: short}, false, "504 connection_timeout"},
		{"no head", "", "http", Timeouts{Head: short}, false, "504 http_response_timeout"},
		{"half a head", "HTTP/1.1 200 OK\r\n", "http", Timeouts{Head: short}, false, "504 http_response_timeout"},
		{"informational heads do not extend it", "HTTP/1.1 102 Processing\r\n\r\n", "http", Timeouts{Head: short}, false, "504 http_response_timeout"},
		{"a content that stops", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome", "http", Timeouts{Idle: short}, false, "504 connection_read_timeout"},
		{"an upload that is not taken", "", "http", Timeouts{Idle: short, Head: long}, true, "504 connection_write_timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := silentTLS
			if c.scheme == "http" {
				hold := make(chan struct{})
				s = h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
					conn.Head()
					conn.Say(c.say)
					<-hold
				})
				t.Cleanup(func() { close(hold) })
			}
			p := proxyTo(t, Config{Upstreams: []string{c.scheme + strings.TrimPrefix(s.URL(), "http")}, Timeouts: c.timeouts})
			r := get("/")
			if c.upload {
				r = post(zeros{}, -1)
			}
			began := time.Now()
			got, err := fetch(t, p, r)
			if kindOf(err) != c.kind || got.ended {
				t.Errorf("%v, want %s", err, c.kind)
			}
			if took := time.Since(began); took < short*7/8 || took > patience/2 {
				t.Errorf("after %v", took)
			}
		})
	}
}

// zeros is a content without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
