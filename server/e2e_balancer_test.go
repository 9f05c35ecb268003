//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// documentedDelay is the -drain-delay for the balancers in docs/operations.md.
func documentedDelay(t *testing.T) time.Duration {
	t.Helper()
	m := regexp.MustCompile("`-drain-delay (\\w+)` covers it").FindStringSubmatch(document(t, "docs/operations.md"))
	if m == nil {
		t.Fatal("docs/operations.md names no -drain-delay for the examples")
	}
	d, err := time.ParseDuration(m[1])
	return must(t, d, err)
}

// pair are two servers with the same ports at two addresses, as the examples have
// it; ports that are free stand in for the default ones. The first is drained.
type pair struct {
	a, b        *process
	port, admin string
}

func startPair(t *testing.T, delay time.Duration) *pair {
	t.Helper()
	port := func() string {
		_, port, err := net.SplitHostPort(testkit.FreeAddress(t))
		return must(t, port, err)
	}
	p := &pair{port: port(), admin: port()}
	run := func(host string, delay time.Duration) *process {
		return start(t, "-listen", net.JoinHostPort(host, p.port), "-admin", net.JoinHostPort(host, p.admin), "-drain-delay", delay.String())
	}
	p.a, p.b = run("127.0.0.1", delay), run("127.0.0.2", 0)
	return p
}

// local is an example with the addresses of the pair in place of its own.
func (p *pair) local(t *testing.T, text string) string {
	t.Helper()
	standard := config.Default()
	for _, r := range [][2]string{{"192.0.2.11", "127.0.0.1"}, {"192.0.2.12", "127.0.0.2"}, {portOf(t, standard.Listen), p.port}, {portOf(t, standard.Admin), p.admin}} {
		text = strings.ReplaceAll(text, r[0], r[1])
	}
	return text
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	return must(t, port, err)
}

// startBalancer runs a balancer until the test ends; it listens on address soon.
func startBalancer(t *testing.T, address string, stop os.Signal, name string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // by a signal, or with what it has said
		close(exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(stop)
		<-exited
		if t.Failed() {
			t.Logf("%s says:\n%s", name, tail(out.String()))
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-exited:
			t.Fatalf("%s has ended", name)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen: %v", name, err)
		}
	}
}

// clients ask behind a balancer until they are stopped: over connections that
// stay, of both protocols, and over a new one for each request.
type clients struct {
	stop    chan struct{}
	running sync.WaitGroup
	asked   atomic.Int64
	mu      sync.Mutex
	failed  []error
}

func (p *process) clients(address string) *clients {
	p.t.Helper()
	c := &clients{stop: make(chan struct{})}
	for _, protocol := range overTCP {
		for _, keep := range []bool{true, false} {
			client := p.client(protocol)
			client.Transport.(*http.Transport).DisableKeepAlives = !keep
			c.running.Go(func() {
				for {
					select {
					case <-c.stop:
						return
					case <-time.After(2 * time.Millisecond):
					}
					if err := c.ask(client, "https://"+address+"/"); err != nil {
						c.mu.Lock()
						c.failed = append(c.failed, fmt.Errorf("%s, kept %v: %w", protocol, keep, err))
						c.mu.Unlock()
					}
				}
			})
		}
	}
	return c
}

func (c *clients) ask(client *http.Client, url string) error {
	c.asked.Add(1)
	r, err := client.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return err
	}
	if r.StatusCode != http.StatusOK {
		return errors.New(r.Status)
	}
	return nil
}

// wantLossless drains one of the two servers behind a balancer that listens on
// address, while clients ask: each request is answered, and the other server goes on.
func (p *pair) wantLossless(t *testing.T, address string) {
	t.Helper()
	served := func(s *process) float64 { return s.sum("hotpath_requests_total", `class="2xx"`) }
	c := p.a.clients(address)
	defer c.running.Wait()
	p.a.eventually("requests at both servers", func() error {
		if a, b := served(p.a), served(p.b); a < 20 || b < 20 {
			return fmt.Errorf("%v and %v", a, b)
		}
		return nil
	})
	p.a.signal(syscall.SIGTERM)
	p.a.wantStopped()
	before := served(p.b)
	p.b.eventually("requests at the other server", func() error {
		if n := served(p.b) - before; n < 100 {
			return fmt.Errorf("%v", n)
		}
		return nil
	})
	close(c.stop)
	c.running.Wait()
	if len(c.failed) > 0 {
		t.Errorf("%d of %d requests were lost, the first: %v", len(c.failed), c.asked.Load(), c.failed[0])
	}
}

// TestHAProxyExample: the example for HAProxy drains without a loss, within the time
// that the document gives it.
func TestHAProxyExample(t *testing.T) {
	testkit.NeedTree(t)
	testkit.Need(t, "haproxy")
	p := startPair(t, documentedDelay(t))
	address := testkit.FreeAddress(t)
	file := writeFile(t, fmt.Sprintf(`
defaults
    timeout connect 5s
    timeout client 1m
    timeout server 1m
frontend public
    mode tcp
    bind %s
    default_backend hotpath
%s`, address, p.local(t, example(t, "backend hotpath"))))
	startBalancer(t, address, syscall.SIGTERM, "haproxy", "-db", "-f", file)
	p.wantLossless(t, address)
}

// TestNginxExample: the example for nginx drains without a loss, and without a
// delay.
func TestNginxExample(t *testing.T) {
	testkit.NeedTree(t)
	testkit.Need(t, "nginx")
	const module = "/usr/lib/nginx/modules/ngx_stream_module.so"
	load := ""
	if version, err := exec.Command("nginx", "-V").CombinedOutput(); err != nil {
		t.Fatal(err)
	} else if !regexp.MustCompile(`--with-stream(\s|$)`).Match(version) {
		if _, err := os.Stat(module); err != nil {
			testkit.Lacks(t, "nginx has no stream module: "+err.Error())
		}
		load = "load_module " + module + ";\n"
	}
	p := startPair(t, 0)
	address := testkit.FreeAddress(t)
	text := strings.Replace(p.local(t, example(t, "stream {")), "listen 443;", "listen "+address+";", 1)
	dir := t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	text = load + "daemon off;\nworker_processes 1;\nerror_log stderr warn;\npid nginx.pid;\nevents { worker_connections 1024; }\n" + text
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	startBalancer(t, address, os.Interrupt, "nginx", "-p", dir, "-c", file, "-e", "stderr")
	p.wantLossless(t, address)
}
