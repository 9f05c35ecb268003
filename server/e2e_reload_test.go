package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// configured is a server with a file that a test changes.
type configured struct {
	*process
	file string
}

func startConfigured(t *testing.T, text string, flags ...string) configured {
	t.Helper()
	file := writeFile(t, text)
	return configured{start(t, append([]string{"-config", file}, flags...)...), file}
}

// write puts another file in the place of the file.
func (c configured) write(text string) {
	c.t.Helper()
	err := os.WriteFile(c.file+".new", []byte(text), 0o600)
	if err == nil {
		err = os.Rename(c.file+".new", c.file)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// command runs a command that asks the server.
func (p *process) command(name string, args ...string) (status int, stdout, stderr string) {
	p.t.Helper()
	return command(p.t, nil, append([]string{name, "-admin", strings.TrimPrefix(p.admin, "http://")}, args...)...)
}

// reload changes the file and reloads, which must succeed.
func (c configured) reload(text string) (said string) {
	c.t.Helper()
	c.write(text)
	status, stdout, stderr := c.command("reload")
	if status != 0 || stderr != "" {
		c.t.Fatalf("reload: exit status %d, %q, %q", status, stdout, stderr)
	}
	return stdout
}

// reloads is how many reloads there were with an outcome.
func (p *process) reloads(outcome string) float64 {
	p.t.Helper()
	return p.metrics()[`hotpath_config_reloads_total{outcome="`+outcome+`"}`]
}

// fetchFrom asks for a path of a host, by the connections of c.
func (p *process) fetchFrom(c *http.Client, host, path string) (status int, body, cache string) {
	p.t.Helper()
	r, err := http.NewRequest("GET", p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Host = host
	answer, err := c.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header.Get("Cache-Status")
}

// TestReloadSites: what changes of what is served is served from then on, what
// does not change keeps its entries, and the connection stays.
func TestReloadSites(t *testing.T) {
	var asked atomic.Int64
	one, two, three := naming(t, "one", &asked), naming(t, "two", &asked), naming(t, "three", &asked)
	site := func(host string, rest ...string) string {
		return "- hosts: [" + host + "]\n  " + strings.Join(rest, "\n  ") + "\n"
	}
	before := "sites:\n" + site("a.test", "upstream: "+one) + site("b.test", "upstream: "+two) + site("c.test", "upstream: "+three) + site("d.test", "upstream: "+one)
	c := startConfigured(t, before)
	for _, protocol := range protocols {
		client := c.client(protocol)
		want := func(when, host, body string, hit bool) {
			t.Helper()
			status, text, cache := c.fetchFrom(client, host, "/x")
			if body == "" && (status == 421 || status == 404) {
				return
			}
			if status != 200 || text != body+" for "+host+"/x" || strings.Contains(cache, "; hit") != hit {
				t.Errorf("%s, %s, %s: %d %q, Cache-Status %q; want %q, hit %t", protocol, when, host, status, text, cache, body, hit)
			}
		}
		for range 4 { // so that the connection remembers the request
			c.fetchFrom(client, "a.test", "/x")
			c.fetchFrom(client, "b.test", "/x")
		}
		for _, host := range []string{"c.test", "d.test"} {
			c.fetchFrom(client, host, "/x")
		}
		// b is another server's, c is gone, d has other rules of storing, e is new,
		// and a has one more upstream.
		said := c.reload("sites:\n" + site("e.test", "upstream: "+three) + site("a.test", "upstream: ["+one+", http://127.0.0.1:9]", "balance: least_conn") +
			site("b.test", "upstream: "+three) + site("d.test", "upstream: "+one, "cache: {default-fresh: 1m}"))
		for _, line := range []string{
			"+ sites[e.test].hosts: e.test\n", "~ sites[b.test].upstream: " + two + " -> " + three + "\n", "- sites[c.test].upstream: " + three + "\n",
			"~ sites[d.test].cache.default-fresh: 0s -> 1m\n",
		} {
			if !strings.Contains(said, line) {
				t.Errorf("the changes are\n%swithout %q", said, line)
			}
		}
		want("after the reload", "a.test", "one", true)
		want("after the reload", "b.test", "three", false)
		want("after the reload", "c.test", "", false)
		want("after the reload", "d.test", "one", false)
		want("after the reload", "e.test", "three", false)
		want("once more", "b.test", "three", true)
		c.reload(before)
		want("after a second reload", "a.test", "one", true)
		want("after a second reload", "b.test", "two", false)
		want("after a second reload", "c.test", "three", false)
		want("after a second reload", "e.test", "", false)
	}
	if n := c.sum("hotpath_connections_accepted_total"); n != float64(len(protocols)) {
		t.Errorf("%v connections were opened, want one for each protocol", n)
	}
}

// TestReloadRefused: a file that is wrong, or has what needs a restart, changes
// nothing, and log, metrics, live page and the answer have the lines that say
// why.
func TestReloadRefused(t *testing.T) {
	s := testSite(t)
	valid := "root: " + s.root + "\nmax-body: 1MiB\n"
	c := startConfigured(t, valid)
	loaded := c.metrics()["hotpath_config_hash"]
	for _, tt := range []struct {
		name, text, outcome string
		says                []string
	}{
		{"half a file", "root: " + s.root + "\nmax-bo", "invalid", []string{"hotpath.yaml:2"}},
		{"a file that is about to be written", "", "invalid", []string{"hotpath.yaml", "is empty"}},
		{"a wrong value", "max-body: much\n", "invalid", []string{"hotpath.yaml:1: max-body", `"much"`, "allowed"}},
		{"a directory that is not there", "root: /nowhere/at/all\n", "invalid", []string{"/nowhere/at/all", "no such file"}},
		{"what needs a restart", valid + "cache-bytes: 64MiB\n", "restart", []string{"hotpath.yaml:3: cache-bytes", `"64MiB"`, "cannot change while the server runs", "256MiB"}},
		{"beside what does not", strings.Replace(valid, "1MiB", "2MiB", 1) + "log-format: text\nmax-conns: 7\n", "restart", []string{"max-conns", "25000"}},
	} {
		before := c.reloads(tt.outcome)
		c.write(tt.text)
		r, err := http.Post(c.admin+"/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if r.StatusCode != http.StatusConflict {
			t.Errorf("%s: %s %s", tt.name, r.Status, body)
		}
		for _, part := range tt.says {
			if !strings.Contains(string(body), part) {
				t.Errorf("%s: the answer %q does not say %q", tt.name, body, part)
			}
		}
		c.signal(syscall.SIGHUP)
		c.eventually("a second refusal", func() error {
			if n := c.reloads(tt.outcome) - before; n != 2 {
				return fmt.Errorf("%v reloads count as %s", n, tt.outcome)
			}
			return nil
		})
		if m := c.metrics(); m["hotpath_config_hash"] != loaded || m["hotpath_config_refused_timestamp_seconds"] < m["hotpath_config_loaded_timestamp_seconds"] {
			t.Errorf("%s: hash %v, loaded %v, refused %v", tt.name, m["hotpath_config_hash"], m["hotpath_config_loaded_timestamp_seconds"], m["hotpath_config_refused_timestamp_seconds"])
		}
	}
	status, _, stderr := c.command("reload")
	if status != exitFailure {
		t.Errorf("the command: exit status %d", status)
	}
	wantOneLine(t, stderr, "max-conns")
	if line, ok := c.logged("not reloaded: what was in use stays"); !ok || line.Level != "ERROR" || !strings.Contains(line.Err, "hotpath.yaml:2") {
		t.Errorf("the log has %+v", line)
	}
	c.wantOnPage("not reloaded", "cache-bytes")
	if said := c.reload(strings.Replace(valid, "1MiB", "2MiB", 1)); said != "~ max-body: 1MiB -> 2MiB\nreloaded, settings that changed: 1\n" {
		t.Errorf("a file that is right again: %q", said)
	}
	if c.metrics()["hotpath_config_hash"] == loaded {
		t.Error("the hash is that of the settings before")
	}
	c.wantOnPage(`"reloaded"`, "max-body: 1MiB -\\u003e 2MiB")
	page, err := http.Get(c.admin)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	if text, err := io.ReadAll(page.Body); err != nil || !strings.Contains(string(text), "2MiB") {
		t.Errorf("the live page does not show the new setting: %v", err)
	}
}

// wantOnPage waits until the journal of the live page has some parts.
func (p *process) wantOnPage(parts ...string) {
	p.t.Helper()
	p.eventually("the journal of the live page", func() error {
		ctx, cancel := context.WithTimeout(p.t.Context(), 2500*time.Millisecond) // it comes once a second
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, "GET", p.admin+"/live", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body) // until the deadline
		for _, part := range parts {
			if !strings.Contains(string(text), part) {
				return fmt.Errorf("it does not say %q", part)
			}
		}
		return nil
	})
}

// TestReloadDraining: a server that drains takes no reload.
func TestReloadDraining(t *testing.T) {
	s := testSite(t)
	c := startConfigured(t, "root: "+s.root+"\n")
	want := s.sized(streamed)
	r := begin(t, c.process, "h2", want) // keeps it draining
	c.signal(syscall.SIGTERM)
	c.eventually("draining", func() error { return c.wantReady(http.StatusServiceUnavailable) })
	c.write("root: " + s.root + "\nmax-body: 1MiB\n")
	c.eventually("a refusal", func() error {
		status, _, stderr := c.command("reload")
		if status != exitFailure || stderr != "hotpath: the server is draining\n" {
			return fmt.Errorf("exit status %d, %q", status, stderr)
		}
		return nil
	})
	if err := want.differs(r.Body); err != nil {
		t.Error(err)
	}
	c.wantStopped()
}

// TestReloadTogether: reloads that are asked for at the same time come one after
// the other, and each succeeds.
func TestReloadTogether(t *testing.T) {
	c := startConfigured(t, "max-body: 1MiB\n")
	c.write("max-body: 2MiB\n")
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			r, err := http.Post(c.admin+"/reload", "", nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			if r.StatusCode != http.StatusOK {
				t.Error(r.Status)
			}
		})
	}
	all.Wait()
	if n := c.reloads("applied"); n != 16 {
		t.Errorf("%v reloads were applied, want 16", n)
	}
	if n := strings.Count(c.output(), "max-body: 1MiB"); n != 1 {
		t.Errorf("%d reloads have changed the setting, want 1", n)
	}
}

