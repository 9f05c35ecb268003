//go:build linux

package main

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// h2loadOutput is what h2load 1.52 prints.
const h2loadOutput = `starting benchmark...
spawning thread #0: 8 total client(s). 100000 total requests
TLS Protocol: TLSv1.3
Cipher: TLS_AES_128_GCM_SHA256
Server Temp Key: X25519 253 bits
Application protocol: h2
progress: 100% done

finished in 303.14ms, 329876.23 req/s, 332.21MB/s
requests: 100000 total, 100000 started, 100000 done, 100000 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 100000 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 100.71MB (105600944) total, 1.34MB (1400704) headers (space savings 92.63%), 97.66MB (102400000) data
                     min         max         mean         sd        +/- sd
time for request:       90us      3.54ms       525us       191us    71.36%
time for connect:     2.51ms      6.07ms      4.30ms      1.22ms    50.00%
time to 1st byte:     4.90ms      7.31ms      6.57ms       751us    87.50%
req/s           :   41253.94    41694.56    41502.44      139.34    75.00%
`

// wrkOutput is what wrk 4.1 prints with --latency.
const wrkOutput = `Running 2s test @ https://127.0.0.1:18443/1KiB.bin
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   535.11us  847.26us  27.50ms   98.60%
    Req/Sec   107.87k    22.99k  126.43k    80.00%
  Latency Distribution
     50%  451.00us
     75%  596.00us
     90%  797.00us
     99%    1.61ms
  214517 requests in 2.00s, 260.84MB read
Requests/sec: 107198.63
Transfer/sec:    130.35MB
`

func TestParseH2load(t *testing.T) {
	want := load{requests: 100000, elapsed: 303140 * time.Microsecond, mean: 525 * time.Microsecond, cipher: "TLS_AES_128_GCM_SHA256"}
	got, err := parseH2load(h2loadOutput)
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	seconds := strings.ReplaceAll(strings.ReplaceAll(h2loadOutput, "303.14ms", "3.03s"), "525us", "1.20s")
	if got, err := parseH2load(seconds); err != nil || got.elapsed != 3030*time.Millisecond || got.mean != 1200*time.Millisecond {
		t.Errorf("in seconds: got %+v, %v", got, err)
	}
}

func TestParseH2loadRefuses(t *testing.T) {
	for name, edit := range map[string][2]string{
		"a failed request": {"100000 succeeded, 0 failed", "99999 succeeded, 1 failed"},
		"a 404":            {"100000 2xx, 0 3xx, 0 4xx", "99999 2xx, 0 3xx, 1 4xx"},
		"no time":          {"time for request", "time for nothing"},
		"no end":           {"finished in", "not finished in"},
		"another unit":     {"303.14ms", "303.14min"},
	} {
		if got, err := parseH2load(strings.Replace(h2loadOutput, edit[0], edit[1], 1)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}

func TestParseWrk(t *testing.T) {
	want := load{requests: 214517, elapsed: 2 * time.Second, mean: 535110 * time.Nanosecond, p99: 1610 * time.Microsecond}
	got, err := parseWrk(wrkOutput)
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for name, edit := range map[string][2]string{
		"socket errors":  {"Requests/sec", "  Socket errors: connect 0, read 1, write 0, timeout 0\nRequests/sec"},
		"a 404":          {"Requests/sec", "  Non-2xx or 3xx responses: 3\nRequests/sec"},
		"no percentile":  {"     99% ", "     98% "},
		"no requests":    {"requests in", "requests out"},
		"no mean":        {"Latency   535.11us", "Latency   -"},
		"nothing at all": {wrkOutput, ""},
	} {
		if got, err := parseWrk(strings.Replace(wrkOutput, edit[0], edit[1], 1)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}

// TestParseTruncated cuts the outputs at every byte: a part is an error, or
// what the whole is.
func TestParseTruncated(t *testing.T) {
	whole, _ := parseH2load(h2loadOutput)
	for i := range h2loadOutput {
		if got, err := parseH2load(h2loadOutput[:i]); err == nil && got != whole {
			t.Errorf("h2load, %d bytes: %+v", i, got)
		}
	}
	whole, _ = parseWrk(wrkOutput)
	for i := range wrkOutput {
		if got, err := parseWrk(wrkOutput[:i]); err == nil && got != whole {
			t.Errorf("wrk, %d bytes: %+v", i, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(h2loadOutput)
	f.Add(wrkOutput)
	f.Add("1764000000000000\t200\t312\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, parse := range []func(string) (load, error){parseH2load, parseWrk} {
			if l, err := parse(s); err == nil && (l.requests < 0 || l.elapsed < 0 || l.mean < 0 || l.p99 < 0) {
				t.Errorf("%q: negative: %+v", s, l)
			}
		}
		_, _ = parseH2loadLog(strings.NewReader(s)) // nothing to compare it with: it must only not panic
	})
}

func TestParseH2loadLog(t *testing.T) {
	got, err := parseH2loadLog(strings.NewReader("1764000000000000\t200\t312\n1764000000000001\t200\t9\tmore\n"))
	if err != nil || !slices.Equal(got, []time.Duration{312 * time.Microsecond, 9 * time.Microsecond}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"1\t-1\t5\n", "1\t404\t5\n", "1\t200\n", "1\t200\tx\n", "\n"} {
		if got, err := parseH2loadLog(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: got %v, want an error", bad, got)
		}
	}
}

func TestPercentile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for _, tt := range []struct {
		all  []time.Duration
		p    float64
		want time.Duration
	}{
		{hundred, 0.99, 99}, {hundred, 1, 100}, {hundred, 0.5, 50}, {hundred, 0.001, 1},
		{[]time.Duration{7}, 0.99, 7}, {[]time.Duration{3, 1, 2}, 0.99, 3}, {[]time.Duration{3, 1, 2}, 0.34, 2},
	} {
		if got, err := percentile(tt.all, tt.p); err != nil || got != tt.want {
			t.Errorf("percentile %v of %d values = %d, %v; want %d", tt.p, len(tt.all), got, err, tt.want)
		}
	}
	if _, err := percentile(nil, 0.99); err == nil {
		t.Error("no values: want an error")
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		all  []float64
		want float64
	}{
		{nil, 0}, {[]float64{4}, 4}, {[]float64{9, 1}, 5}, {[]float64{5, 1, 9}, 5}, {[]float64{1, 2, math.Inf(1), 4, 0}, 2},
	} {
		before := slices.Clone(tt.all)
		if got := median(tt.all); got != tt.want {
			t.Errorf("median(%v) = %v, want %v", tt.all, got, tt.want)
		}
		if !slices.Equal(before, tt.all) {
			t.Errorf("median has reordered %v", before)
		}
	}
}
