package redirect

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
)

func TestMain(m *testing.M) { testkit.Run(m, "hotpath/server/redirect") }

const patience = 20 * time.Second

// start serves on loopback until the test's end.
func start(t *testing.T, port int) (address string, m *metrics.Hotpath) {
	t.Helper()
	m = metrics.NewHotpath(metrics.Options{Stripes: 1})
	s := New(Config{Port: port, Metrics: m, Log: slog.New(slog.DiscardHandler), Challenge: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/challenge" {
			_, _ = io.WriteString(w, "answer")
			return true
		}
		return false
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = s.Shutdown(ctx) // connections may be open
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), m
}

// exchange sends bytes and returns what comes until the end of the connection.
func exchange(t *testing.T, address, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil && len(got) == 0 { // what is not read of a request may reset the connection
		t.Errorf("%q: %v", text, err)
	}
	return string(got)
}

// TestRedirect: every request with a host that is one gets its https address, and
// the connection ends.
func TestRedirect(t *testing.T) {
	plain, _ := start(t, 443)
	other, _ := start(t, 8443)
	for _, tt := range []struct{ why, address, request, status, location string }{
		{"host, path and query stay", plain, "GET /a/b?c=d HTTP/1.1\r\nHost: www.example.com\r\n\r\n", "308", "https://www.example.com/a/b?c=d"},
		{"the port of http goes", plain, "GET / HTTP/1.1\r\nHost: example.com:80\r\n\r\n", "308", "https://example.com/"},
		{"that of https comes, if it is another", other, "GET / HTTP/1.1\r\nHost: example.com:80\r\n\r\n", "308", "https://example.com:8443/"},
		{"an IPv6 address", other, "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "308", "https://[::1]:8443/"},
		{"what is encoded stays so", plain, "GET /a%2Fb%0d%0a HTTP/1.1\r\nHost: a\r\n\r\n", "308", "https://a/a%2Fb%0d%0a"},
		{"a path that looks like a host", plain, "GET //evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n", "308", "https://a//evil.example/"},
		{"a method with content, which is not read", plain, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "308", "https://a/p"},
		{"no host", plain, "GET / HTTP/1.0\r\n\r\n", "400", ""},
		{"two hosts", plain, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400", ""},
		{"a host that is none", plain, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "400", ""},
		{"a host with a path", plain, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400", ""},
		{"a port that is none", plain, "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n", "400", ""},
		{"no path", plain, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "400", ""},
		{"a tunnel", plain, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "400", ""},
		{"a challenge", plain, "GET /challenge HTTP/1.1\r\nHost: a\r\n\r\n", "200", ""},
		{"a head that is too long", plain, "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", maxHeader+4<<10) + "\r\n\r\n", "431", ""},
	} {
		got := exchange(t, tt.address, tt.request)
		r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(got)), nil)
		if err != nil {
			t.Errorf("%s: %q: %v", tt.why, got, err)
			continue
		}
		r.Body.Close()
		if status := fmt.Sprint(r.StatusCode); status != tt.status || r.Header.Get("Location") != tt.location {
			t.Errorf("%s: %s to %q, want %s to %q", tt.why, status, r.Header.Get("Location"), tt.status, tt.location)
		}
	}
}

// TestMost: connections beyond the limit are closed, and others are served when
// there is room again.
func TestMost(t *testing.T) {
	address, m := start(t, 443)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range MaxConns + 1 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	last := open[MaxConns]
	_ = last.SetDeadline(time.Now().Add(headTimeout - time.Second))
	if _, err := last.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("one too many: %v", err)
	}
	if n := m.LimitBreaches.Value(metrics.LimitRedirects); n != 1 {
		t.Errorf("%d breaches of the limit, want 1", n)
	}
	if n := m.RedirectConnections.Value(); n != MaxConns {
		t.Errorf("%d connections, want %d", n, MaxConns)
	}
	open[0].Close()
	for end := time.Now().Add(patience); m.RedirectConnections.Value() == MaxConns; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a connection that has ended keeps its place")
		}
	}
	if got := exchange(t, address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 308 ") {
		t.Errorf("with room: %q", got)
	}
}

// FuzzLocation: whatever a request asks for, it is sent to the host that it names,
// by https, or nowhere.
func FuzzLocation(f *testing.F) {
	for _, seed := range []string{"example.com", "a:80", "[::1]:80", "a@b", "[::1%25eth0]", "a..b", "%61"} {
		f.Add(seed, "/a?b")
	}
	f.Add("a", "/? ") // what net/url takes for a query
	f.Fuzz(func(t *testing.T, host, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Host, r.URL = host, u
		got, ok := location(r, 443)
		if !ok {
			return
		}
		to, err := url.Parse(got)
		if err != nil || to.Scheme != "https" || to.User != nil || to.Port() != "" || strings.ContainsAny(got, " \r\n\x00") {
			t.Fatalf("%q, %q: %q, %v", host, target, got, err)
		}
		if name := to.Hostname(); !strings.HasPrefix(strings.TrimPrefix(host, "["), name) && !strings.HasPrefix(host, "[") {
			t.Fatalf("%q is sent to %q", host, name)
		}
	})
}
