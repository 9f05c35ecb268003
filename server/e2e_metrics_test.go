package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// metrics are the samples at /metrics, by name with labels as they are written
// there.
func (p *process) metrics() map[string]float64 {
	p.t.Helper()
	r, err := http.Get(p.admin + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	samples := make(map[string]float64)
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || at < 0 {
			continue
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			p.t.Fatalf("/metrics: %q: %v", line, err)
		}
		samples[line[:at]] = value
	}
	return samples
}

// sum adds up the samples of a metric that have all of these labels.
func (p *process) sum(name string, labels ...string) (total float64) {
	p.t.Helper()
next:
	for sample, value := range p.metrics() {
		bare, rest, _ := strings.Cut(sample, "{")
		if bare != name {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(rest, label) {
				continue next
			}
		}
		total += value
	}
	return total
}

// TestMetricsCountExactly sends known traffic on one connection of each
// protocol, and looks for it in the metrics: every request once, under the
// right labels.
func TestMetricsCountExactly(t *testing.T) {
	p := start(t)
	type request struct {
		n             int
		method, path  string
		name, value   string // of a field
		status        int
		class, result string // that it must be counted under
	}
	traffic := func(index string) []request {
		return []request{
			{1, "GET", index, "", "", 200, "2xx", "miss"},
			{50, "GET", index, "", "", 200, "2xx", "hit"},
			{20, "GET", index + "?query=dropped", "", "", 200, "2xx", "hit"},
			{3, "HEAD", index, "", "", 200, "2xx", "hit"},
			{4, "GET", index, "If-None-Match", "*", 304, "3xx", "hit"},
			{2, "GET", index, "Range", "bytes=0-9", 206, "2xx", "hit"},
			{2, "GET", index, "If-Match", `"another"`, 412, "4xx", "hit"},
			{5, "GET", "/nothing", "", "", 404, "4xx", "miss"},
			{2, "GET", "/how", "", "", 301, "3xx", "miss"},
			{3, "POST", index, "", "", 405, "4xx", "bypass"},
			{1, "OPTIONS", index, "", "", 204, "2xx", "bypass"},
			{2, "GET", "/%00", "", "", 400, "4xx", "bypass"},
		}
	}
	want := make(map[string]float64)
	var h2Streams float64
	for protocol, label := range map[string]string{"h2": "h2", "http/1.1": "h1"} {
		c := p.client(protocol)
		c.Transport.(*http.Transport).MaxConnsPerHost = 1                    // a busy client may dial a second one beside
		index := map[string]string{"h2": "/", "http/1.1": "/how/"}[protocol] // one miss for each
		for _, r := range traffic(index) {
			for range r.n {
				req, err := http.NewRequest(r.method, p.url+r.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if r.name != "" {
					req.Header.Set(r.name, r.value)
				}
				answer, err := c.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, answer.Body); err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				if answer.StatusCode != r.status {
					t.Errorf("%s %s %s over %s: %s, want %d", r.method, r.path, r.name, protocol, answer.Status, r.status)
				}
			}
			want[fmt.Sprintf("hotpath_requests_total{cache=%q,class=%q,protocol=%q}", r.result, r.class, label)] += float64(r.n)
			want[fmt.Sprintf("hotpath_request_duration_seconds_count{cache=%q}", r.result)] += float64(r.n)
			if label == "h2" {
				h2Streams += float64(r.n)
			}
		}
	}
	want["hotpath_streams_total"] = h2Streams
	want["hotpath_streams_open"] = 0
	want["hotpath_connections_accepted_total"] = 2
	want["hotpath_connection_permits_in_use"] = 2
	want[`hotpath_connections{state="h2"}`] = 1
	want[`hotpath_connections{state="h1"}`] = 1
	want[`hotpath_connections{state="handshake"}`] = 0
	want[`hotpath_tls_handshakes_total{outcome="ok",version="1.3"}`] = 2
	want["hotpath_cache_entries"] = 2
	want["hotpath_panics_total"] = 0
	want["hotpath_draining"] = 0

	p.eventually("the counts", func() error {
		got := p.metrics()
		for name, value := range want {
			if got[name] != value {
				return fmt.Errorf("%s is %v, want %v", name, got[name], value)
			}
		}
		return nil
	})
	got := p.metrics()
	var requests float64
	for name, value := range got {
		switch {
		case strings.HasPrefix(name, "hotpath_requests_total"):
			requests += value
		case strings.HasPrefix(name, "hotpath_protocol_errors_total"), strings.HasPrefix(name, "hotpath_limit_breaches_total"):
			if value != 0 {
				t.Errorf("%s is %v after traffic that breaks nothing", name, value)
			}
		}
	}
	if requests != 2*h2Streams {
		t.Errorf("%v requests are counted, want %v", requests, 2*h2Streams)
	}
	const pages = 2 * 71 * 1000 // 71 whole pages on each connection, of more than 1,000 bytes
	if sent := got["hotpath_sent_bytes_total"]; sent < pages || sent > 2e6 {
		t.Errorf("%v bytes sent, want some hundreds of thousands", sent)
	}
	if received := got["hotpath_received_bytes_total"]; received < 2000 || received > 200e3 {
		t.Errorf("%v bytes received, want some tens of thousands", received)
	}
	for _, name := range []string{"go_goroutines", "process_open_fds", "process_resident_memory_bytes", `hotpath_cache_bytes`} {
		if got[name] <= 0 {
			t.Errorf("%s is %v", name, got[name])
		}
	}
}

