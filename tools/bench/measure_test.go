//go:build linux

package main

import (
	"errors"
	"flag"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// TestMain lets the test binary be the contenders that bench itself is, and
// ReverseProxy in hotpath's place: nothing here is about hotpath.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-listen" {
		flags := flag.NewFlagSet("", flag.ExitOnError)
		given := make(map[string]*string)
		for _, name := range []string{"listen", "admin", "cert", "key", "upstream", "max-body", "max-conns", "cache-bytes", "cache-entries", "max-stored"} {
			given[name] = flags.String(name, "", "")
		}
		_ = flags.Parse(os.Args[1:]) // it exits
		upstream := strings.TrimPrefix(*given["upstream"], "http://")
		log.Fatal(serveReverseProxy([]string{*given["listen"], *given["cert"], *given["key"], upstream}))
	}
	if len(os.Args) > 1 && os.Args[1] == reverseProxyCommand {
		log.Fatal(serveReverseProxy(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == netHTTPCommand {
		log.Fatal(serveNetHTTP(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// tinySizes measure nothing well, but everything.
var tinySizes = sizes{
	rounds: 2, load: 20 * time.Millisecond, percentile: 10 * time.Millisecond,
	idle: 16, handshakes: 8, many: 200, manyLoad: 20 * time.Millisecond,
	hits: 20, large: 1 << 20, keys: 50 * time.Millisecond,
}

func newState(t *testing.T, servers ...string) *state {
	t.Helper()
	s, err := newSite(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &state{site: s, size: tinySizes, runs: make(map[cell]int), res: newResults(servers)}
}

func self(t *testing.T) string {
	t.Helper()
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func needTools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		testkit.Need(t, name)
	}
}

// rowsNamed are the rows of these names.
func rowsNamed(t *testing.T, names string) []row {
	t.Helper()
	rows, err := chooseRows(allRows(), "^("+names+")$")
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestMeasureWithoutTools measures what needs no load generator.
func TestMeasureWithoutTools(t *testing.T) {
	st := newState(t, netHTTP)
	err := measureAll(t.Context(), []contender{netHTTPContender(self(t))}, rowsNamed(t, "idle|handshake|many"), st)
	if err != nil {
		t.Fatal(err)
	}
	for row, m := range map[string]metric{rowIdle: memoryPerConn, rowHandshake: cpuPerHandshake} {
		if got := st.res.values[cell{row, netHTTP, m}]; len(got) != tinySizes.rounds {
			t.Errorf("%s: %d values, want one a round", row, len(got))
		}
	}
	if v, _ := st.res.median(rowHandshake, netHTTP, cpuPerHandshake); v <= 0 {
		t.Errorf("a handshake takes %v µs", v)
	}
	if got := st.res.values[cell{rowMany, netHTTP, memoryPerConn}]; got != nil {
		t.Error("the row many was measured for another server than hotpath")
	}
}

// TestMeasureLoad measures with both load generators, and the row that only
// hotpath has, with net/http in its place.
func TestMeasureLoad(t *testing.T) {
	needTools(t, "h2load", "wrk")
	c := netHTTPContender(self(t))
	c.name = hotpath
	st := newState(t, hotpath)
	st.size.rounds = 1
	if err := measureAll(t.Context(), []contender{c}, rowsNamed(t, "h2-8x32-1KiB|h1-64-1MiB|many"), st); err != nil {
		t.Fatal(err)
	}
	for row, metrics := range map[string][]metric{
		"h2-8x32-1KiB": {cpuPerRequest, requestRate, meanLatency, p99Latency},
		"h1-64-1MiB":   {cpuPerRequest, bytesPerCPU, requestRate, meanLatency, p99Latency},
		rowMany:        {cpuPerRequest, requestRate, meanLatency, p99Latency},
	} {
		for _, m := range metrics {
			if v, ok := st.res.median(row, hotpath, m); !ok || v <= 0 {
				t.Errorf("%s: %s = %v, %v", row, metricInfos[m].title, v, ok)
			}
		}
	}
	if st.res.ciphers[hotpath] == "" {
		t.Error("the cipher is not known")
	}
	if len(st.res.notes) != 1 || !strings.Contains(st.res.notes[0], "2 of them active") {
		t.Errorf("notes %q", st.res.notes)
	}
}

// TestPeers starts the other servers with the configuration that we write and
// compares what they serve.
func TestPeers(t *testing.T) {
	for name, c := range map[string]contender{h2o: h2oContender(), nginx: nginxContender()} {
		t.Run(name, func(t *testing.T) {
			if name == nginx {
				needTools(t, servers.NginxPath())
			} else {
				needTools(t, name)
			}
			st := newState(t)
			p, err := start(t.Context(), c, st.site)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Stop()
			if err := verify(t.Context(), p, st.site); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestVerifyFindsAnotherBody(t *testing.T) {
	st := newState(t)
	p, err := start(t.Context(), netHTTPContender(self(t)), st.site)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if err := verify(t.Context(), p, st.site); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(st.site.root, bodies[1].file()), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := verify(t.Context(), p, st.site); err == nil || !strings.Contains(err.Error(), bodies[1].file()) {
		t.Errorf("got %v, want an error about %s", err, bodies[1].file())
	}
}

// TestStopEndsTheGroup leaves no process behind.
func TestStopEndsTheGroup(t *testing.T) {
	st := newState(t)
	p, err := start(t.Context(), netHTTPContender(self(t)), st.site)
	if err != nil {
		t.Fatal(err)
	}
	p.Stop()
	if err := syscall.Kill(p.Cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
	p.Stop() // again: nothing happens
}

func TestStartReportsWhatTheServerSays(t *testing.T) {
	st := newState(t)
	broken := contender{name: "broken", command: func(*site, string, string) (*exec.Cmd, error) {
		return exec.Command(self(t), netHTTPCommand), nil // without its arguments
	}}
	_, err := start(t.Context(), broken, st.site)
	if err == nil || !strings.Contains(err.Error(), "broken") || !strings.Contains(err.Error(), "want address") {
		t.Errorf("got %v, want the server's own words", err)
	}
}

func TestConnKeepsItsTable(t *testing.T) {
	st := newState(t)
	p, err := start(t.Context(), netHTTPContender(self(t)), st.site)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	c, err := openConn(t.Context(), p.Addr, manySource, bodies[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bodies[:3] { // within the first flow-control window
		if err := c.get(p.Addr, b); err != nil {
			t.Errorf("%s: %v", b.name, err)
		}
	}
	if err := c.get(p.Addr, body{name: "missing", size: 1}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a missing file: %v, want 404", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestChooseRows(t *testing.T) {
	if rows, err := chooseRows(allRows(), ""); err != nil || len(rows) != len(bodies)*len(shapes)+3 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if _, err := chooseRows(allRows(), "nothing"); err == nil || !strings.Contains(err.Error(), "h2-8x32-1KiB") {
		t.Errorf("got %v, want the names that there are", err)
	}
	if _, err := chooseRows(allRows(), "("); err == nil {
		t.Error("a bad expression: want an error")
	}
}

func TestChooseContenders(t *testing.T) {
	needTools(t, h2o, servers.NginxPath())
	for _, tt := range []struct {
		o    options
		want string // names, or an error's part after "!"
	}{
		{options{server: "x"}, "hotpath h2o nginx net/http"},
		{options{server: "x", baseline: "y"}, "hotpath baseline"},
		{options{only: "net/http,h2o"}, "h2o net/http"},
		{options{only: "apache"}, `!"apache" is none of hotpath, h2o, nginx, net/http`},
		{options{only: "baseline"}, "!none of"},
	} {
		contenders, err := chooseContenders(t.Context(), tt.o, t.TempDir())
		if part, bad := strings.CutPrefix(tt.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%+v: %v, want %s", tt.o, err, part)
			}
			continue
		}
		var names []string
		for _, c := range contenders {
			names = append(names, c.name)
		}
		if got := strings.Join(names, " "); err != nil || got != tt.want {
			t.Errorf("%+v: %s, %v; want %s", tt.o, got, err, tt.want)
		}
	}
}

// TestLeast expects enough requests to outweigh handshakes, and no more than some
// hundred MiB of large bodies for it.
func TestLeast(t *testing.T) {
	for _, tt := range []struct {
		s    shape
		b    body
		want int
	}{
		{shapes[2], bodies[1], 256 * 100},
		{shapes[0], bodies[1], 256 * 100},
		{shapes[0], bodies[2], 256 * 64},
		{shapes[0], bodies[3], 256},
		{shapes[1], bodies[3], 512},
	} {
		if got := least(tt.s, tt.b, 100); got != tt.want {
			t.Errorf("%s, %s: %d requests, want %d", tt.s.name, tt.b.name, got, tt.want)
		}
	}
}
