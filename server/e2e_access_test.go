package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/otlp"
)

// ask makes a request and reads its answer.
func (p *process) ask(c *http.Client, method, path string, fields ...string) int {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	for pair := range slices.Chunk(fields, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	answer, err := c.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode
}

// stop stops the server, which ends its logs.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.wantStopped()
}

// linesOf reads a log.
func linesOf(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// TestAccessLogOfTheBinary: every kind of request on both protocols, a line
// each, in JSON; and in Combined the form that log analysers read.
func TestAccessLogOfTheBinary(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "access.log")
			site := t.TempDir()
			for name, size := range map[string]int64{"1k": 1 << 10, "1m": 1 << 20, "large": 64 << 20} {
				if err := os.WriteFile(filepath.Join(site, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(filepath.Join(site, name), size); err != nil {
					t.Fatal(err)
				}
			}
			p := start(t, "-access-log", "all", "-access-log-format", "json", "-access-log-file", file, "-root", site)
			c := p.client(protocol)
			var want []string
			for _, r := range []struct {
				method, path string
				fields       []string
				bytes        int // -1: some
			}{
				{"GET", "/1k", nil, 1024},
				{"GET", "/1k?a=%22b", nil, 1024},
				{"GET", "/1k", nil, 1024},
				{"HEAD", "/1k", nil, 0},
				{"GET", "/1k", []string{"If-None-Match", "*"}, 0},
				{"GET", "/1k", []string{"Range", "bytes=0-99"}, 100},
				{"GET", "/1m", nil, 1 << 20}, // fetched
				{"GET", "/1m", nil, 1 << 20}, // from memory
				{"GET", "/large", nil, 64 << 20},
				{"GET", "/nothing", nil, -1},
				{"POST", "/", nil, -1},
			} {
				status := p.ask(c, r.method, r.path, r.fields...)
				bytes := fmt.Sprint(r.bytes)
				if r.bytes < 0 {
					bytes = "some"
				}
				want = append(want, fmt.Sprintf("%s %s %d %s", r.method, r.path, status, bytes))
			}
			answer, err := c.Get(p.url + "/large")
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close() // more than all windows and sockets hold
			want = append(want, "GET /large 200 some aborted")
			// net/http lets go of a broken connection before its handler ends.
			p.eventually("the last line", func() error {
				if n := len(linesOf(t, file)); n < len(want) {
					return fmt.Errorf("%d lines of %d", n, len(want))
				}
				return nil
			})
			p.stop()

			var got []string
			for _, line := range linesOf(t, file) {
				var l struct {
					Method, Path, Protocol, Remote, Host string
					Status, Bytes                        int
					Aborted                              bool
				}
				if err := json.Unmarshal([]byte(line), &l); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				summary := fmt.Sprintf("%s %s %d %d", l.Method, l.Path, l.Status, l.Bytes)
				switch {
				case l.Aborted && l.Bytes < 64<<20:
					summary = fmt.Sprintf("%s %s %d some aborted", l.Method, l.Path, l.Status)
				case l.Status >= 400 && l.Bytes > 0:
					summary = fmt.Sprintf("%s %s %d some", l.Method, l.Path, l.Status)
				}
				got = append(got, summary)
				if name := map[string]string{"h2": "HTTP/2.0", "http/1.1": "HTTP/1.1", "h3": "HTTP/3.0"}[protocol]; l.Protocol != name || l.Remote != "127.0.0.1" || !strings.HasPrefix(l.Host, "127.0.0.1:") {
					t.Errorf("protocol, remote or host of %s", line)
				}
			}
			slices.Sort(got) // a connection's lines may come after another's
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got\n%q, want\n%q", got, want)
			}
		})
	}
}

// TestAccessLogModes: to standard output, in Combined.
func TestAccessLogModes(t *testing.T) {
	combined := regexp.MustCompile(`^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET (/\S*) HTTP/2\.0" \d{3} (\d+|-) "-" "Go-http-client/2\.0"$`)
	for mode, want := range map[string]map[string]int{
		"off":     {},
		"errors":  {"/nothing": 20},
		"sampled": {"/nothing": 20},
		"all":     {"/nothing": 20, "/": 20},
	} {
		t.Run(mode, func(t *testing.T) {
			stdout, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
			if err != nil {
				t.Fatal(err)
			}
			defer stdout.Close()
			cmd := exec.Command(builtServer(t), serverFlags(t, "-access-log", mode, "-access-log-sample", "1000000000")...)
			cmd.Stdout = stdout
			p := startCommand(t, cmd)
			c := p.client("h2")
			for range 20 {
				p.ask(c, http.MethodGet, "/")
				p.ask(c, http.MethodGet, "/nothing")
			}
			p.stop()
			got := make(map[string]int)
			for _, line := range linesOf(t, stdout.Name()) {
				m := combined.FindStringSubmatch(line)
				if m == nil {
					t.Fatalf("no line: %q", line)
				}
				got[m[1]]++
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("lines %v, want %v", got, want)
			}
		})
	}
}