// TestMetricsOfLargeHits: a hit that outlasts its turn is one request, and one
// duration.
func TestMetricsOfLargeHits(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "1m"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-root", root)
	const hits = 10
	for _, protocol := range protocols {
		c := p.client(protocol)
		for range hits {
			p.ask(c, http.MethodGet, "/1m")
		}
	}
	total := float64(len(protocols) * hits)
	p.eventually("the counts", func() error {
		counted := p.sum("hotpath_requests_total", `cache="hit"`)
		timed := p.sum("hotpath_request_duration_seconds_count", `cache="hit"`)
		missed := p.sum("hotpath_request_duration_seconds_count", `cache="miss"`)
		if counted != total-1 || timed != total-1 || missed != 1 {
			return fmt.Errorf("%v hits and %v durations of hits, %v of misses; want %v, %[4]v and 1", counted, timed, missed, total-1)
		}
		return nil
	})
}

// TestTimestamps: when the configuration was read, and when the certificate
// ends, one from a file and one that the server signed itself.
func TestTimestamps(t *testing.T) {
	begin := time.Now().Truncate(time.Second)
	for _, tt := range []struct {
		name  string
		flags []string
		life  time.Duration // of the certificate, from its making
		slack time.Duration // of what is known of that moment
	}{
		{"from a file", nil, 24 * time.Hour, time.Hour},
		{"self-signed", []string{"-cert", "", "-key", ""}, 90 * 24 * time.Hour, time.Minute},
	} {
		got := start(t, tt.flags...).metrics()
		loaded := time.Unix(int64(got["hotpath_config_loaded_timestamp_seconds"]), 0)
		if loaded.Before(begin) || loaded.After(time.Now()) {
			t.Errorf("%s: configuration read at %v, want between %v and now", tt.name, loaded, begin)
		}
		life := time.Unix(int64(got["hotpath_tls_certificate_expiry_timestamp_seconds"]), 0).Sub(begin)
		if life < tt.life-tt.slack || life > tt.life+tt.slack {
			t.Errorf("%s: the certificate ends in %v, want %v", tt.name, life, tt.life)
		}
	}
}

// TestHostilePathsMakeNoSeries asks for 12,000 paths that no other client asks for:
// what a client sends is no label.
func TestHostilePathsMakeNoSeries(t *testing.T) {
	p := start(t)
	series := func() []string { return slices.Sorted(maps.Keys(p.metrics())) }
	before := series()
	const requests, workers = 12_000, 12
	var group errgroup.Group
	for _, protocol := range protocols {
		c := p.client(protocol)
		for worker := range workers / len(protocols) {
			group.Go(func() error {
				for n := range requests / workers {
					path := fmt.Sprintf("/%d-%d/%%22%%7Ble=%%22+Inf%%22%%7D%%0A/metrics?%s", worker, n, strings.Repeat("x", n%500))
					if n%2 == 0 {
						path = fmt.Sprintf("/%d-%d/%%00/..%%2f?a=%%22", worker, n)
					}
					answer, err := c.Get(p.url + path)
					if err != nil {
						return err
					}
					if _, err := io.Copy(io.Discard, answer.Body); err != nil {
						return err
					}
					answer.Body.Close()
					if answer.StatusCode != http.StatusNotFound && answer.StatusCode != http.StatusBadRequest {
						return fmt.Errorf("%s over %s: %s", path, protocol, answer.Status)
					}
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	p.eventually("all to be counted", func() error {
		if n := p.sum("hotpath_requests_total", `class="4xx"`); n != requests {
			return fmt.Errorf("%v requests are counted, want %d", n, requests)
		}
		return nil
	})
	if after := series(); !slices.Equal(before, after) {
		t.Errorf("%d series before, %d after", len(before), len(after))
	}
}