// TestReloadFlags: without a file SIGHUP reads again what the flags name: a
// certificate that was renewed is presented, and one that is broken is not.
func TestReloadFlags(t *testing.T) {
	dir := t.TempDir()
	write := func(host string) (cert, key string) {
		t.Helper()
		cert, key, err := testkit.NewIdentity(host).Write(dir, "test")
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	cert, key := write("old.test")
	p := start(t, "-cert", cert, "-key", key)
	presented := func() string {
		t.Helper()
		c, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "https://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].DNSNames[0]
	}
	reload := func(outcome string) {
		t.Helper()
		before := p.reloads(outcome)
		p.signal(syscall.SIGHUP)
		p.eventually("the reload", func() error {
			if n := p.reloads(outcome) - before; n != 1 {
				return fmt.Errorf("%v reloads %s", n, outcome)
			}
			return nil
		})
	}
	if got := presented(); got != "old.test" {
		t.Fatalf("%s is presented", got)
	}
	write("new.test")
	reload("applied")
	if got := presented(); got != "new.test" {
		t.Errorf("%s is presented after the reload", got)
	}
	text, err := os.ReadFile(cert)
	if err == nil {
		err = os.WriteFile(cert, text[:len(text)/2], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	reload("invalid")
	if got := presented(); got != "new.test" {
		t.Errorf("%s is presented after a reload that was refused", got)
	}
}

// TestReloadOriginDown: an upstream that does not answer holds up no reload.
func TestReloadOriginDown(t *testing.T) {
	var asked atomic.Int64
	up := naming(t, "up", &asked)
	down := "http://" + testkit.FreeAddress(t)
	c := startConfigured(t, "sites:\n- hosts: [a.test]\n  upstream: "+up+"\n  health: {path: /up, interval: 100ms, timeout: 50ms}\n")
	client := c.client("h2")
	c.fetchFrom(client, "a.test", "/x")
	c.reload("sites:\n- hosts: [a.test]\n  upstream: " + down + "\n  health: {path: /up, interval: 100ms, timeout: 50ms}\n")
	if status, _, _ := c.fetchFrom(client, "a.test", "/x"); status != 502 {
		t.Errorf("an upstream that is down: %d, want 502", status)
	}
	c.reload("sites:\n- hosts: [a.test]\n  upstream: " + up + "\n")
	if status, body, _ := c.fetchFrom(client, "a.test", "/x"); status != 200 || body != "up for a.test/x" {
		t.Errorf("the upstream from before: %d %q", status, body)
	}
}
