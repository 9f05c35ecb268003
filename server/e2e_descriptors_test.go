//go:build linux

package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/server/admin"
)

// startLimited starts the server with a limit of open files.
func startLimited(t *testing.T, files int, flags ...string) *process {
	t.Helper()
	testkit.Need(t, "sh")
	args := append([]string{"-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, files), "sh", builtServer(t)}, serverFlags(t, flags...)...)
	return startCommand(t, exec.Command("sh", args...))
}

// silentUpstream agrees to every upgrade, and answers nothing else; neither ends
// before the test.
func silentUpstream(t *testing.T) string {
	t.Helper()
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			<-release
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		<-release
	}))
	t.Cleanup(func() {
		close(release)
		s.Close()
	})
	return s.URL
}

// descriptors is how many the process has open.
func (p *process) descriptors() int {
	p.t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(open)
}

// TestDescriptorsAreDivided has clients hold all that they can at once with 700
// descriptors: more requests and tunnels at two upstreams that never answer, more
// large files, and more connections than there may be. None of it takes what
// another part needs: every permit is a connection that works, and what is beyond a
// limit is refused, counted and logged.
func TestDescriptorsAreDivided(t *testing.T) {
	const limit, files, streams, tunnels, requests = 700, 100, 200, 100, 1000
	root := t.TempDir()
	for i := range files {
		if err := os.WriteFile(filepath.Join(root, fmt.Sprint(i)), make([]byte, 256<<10), 0o600); err != nil { // more than is buffered
			t.Fatal(err)
		}
	}
	p := startLimited(t, limit, "-max-stored", "1KiB", "-drain-timeout", "500ms", "-config", writeFile(t, fmt.Sprintf(`sites:
  - hosts: [silent.example]
    upstream: [%s, %s]
  - default: true
    root: %s
`, silentUpstream(t), silentUpstream(t), root)))
	began := time.Now()
	var attackers []*stubborn
	attack := func(method, authority, path, protocol string, n int) {
		for i := range n {
			if i%streams == 0 {
				s := p.stubborn()
				go func() { _, _ = io.Copy(io.Discard, s.Conn) }()
				attackers = append(attackers, s)
			}
			attackers[len(attackers)-1].send(method, authority, fmt.Sprint(path, i), protocol)
		}
	}
	attack("CONNECT", "silent.example", "/tunnel", "anything", tunnels)
	p.eventually("tunnels", func() error {
		if n := p.metrics()[`hotpath_origin_fetches_total{outcome="ok"}`]; n < tunnels {
			return fmt.Errorf("%v of %d", n, tunnels)
		}
		return nil
	})
	attack("GET", "silent.example", "/", "", requests)
	attack("GET", "127.0.0.1", "/", "", files)

	const refused = `hotpath_origin_fetches_total{outcome="refused"}`
	p.eventually("refused fetches", func() error {
		if n := p.metrics()[refused]; n < requests/2 {
			return fmt.Errorf("%v of %d", n, requests)
		}
		return nil
	})
	config := &tls.Config{RootCAs: testIdentity(t).pool}
	permits := int(p.metrics()["hotpath_connection_permits"])
	for i := len(attackers); i < permits; i++ {
		c, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "https://"), config)
		if err != nil {
			t.Fatalf("connection %d of %d: %v", i+1, permits, err)
		}
		defer c.Close()
	}
	if n := p.descriptors(); n > limit {
		t.Errorf("%d descriptors are open, of %d", n, limit)
	} else {
		t.Logf("%d descriptors are open, of %d; %d permits", n, limit, permits)
	}
	if permits < (limit-200)/2 {
		t.Errorf("%d connections are all that are permitted", permits)
	}
	m := p.metrics()
	for _, name := range []string{"hotpath_accept_errors_total", `hotpath_connections_refused_total{reason="descriptors"}`} {
		if m[name] != 0 {
			t.Errorf("%s is %v", name, m[name])
		}
	}
	if strings.Contains(p.output(), "too many open files") {
		t.Error("something had no descriptor")
	}
	lines, most := strings.Count(p.output(), "refusing a fetch"), int(time.Since(began)/time.Second)+2
	if lines == 0 || lines > most {
		t.Errorf("%d lines of the log for %v fetches that were refused, want 1 to %d", lines, m[refused], most)
	}
}

// TestFewDescriptors starts the server with a limit of open files that does not
// do for the connections it is to have: it says so, lowers its own limit, and
// holds it. The admin listener goes on answering.
func TestFewDescriptors(t *testing.T) {
	const files, permits = 200, 200 - restDescriptors - admin.MaxConns
	p := startLimited(t, files)
	line, ok := p.logged(fewDescriptors)
	if !ok || line.Level != "WARN" || line.Effective != permits {
		t.Errorf("the warning is %+v", line)
	}
	wantMetric := func(name string, want float64) {
		t.Helper()
		p.eventually(name, func() error {
			if got := p.metrics()[name]; got != want {
				return fmt.Errorf("%s is %v, want %v", name, got, want)
			}
			return nil
		})
	}
	wantMetric("hotpath_connection_permits", permits)
	wantMetric("hotpath_connection_permits_configured", 25000)

	address := strings.TrimPrefix(p.url, "https://")
	config := &tls.Config{RootCAs: testIdentity(t).pool}
	var open []*tls.Conn
	for range permits {
		c, err := tls.Dial("tcp", address, config)
		if err != nil {
			t.Fatalf("connection %d: %v", len(open)+1, err)
		}
		defer c.Close()
		open = append(open, c)
	}
	wantMetric("hotpath_connection_permits_in_use", permits)
	if c, err := tls.Dial("tcp", address, config); err == nil {
		c.Close()
		t.Error("a connection beyond the limit was taken")
	}
	wantMetric(`hotpath_connections_refused_total{reason="permits"}`, 1)
	if err := p.wantReady(http.StatusOK); err != nil {
		t.Error(err)
	}
	open[0].Close()
	wantMetric("hotpath_connection_permits_in_use", permits-1)
	c, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatalf("after one has left: %v", err)
	}
	c.Close()
}

// TestTooFewDescriptors: a limit with which nothing works is an error at the start.
func TestTooFewDescriptors(t *testing.T) {
	testkit.Need(t, "sh")
	args := append([]string{"-c", `ulimit -n 100 && exec "$@"`, "sh", builtServer(t)}, serverFlags(t)...)
	out, err := exec.CommandContext(t.Context(), "sh", args...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "RLIMIT_NOFILE allows 100 open files: at least 112 are needed") {
		t.Errorf("%v\n%s", err, out)
	}
}
