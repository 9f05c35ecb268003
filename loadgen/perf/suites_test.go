//go:build linux

package perf

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// objectives are the promise at a rate.
func objectives(rate int) string {
	return fmt.Sprintf("rate>=%d,mean<=%v,errors<=0", rate, promisedMean)
}

// attack runs at a rate for a time and holds the run to the promise.
func attack(t *testing.T, s *server, rate int, d time.Duration, args ...string) *outcome {
	t.Helper()
	before := s.sum("hotpath_requests_total")
	o := s.load(t, append(args, "-rate", strconv.Itoa(rate), "-duration", d.String(), "-slo", objectives(rate))...)
	o.hold(s, before, rate)
	return o
}

const file = "/bench/1k.txt" // 1 KiB, of the demo site

// TestSLO is the promise: 150,000 requests/s at a mean of 3 ms, for a minute.
func TestSLO(t *testing.T) {
	s := startServer(t)
	o := attack(t, s, promisedRate/sizes().divide, sizes().slo, "-target", s.url+file)
	if o.memory > mostMemory {
		o.miss(t, "the load generator had %d MiB, the bar is %d", o.memory, mostMemory)
	}
}

// TestTwice keeps twice the rate.
func TestTwice(t *testing.T) {
	s := startServer(t)
	attack(t, s, twiceRate/sizes().divide, sizes().other, "-target", s.url+file)
}

// TestFullSpeed is a closed loop: as fast as it goes.
func TestFullSpeed(t *testing.T) {
	s := startServer(t)
	before := s.sum("hotpath_requests_total")
	o := s.load(t, "-target", s.url+file, "-duration", sizes().other.String(), "-slo", objectives(promisedRate))
	o.hold(s, before, 0)
}

// TestCapacity searches for the highest rate that holds the promise.
func TestCapacity(t *testing.T) {
	s := startServer(t)
	lowest := promisedRate / sizes().divide
	args := []string{"capacity", "-target", s.url + file, "-probe", sizes().probe.String(),
		"-min", strconv.Itoa(lowest), "-slo", fmt.Sprintf("mean<=%v,errors<=0", promisedMean)}
	if !*perf {
		args = append(args, "-max", strconv.Itoa(2*lowest), "-precision", "0.5")
	}
	o := s.load(t, args...)
	if o.Best < float64(lowest) {
		o.miss(t, "%.0f requests/s hold the promise, the bar is %d", o.Best, lowest)
	}
	t.Logf("%.0f requests/s hold the promise", o.Best)
}

// TestManyConnections keeps 19,000 connections, each of which asks once a
// second. The warm-up is for what 19,000 handshakes leave to both sides'
// collectors.
func TestManyConnections(t *testing.T) {
	s := startServer(t)
	n := manyConnections / sizes().divide
	attack(t, s, n, sizes().other, "-target", s.url+file, "-connections", strconv.Itoa(n), "-streams", "1", "-warmup", sizes().probe.String())
	if got := s.sum("hotpath_connections_accepted_total"); got != float64(n) {
		t.Errorf("the server has accepted %.0f connections, want %d", got, n)
	}
}

// TestMixed asks for more than the cache holds: every tenth request is a miss.
func TestMixed(t *testing.T) {
	const files, entries = 3000, 1024
	root := t.TempDir()
	var targets strings.Builder
	s := startServer(t, "-root", root, "-cache-entries", strconv.Itoa(entries))
	for i := range files {
		if err := os.WriteFile(filepath.Join(root, fmt.Sprintf("%d.txt", i)), []byte(strings.Repeat("x", 1024)), 0o644); err != nil {
			t.Fatal(err)
		}
		for hot := range 9 {
			fmt.Fprintf(&targets, "GET %s/%d.txt\n", s.url, hot)
		}
		fmt.Fprintf(&targets, "GET %s/%d.txt\n", s.url, i)
	}
	list := filepath.Join(t.TempDir(), "targets")
	if err := os.WriteFile(list, []byte(targets.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	attack(t, s, mixedRate/sizes().divide, sizes().other, "-targets", list)
	hits, misses := s.sum("hotpath_requests_total", `cache="hit"`), s.sum("hotpath_requests_total", `cache="miss"`)
	if hits == 0 || misses == 0 {
		t.Errorf("%.0f hits and %.0f misses: no mix", hits, misses)
	}
	t.Logf("%.0f hits, %.0f misses", hits, misses)
}

// TestHTTP1 is the same over HTTP/1.1.
func TestHTTP1(t *testing.T) {
	s := startServer(t)
	attack(t, s, h1Rate/sizes().divide, sizes().other, "-target", s.url+file, "-http1", "-connections", "64")
}
