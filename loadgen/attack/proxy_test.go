package attack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// forwarder is a proxy of HTTP/1.1 that counts what it is asked for.
type forwarder struct {
	*httptest.Server
	want     string // Proxy-Authorization that it demands; "": none
	tunnels  atomic.Int64
	requests atomic.Int64
}

func newForwarder(t *testing.T, want string) *forwarder {
	t.Helper()
	f := &forwarder{want: want}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *forwarder) serve(w http.ResponseWriter, r *http.Request) {
	if f.want != "" && r.Header.Get("Proxy-Authorization") != f.want {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.Method == http.MethodConnect {
		f.tunnels.Add(1)
		f.tunnel(w, r.Host)
		return
	}
	f.requests.Add(1)
	if r.URL.Host == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	out := r.Clone(r.Context())
	out.RequestURI = ""
	resp, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

func (f *forwarder) tunnel(w http.ResponseWriter, address string) {
	there, err := net.Dial("tcp", address)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	var both sync.WaitGroup
	copyTo := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
		_ = from.Close()
	}
	both.Go(func() { copyTo(there, here) })
	both.Go(func() { copyTo(here, there) })
	both.Wait()
}

// TestProxy: what goes through a tunnel, and what the proxy is sent as a request.
func TestProxy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		why         string
		secure, h2c bool
		elsewhere   bool // -connect-to
		perRequest  bool
		user        string
		tunnels     int64
		requests    int64
		spoken      exchange.Protocols
	}{
		{"https by CONNECT, with HTTP/2 inside", true, false, false, false, "", 2, 0, exchange.HTTP2},
		{"http in absolute form", false, false, false, false, "", 0, 20, exchange.HTTP1},
		{"http by HTTP/2, by CONNECT", false, true, false, false, "", 2, 0, exchange.HTTP2},
		{"https with a user of the proxy", true, false, false, false, "user:se%20cret@", 2, 0, exchange.HTTP2},
		{"http with a user of the proxy", false, false, false, false, "user:se%20cret@", 0, 20, exchange.HTTP1},
		{"http that goes elsewhere than its URL says, by CONNECT", false, false, true, false, "", 2, 0, exchange.HTTP1},
		{"a connection for each request", true, false, false, true, "", 20, 0, exchange.HTTP2},
	} {
		t.Run(tt.why, func(t *testing.T) {
			t.Parallel()
			s, _, requests := countConns(t, tt.secure, hello)
			want := ""
			if tt.user != "" {
				want = "Basic dXNlcjpzZSBjcmV0"
			}
			f := newForwarder(t, want)
			cfg := Config{
				Targets: []vegeta.Target{{Method: "GET", URL: s.URL}}, Requests: 20, Connections: 2, Streams: 4, Timeout: 10 * time.Second,
				Insecure: true, H2C: tt.h2c, PerRequest: tt.perRequest,
			}
			host, port, _ := net.SplitHostPort(s.Listener.Addr().String())
			if tt.elsewhere {
				cfg.Targets[0].URL = "http://a.invalid/"
				cfg.ConnectTo = []Redirect{{"a.invalid", "80", host, port}}
			}
			origins, err := cfg.Origins()
			if err != nil {
				t.Fatal(err)
			}
			cfg.Proxies = map[exchange.Origin]string{origins[0]: "http://" + tt.user + f.Listener.Addr().String()}
			r := attackWith(t, context.Background(), cfg)
			if r.Total.Succeeded() != 20 || requests.Load() != 20 || r.Summary.Spoken != tt.spoken {
				t.Errorf("%d of 20 succeeded, the server has answered %d, %v was spoken: %v", r.Total.Succeeded(), requests.Load(), r.Summary.Spoken, r.Total.Errors)
			}
			if f.tunnels.Load() != tt.tunnels || f.requests.Load() != tt.requests {
				t.Errorf("the proxy had %d tunnels and %d requests, want %d and %d", f.tunnels.Load(), f.requests.Load(), tt.tunnels, tt.requests)
			}
			hosts, err := cfg.Hosts()
			if err != nil || len(hosts) != 2 || hosts[0] != (Host{"127.0.0.1", false}) || !hosts[1].Behind {
				t.Errorf("it reaches %v, %v", hosts, err)
			}
		})
	}
}

