package attack

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// listenAt serves the handler of s on another address too, and counts its
// connections there.
func listenAt(t *testing.T, s *target, network, address string) (conns func() int) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Skipf("this machine does not have %s: %v", address, err)
	}
	var mu sync.Mutex
	n := 0
	other := httptest.NewUnstartedServer(s.Config.Handler)
	other.Listener.Close()
	other.Listener, other.EnableHTTP2, other.Config.ErrorLog = l, true, quiet
	other.TLS = &tls.Config{Certificates: s.TLS.Certificates}
	other.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state == http.StateNew {
			n++
		}
	}
	other.StartTLS()
	t.Cleanup(other.Close)
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// TestAddressesInTurn: connections are shared out among all addresses of a name,
// of IPv4 and IPv6; one that does not answer is counted, and the next is tried.
func TestAddressesInTurn(t *testing.T) {
	t.Parallel()
	s := serve(t, hello)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	second := listenAt(t, s, "tcp", "127.0.0.2:"+port)
	third := listenAt(t, s, "tcp", "[::1]:"+port)
	cfg := s.config()
	cfg.Targets[0].URL = "https://example.com:" + port + "/" // a name of httptest's certificate
	cfg.Connections, cfg.Streams, cfg.Requests = 12, 1, 240
	a, err := newAttack(cfg, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	a.names.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{
			netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("127.0.0.2"),
		}, nil
	}
	run := &measure.Run{Total: measure.NewTally()}
	a.hooks.Interval = func(i *measure.Interval) { run.Add(i) }
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := a.run(ctx); err != nil {
		t.Fatal(err)
	}
	if run.Total.Succeeded() != 240 || run.Total.Connections != 12 {
		t.Errorf("%d of 240 succeeded over %d connections: %v", run.Total.Succeeded(), run.Total.Connections, run.Total.Errors)
	}
	// The silent address's turns fall to those around it.
	for name, n := range map[string]int{"127.0.0.1": int(s.conns.Load()), "127.0.0.2": second(), "::1": third()} {
		if n < 2 {
			t.Errorf("%s had %d of 12 connections", name, n)
		}
	}
	const text = "connect: connection refused at 127.0.0.9"
	if n := run.Total.ConnectionErrors[text]; n < 1 || n > 3 || len(run.Total.ConnectionErrors) != 1 {
		t.Errorf("the address that refuses was counted %d times: %v", n, run.Total.ConnectionErrors)
	}
}

// TestNoAddressAnswers: if none of a name's addresses does, each is counted once
// and the last is why requests fail.
func TestNoAddressAnswers(t *testing.T) {
	t.Parallel()
	cfg := Config{Targets: []vegeta.Target{{Method: "GET", URL: "http://a.example:1/"}}, Pacer: perSecond(10), Requests: 1, Connections: 1, Streams: 1, Timeout: time.Second}
	a, err := newAttack(cfg, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	a.names.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}, nil
	}
	total := measure.NewTally()
	a.hooks.Interval = func(i *measure.Interval) { total.Merge(i.Tally) }
	if _, err := a.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(total.ConnectionErrors) != 2 || total.Requests() != 1 || !strings.HasPrefix(onlyError(total), "connect: connection refused at 127.0.0.") {
		t.Errorf("%v; connections: %v", total.Errors, total.ConnectionErrors)
	}
}

func onlyError(t *measure.Tally) (text string) {
	for text = range t.Errors {
	}
	return text
}

// TestConnectTo: the connection goes elsewhere, and the request does not say so.
func TestConnectTo(t *testing.T) {
	t.Parallel()
	hosts := make(chan string, 10)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		hosts <- r.Host + " " + r.TLS.ServerName
		hello(w, r)
	})
	host, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	cfg := s.config()
	cfg.Targets[0].URL = "https://example.com/"
	cfg.Connections, cfg.Requests = 1, 1
	cfg.ConnectTo = []Redirect{{"example.com", "443", host, port}}
	r := attackWith(t, context.Background(), cfg)
	if got := <-hosts; got != "example.com example.com" || r.Total.Succeeded() != 1 {
		t.Errorf("the server sees %q: %v", got, r.Total.Errors)
	}
}

// TestUnixSocket: all connections go to a unix socket, with TLS over it; what is
// wrong with it is why they fail.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	s := serve(t, hello)
	dir, err := os.MkdirTemp("", "lg") // t.TempDir has long names
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	conns := listenAt(t, s, "unix", path)
	cfg := s.config()
	cfg.Targets[0].URL = "https://example.com/"
	cfg.UnixSocket, cfg.Requests = path, 100
	if r := attackWith(t, context.Background(), cfg); r.Total.Succeeded() != 100 || conns() != 4 {
		t.Errorf("%d of 100 succeeded over %d connections: %v", r.Total.Succeeded(), conns(), r.Total.Errors)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ why, path, want string }{
		{"there is none", filepath.Join(dir, "none"), "connect: no such file or directory"},
		{"a file is no socket", file, "connect: connection refused"},
	} {
		cfg.UnixSocket, cfg.Requests, cfg.Timeout = tt.path, 4, 100*time.Millisecond
		if r := attackWith(t, context.Background(), cfg); r.Total.Errors[tt.want] != 4 {
			t.Errorf("%s: %v, want %q", tt.why, r.Total.Errors, tt.want)
		}
	}
}

// TestRoutesAreChecked: what is wrong with where connections are to go.
func TestRoutesAreChecked(t *testing.T) {
	for _, tt := range []struct {
		why, want string
		set       func(*Config)
	}{
		{"a redirect of a host that is not asked", "connecting by b.example::c:: no target is of that host and port, the first is of a.example:443",
			func(c *Config) { c.ConnectTo = []Redirect{{FromHost: "b.example", ToHost: "c"}} }},
		{"both", "/run/s and by :::", func(c *Config) { c.UnixSocket, c.ConnectTo = "/run/s", make([]Redirect, 1) }},
		{"a path that no socket can have", "104 bytes: allowed are up to 103", func(c *Config) { c.UnixSocket = strings.Repeat("x", 104) }},
	} {
		cfg := Config{Targets: []vegeta.Target{{Method: "GET", URL: "https://a.example/"}}, Requests: 1, Connections: 1, Streams: 1, Timeout: time.Second}
		tt.set(&cfg)
		if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.why, err, tt.want)
		}
	}
}
