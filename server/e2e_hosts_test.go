package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/quic-go/quic-go/http3"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// hostIdentity makes a certificate for a host.
func hostIdentity(t *testing.T, dir, host string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	made := testkit.NewIdentity(host)
	cert, key, err := made.Write(dir, host)
	return cert, must(t, key, err), made.Pool()
}

// naming is an upstream that says its name and the host that it was asked for.
func naming(t *testing.T, name string, asked *atomic.Int64) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprintf(w, "%s for %s%s", name, r.Host, r.URL.Path)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// dialing is a client whose every host is the server's address.
func (p *process) dialing(protocol string, config *tls.Config) *http.Client {
	c := p.client(protocol)
	if quic, ok := c.Transport.(*http3.Transport); ok {
		quic.TLSClientConfig, quic.Dial = config, p.dialQUIC
		return c
	}
	transport := c.Transport.(*http.Transport)
	transport.TLSClientConfig = config
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(p.url, "https://"))
	}
	return c
}

// TestHosts: two sites in a file, each with its certificate, its upstream and its
// entries.
func TestHosts(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	pools, asked := make(map[string]*x509.CertPool), make(map[string]*atomic.Int64)
	hosts := []string{"a.test", "b.test"}
	addresses := map[string]string{"a.test": "127.0.0.9", "b.test": "[2001:db8::9]"}
	text.WriteString("listen: 127.0.0.1:0\nhttp3: on\nadmin: 127.0.0.1:0\nlog-format: json\nsites:\n")
	for _, host := range hosts {
		cert, key, pool := hostIdentity(t, dir, host)
		pools[host], asked[host] = pool, new(atomic.Int64)
		fmt.Fprintf(&text, "  - hosts: [%s, %q]\n    upstream: %s\n    cert: %s\n    key: %s\n", host, addresses[host], naming(t, host, asked[host]), cert, key)
	}
	file := filepath.Join(dir, "hotpath.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := output(t, "", builtServer(t), "check", "-config", file); err != nil {
		t.Fatalf("the file is refused: %v\n%s", err, out)
	}
	p := startCommand(t, exec.Command(builtServer(t), "-config", file))
	for _, protocol := range protocols {
		for _, host := range hosts {
			// Its certificate alone is trusted.
			c := p.dialing(protocol, &tls.Config{RootCAs: pools[host]})
			for _, path := range []string{"/", "/same"} {
				r, err := c.Get("https://" + host + path)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(r.Body)
				_ = r.Body.Close()
				if want := host + " for " + host + path; err != nil || string(body) != want {
					t.Errorf("%s: %q, %v; want %q", protocol, body, err, want)
				}
				if hit := strings.Contains(r.Header.Get("Cache-Status"), "; hit"); hit != (protocol != protocols[0]) {
					t.Errorf("%s: Cache-Status %q", protocol, r.Header.Get("Cache-Status"))
				}
			}
			// Another host's, on a connection that could be shared; one that is
			// in no site.
			for name, status := range map[string]int{
				"unknown.test":        map[string]int{"h2": 421, "http/1.1": 404, "h3": 421}[protocol],
				"www." + host:         map[string]int{"h2": 421, "http/1.1": 404, "h3": 421}[protocol],
				host + ":8443":        200,
				strings.ToUpper(host): 200,
				host + ".":            200,
				hosts[0]:              200,
				hosts[1]:              200,
				"127.0.0.9:8443":      200,
				"[2001:db8::9]:8443":  200,
			} {
				r, err := http.NewRequest("GET", "https://"+host+"/other", nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Host = name
				got, err := c.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(got.Body)
				_ = got.Body.Close()
				if got.StatusCode != status {
					t.Errorf("%s, host %s: %s %q, want %d", protocol, name, got.Status, body, status)
				}
			}
		}
	}
}

// TestUpstreamDown: an upstream that does not answer is a 502 that says so; when
// it is back, so are its pages, and what is stored is served meanwhile.
func TestUpstreamDown(t *testing.T) {
	address := testkit.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	_, stop := runApp(t, port)
	defer func() { stop() }()
	p := start(t, "-upstream", "http://"+address)
	for _, protocol := range protocols {
		if r := p.get(p.client(protocol), "/assets/style.css"); r.StatusCode != 200 {
			t.Fatalf("the asset: %s", r.Status)
		}
	}
	stop()
	for _, protocol := range protocols {
		c := p.client(protocol)
		for range 20 {
			r := p.get(c, "/")
			if r.StatusCode != 502 && r.StatusCode != 503 || len(r.body) > 1000 || r.body == "" || !strings.HasPrefix(r.Header.Get("Proxy-Status"), "hotpath; error=") {
				t.Errorf("%s: %s, Proxy-Status %q, %q", protocol, r.Status, r.Header.Get("Proxy-Status"), r.body)
			}
			if r := p.get(c, "/assets/style.css"); r.StatusCode != 200 || !strings.Contains(r.Header.Get("Cache-Status"), "; hit") {
				t.Errorf("%s: what is stored: %s, %v", protocol, r.Status, r.Header)
			}
		}
	}
	_, stop = runApp(t, port)
	back := time.Now()
	p.eventually("the upstream to be used again", func() error {
		if r := p.get(p.client("h2"), "/"); r.StatusCode != 200 {
			return fmt.Errorf("%s, %q", r.Status, r.Header.Get("Proxy-Status"))
		}
		return nil
	})
	t.Logf("used again after %v", time.Since(back))
}

// TestOneUpstreamDown: of two, one that goes away is never seen by a client, and
// gets its share when it is back.
func TestOneUpstreamDown(t *testing.T) {
	address := testkit.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	_, stop := runApp(t, port)
	defer func() { stop() }()
	file := filepath.Join(t.TempDir(), "hotpath.yaml")
	text := fmt.Sprintf("sites:\n  - default: true\n    upstream: [%s, http://%s]\n    health: {path: /counts, interval: 500ms, timeout: 500ms, unhealthy: 2}\n", startApp(t), address)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-config", file)
	use := func(n int) {
		t.Helper()
		for _, protocol := range protocols {
			c := p.client(protocol)
			for i := range n {
				if r := p.get(c, "/"); r.StatusCode != 200 {
					t.Errorf("%s, request %d: %s, %q", protocol, i, r.Status, r.Header.Get("Proxy-Status"))
				}
				r, err := c.Post(p.url+"/upload", "x/y", strings.NewReader("content"))
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, r.Body)
				_ = r.Body.Close()
				if r.StatusCode != 201 {
					t.Errorf("%s, upload %d: %s, %q", protocol, i, r.Status, r.Header.Get("Proxy-Status"))
				}
			}
		}
	}
	share := func() (n int) {
		r, err := http.Get("http://" + address + "/counts")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		counts := make(map[string]int)
		if err := json.NewDecoder(r.Body).Decode(&counts); err != nil {
			t.Fatal(err)
		}
		return counts["/"] + counts["/upload"]
	}
	use(20)
	if n := share(); n < 45 || n > 75 {
		t.Errorf("%d of 120 answers came from the second upstream", n)
	}
	stop()
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); { // three checks
		use(5)
	}
	series := fmt.Sprintf(`{upstream="http://%s"}`, address)
	m := p.metrics()
	if usable, there := m["hotpath_upstream_usable"+series]; !there || usable != 0 || p.sum("hotpath_upstream_usable") != 1 {
		t.Errorf("of the upstream that is down the metrics say usable=%v (there: %v), and %v of two are usable", usable, there, p.sum("hotpath_upstream_usable"))
	}
	if fetches, failures := m["hotpath_upstream_fetches_total"+series], m["hotpath_upstream_failures_total"+series]; fetches < 45 || failures < 1 || failures > fetches {
		t.Errorf("of the upstream that is down the metrics say %v fetches and %v failures", fetches, failures)
	}
	_, stop = runApp(t, port)
	began := time.Now()
	p.eventually("the second upstream to be used", func() error {
		if use(1); share() == 0 {
			return errors.New("it is not")
		}
		return nil
	})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it was used again after %v", took)
	}
}