// TestProxyThatIsBad: whatever a proxy does, requests fail with the reason, in time.
func TestProxyThatIsBad(t *testing.T) {
	t.Parallel()
	answer := func(text string) func(*testing.T) string {
		return func(t *testing.T) string {
			return talk(t, func(c net.Conn) {
				_, _ = c.Read(make([]byte, 4096))
				_, _ = io.WriteString(c, text)
				_, _ = io.Copy(io.Discard, c)
			})
		}
	}
	for _, tt := range []struct {
		why   string
		serve func(*testing.T) string
		want  string
	}{
		{"is not there", func(*testing.T) string { return unused }, "connect: by the proxy: connection refused"},
		{"demands a user", func(t *testing.T) string { return newForwarder(t, "x").Listener.Addr().String() },
			"connect: by the proxy: it answered CONNECT with 407, for user and password (http://USER:PASSWORD@HOST:PORT)"},
		{"cannot reach the server", func(t *testing.T) string { return newForwarder(t, "").Listener.Addr().String() }, "connect: by the proxy: it answered CONNECT with 502"},
		{"answers no HTTP", answer("220 mail.example ESMTP\r\n\r\n"), "connect: by the proxy: the answer is not HTTP/1.1"},
		{"answers without end", answer("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 4000)), "connect: by the proxy: the answer is not HTTP/1.1"},
		{"closes", func(t *testing.T) string { return talk(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }) }, "connect: by the proxy: it closed the connection"},
		{"says nothing", answer(""), "connect: by the proxy: no answer in time"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			t.Parallel()
			r := attackWith(t, context.Background(), Config{
				Targets: []vegeta.Target{{Method: "GET", URL: "https://" + unused + "/"}}, Pacer: perSecond(20), Duration: time.Second,
				Connections: 1, Streams: 2, Timeout: 300 * time.Millisecond,
				Proxies: map[exchange.Origin]string{{Secure: true, Host: "127.0.0.1", Port: "1"}: "http://" + tt.serve(t)},
			})
			// On a busy machine the time of some may be up before.
			const late = "connect: by the proxy: no answer in time"
			n := r.Total.Errors[tt.want] + r.Total.Errors["timeout: never sent"]
			if tt.want != late {
				n += r.Total.Errors[late]
			}
			if n != 20 || r.Total.ConnectionErrors[tt.want] == 0 {
				t.Errorf("%v; connections: %v, want %q", r.Total.Errors, r.Total.ConnectionErrors, tt.want)
			}
		})
	}
}

func TestParseProxy(t *testing.T) {
	for _, tt := range []struct {
		why, text string
		want      proxy
		wrong     string
	}{
		{"a URL", "http://a.example:3128", proxy{"a.example", "3128", ""}, ""},
		{"no scheme", "a.example:3128/", proxy{"a.example", "3128", ""}, ""},
		{"no port", "http://a.example", proxy{"a.example", "80", ""}, ""},
		{"an address", "[::1]:3128", proxy{"::1", "3128", ""}, ""},
		{"a user", "http://Aladdin:open%20sesame@a:1", proxy{"a", "1", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, ""},
		{"https", "https://u:secret@a:1", proxy{}, `"https://a:1": allowed are those that are reached by http://`},
		{"SOCKS", "socks5://a:1", proxy{}, "allowed are those"},
		{"a path", "http://u:secret@a:1/b", proxy{}, "allowed is http://HOST:PORT"},
		{"nothing", "", proxy{}, "allowed is http://HOST:PORT"},
		{"a port that is none", "http://u:secret@a:x", proxy{}, "allowed is http://HOST:PORT"},
	} {
		got, err := parseProxy(tt.text)
		switch {
		case tt.wrong == "" && (err != nil || got != tt.want):
			t.Errorf("%s: %+v, %v", tt.why, got, err)
		case tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s: %v, want %q", tt.why, err, tt.wrong)
		}
	}
}

// TestReadStatus: an answer to CONNECT, to its last byte and no further.
func TestReadStatus(t *testing.T) {
	const behind = "\x00behind"
	for _, tt := range []struct {
		why, text string
		status    int
		err       error
	}{
		{"a success", "HTTP/1.1 200 OK\r\n\r\n", 200, nil},
		{"HTTP/1.0, as Squid has it", "HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n", 200, nil},
		{"content-length means nothing there (RFC 9110 §9.3.6)", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, nil},
		{"an answer in between", "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 200, nil},
		{"bare LF", "HTTP/1.1 200 OK\nA: b\n\n", 200, nil},
		{"a refusal", "HTTP/1.1 403 Forbidden\r\n\r\n", 403, nil},
		{"no HTTP", "SSH-2.0\r\n\r\n", 0, exchange.ErrNoHTTP},
		{"an end in the middle", "HTTP/1.1 200 OK\r\n", 0, io.EOF},
		{"too long", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("b", maxProxyHead), 0, exchange.ErrNoHTTP},
	} {
		text := tt.text
		if tt.status != 0 {
			text += behind
		}
		r := strings.NewReader(text)
		status, err := readStatus(r)
		if status != tt.status || !errors.Is(err, tt.err) {
			t.Errorf("%s: %d, %v", tt.why, status, err)
		}
		if rest, _ := io.ReadAll(r); tt.status != 0 && string(rest) != behind {
			t.Errorf("%s: %q is left", tt.why, rest)
		}
	}
}

func FuzzReadStatus(f *testing.F) {
	for _, s := range []string{"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 407 X\n\n", "\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := bytes.NewReader(text)
		status, err := readStatus(r)
		if (err == nil) != (status >= 200 && status <= 999) {
			t.Errorf("%q: %d, %v", text, status, err)
		}
		if read := len(text) - r.Len(); read > maxProxyHead {
			t.Errorf("%d bytes were read", read)
		}
	})
}