// TestAccessLogRotation: SIGUSR1 after a rename, as logrotate does it.
func TestAccessLogRotation(t *testing.T) {
	dir := t.TempDir()
	file, old := filepath.Join(dir, "access.log"), filepath.Join(dir, "access.log.1")
	p := start(t, "-access-log", "all", "-access-log-file", file)
	c := p.client("h2")
	p.ask(c, http.MethodGet, "/bench/1k.txt")
	p.eventually("its line, which may come after the answer", func() error {
		if n := len(linesOf(t, file)); n != 1 {
			return fmt.Errorf("%d lines", n)
		}
		return nil
	})
	if err := os.Rename(file, old); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGUSR1)
	p.eventually("the new file", func() error { _, err := os.Stat(file); return err })
	p.ask(c, http.MethodGet, "/")
	p.stop()
	if before, after := linesOf(t, old), linesOf(t, file); len(before) != 1 || len(after) != 1 || !strings.Contains(after[0], `"GET / `) {
		t.Errorf("%q in the old file, %q in the new one", before, after)
	}
	if _, logged := p.logged("access log reopened"); !logged {
		t.Error("the log says nothing of it")
	}
}

// TestAccessLogTroubles: neither a full disk nor a reader that went away, nor a
// SIGUSR1 if there is nothing to reopen, stops the server; what is lost is
// counted.
func TestAccessLogTroubles(t *testing.T) {
	lost := `hotpath_access_log_records_total{outcome="failed"}`
	wantLost := func(t *testing.T, p *process, failed float64) {
		t.Helper()
		p.signal(syscall.SIGUSR1)
		p.ask(p.client("h2"), http.MethodGet, "/")
		p.eventually("the loss to be counted", func() error {
			if got := p.metrics()[lost]; got != failed {
				return fmt.Errorf("%v records are lost, want %v", got, failed)
			}
			return nil
		})
	}
	t.Run("a full disk", func(t *testing.T) {
		testkit.NeedFull(t)
		p := start(t, "-access-log", "all", "-access-log-file", "/dev/full")
		wantLost(t, p, 1)
		p.eventually("the log to say so", func() error {
			if line, logged := p.logged("writing the access log"); !logged || !strings.Contains(line.Err, "no space") {
				return fmt.Errorf("it says %+v", line)
			}
			return nil
		})
	})
	t.Run("a reader that went away", func(t *testing.T) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(builtServer(t), serverFlags(t, "-access-log", "all")...)
		cmd.Stdout = w
		p := startCommand(t, cmd)
		w.Close()
		r.Close()
		wantLost(t, p, 1)
	})
	t.Run("off", func(t *testing.T) { wantLost(t, start(t), 0) })
	t.Run("a directory", func(t *testing.T) {
		dir := t.TempDir()
		status, _, stderr := command(t, nil, "-access-log", "all", "-access-log-file", dir)
		if status != exitUsage {
			t.Errorf("exit status %d, want 2", status)
		}
		wantOneLine(t, stderr, "access-log-file", dir, "is a directory")
	})
}

// TestHottestKeysOfTheBinary: the live page's stream names the path that is
// asked for, without an access log as well.
func TestHottestKeysOfTheBinary(t *testing.T) {
	p := start(t)
	c := p.client("h2")
	for range 20 * 1024 { // each counts with a chance of 1 in 1,024
		p.ask(c, http.MethodGet, "/bench/1k.txt?query")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.admin+"/live", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
		if strings.Contains(lines.Text(), `"/bench/1k.txt"`) {
			return
		}
	}
	t.Error("the stream does not name the path that was asked for")
}

// TestAccessLogFields: a line has what was chosen: of a hit and a miss alike the
// trace that the collector gets, and what the handshake agreed on.
func TestAccessLogFields(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			c := otlp.Start(t)
			file := filepath.Join(t.TempDir(), "access.log")
			p := start(t, "-access-log", "all", "-access-log-format", "json", "-access-log-file", file,
				"-access-log-fields", "path,cache,trace_id,tls_version,tls_cipher", "-otlp-endpoint", c.URL, "-trace-sample", "1")
			client := p.client(protocol)
			p.ask(client, "GET", "/")
			p.ask(client, "GET", "/")
			p.stop()
			lines := linesOf(t, file)
			slices.Sort(lines) // streams of HTTP/3 have goroutines of their own, and so no order
			if len(lines) != 2 {
				t.Fatalf("the lines are %q", lines)
			}
			for i, line := range lines {
				cache := []string{"hit", "miss"}[i]
				span := c.Wait(t, 1, serverSpan("/", cache))[0]
				form := regexp.MustCompile(`^{"path":"/","cache":"` + cache + `","trace_id":"` + span.Trace() + `","tls_version":"TLSv1.3","tls_cipher":"TLS_[A-Z0-9_]+"}$`)
				if !form.MatchString(line) {
					t.Errorf("the line is %s, want %s", line, form)
				}
			}
		})
	}
}
