//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/tools/attack/attackers"
	"github.com/e0ac7cd4/hotpath/tools/attack/catalog"
)

// TestMain is the process too that attacks.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == attackers.Command {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestSoak is the tool with -duration, for a moment: every bar is met that can be judged,
// and what was mixed in took place.
func TestSoak(t *testing.T) {
	testkit.NeedTree(t)
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	t.Chdir("../..")
	samples := filepath.Join(t.TempDir(), "samples.csv")
	var out testkit.LogBuffer
	// A cache that is full in time, and attacks that leave the rest of it alone.
	o := options{duration: 15 * time.Second, rate: 1000, samples: samples, cache: 64 << 20, only: "^(rapid-reset|ping-flood|slow-head|random-keys|origin-heads)$"}
	if err := run(t.Context(), o, &out); err != nil && !errors.Is(err, errFailed) {
		t.Errorf("%v\n%s", err, out.String())
	}
	for line := range strings.Lines(out.String()) {
		// Attackers run while nothing else would, which on a busy machine may be never.
		if strings.HasSuffix(strings.TrimSpace(line), "FAIL") && !strings.HasPrefix(line, attacks) {
			t.Errorf("%s\n%s", line, out.String())
		}
	}
	for _, want := range []string{"too short to judge", "HTTP/1.1, misses", "at rest again after", "goroutines, at rest again"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report has no %q:\n%s", want, out.String())
		}
	}
	csv, err := os.ReadFile(samples)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(csv), "\n"); !strings.HasPrefix(string(csv), "seconds,memory,") || lines < 8 {
		t.Errorf("%d lines of samples in\n%s", lines, csv)
	}
}

// TestExcused: a failure is the origin's if the server could not do otherwise, and it
// was away meanwhile.
func TestExcused(t *testing.T) {
	at := func(seconds float64) time.Time {
		return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
	}
	downs := []span{{begin: at(10), end: at(11)}, {begin: at(20)}}
	for _, tt := range []struct {
		about      string
		begin, end float64
		why        string
		want       bool
	}{
		{"before", 8, 9.9, "status 502", false},
		{"refused while it was away", 10.5, 10.5, "status 502", true},
		{"it went away meanwhile", 9, 10.2, "status 504", true},
		{"in the grace", 12.9, 13, "status 503", true},
		{"behind it", 13.1, 13.2, "status 502", false},
		{"it is away still", 25, 25.1, "status 502", true},
		{"a request that waited for all of it", 9, 14, "status 504", true},
		{"a status that no origin causes", 10.5, 10.6, "status 404", false},
		{"the connection to the server", 10.5, 10.6, "connection reset by peer", false},
		{"a timeout", 10.5, 20.5, "timeout", false},
		{"a content that the origin broke off, HTTP/2", 9.9, 10.1, "reset: INTERNAL_ERROR", true},
		{"HTTP/1.1, of a known length", 9.9, 10.1, "length: the content ended early", true},
		{"HTTP/1.1, in chunks", 9.9, 10.1, "closed: by the server, under a request", true},
		{"one that began behind that", 10.1, 10.2, "reset: INTERNAL_ERROR", false},
		{"one in the grace", 11.5, 11.6, "length: the content ended early", false},
		{"one of long before", 8, 9, "reset: INTERNAL_ERROR", false},
		{"a reset of another kind", 9.9, 10.1, "reset: PROTOCOL_ERROR", false},
	} {
		if got := excused(downs, at(tt.begin), at(tt.end), tt.why); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.about, got, tt.want)
		}
	}
}

// TestOriginAway: the origin remembers when it was away, and no more than it needs.
func TestOriginAway(t *testing.T) {
	o, err := startOrigin()
	if err != nil {
		t.Fatal(err)
	}
	defer o.down()
	if now := time.Now(); o.excuses(now, now, "status 502") {
		t.Error("it was never away, and excuses a failure")
	}
	for range 2 * mostDowns {
		o.down()
		if err := o.up(); err != nil {
			t.Fatal(err)
		}
	}
	if now := time.Now(); !o.excuses(now, now, "status 502") {
		t.Error("it was away a moment ago, and excuses no failure")
	}
	if len(o.downs) != mostDowns {
		t.Errorf("%d times are kept, want %d", len(o.downs), mostDowns)
	}
}

// TestOrigin: each key has a content of its own, a validator and a tag.
func TestOrigin(t *testing.T) {
	o := &origin{content: make([]byte, mostSize+keys)}
	least, most, sum := mostSize, 0, 0
	for n := range keys {
		w := httptest.NewRecorder()
		o.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("/key/%d", n), nil))
		least, most, sum = min(least, w.Body.Len()), max(most, w.Body.Len()), sum+w.Body.Len()
		if w.Code != 200 || w.Header().Get("Surrogate-Key") != tagOf(n) {
			t.Fatalf("key %d: %d %v", n, w.Code, w.Header())
		}
	}
	if least != leastSize || most > mostSize || sum < 2*soakCache {
		t.Errorf("contents have %d to %d bytes, together %d, which has to be more than a cache of %d holds", least, most, sum, soakCache)
	}
	r := httptest.NewRequest("GET", "/key/7", nil)
	r.Header.Set("If-None-Match", `"7"`)
	w := httptest.NewRecorder()
	if o.ServeHTTP(w, r); w.Code != 304 {
		t.Errorf("a validation: %d, want 304", w.Code)
	}
	w = httptest.NewRecorder()
	if o.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("/key/%d", keys), nil)); w.Code != 404 {
		t.Errorf("a key too many: %d, want 404", w.Code)
	}
}

// TestPurges: in a minute each form is there, hard and soft, and all of the cache goes
// but rarely.
func TestPurges(t *testing.T) {
	seen := make(map[string]int)
	for i := range 60 {
		v := purgeOf(i, "https://127.0.0.1:8443", func(n int) int { return n - 1 })
		for _, form := range []string{"url", "prefix", "tag", "host", "all"} {
			if v.Has(form) {
				seen[form+v.Get("soft")]++
			}
		}
		if v.Has("host") && v.Get("host") != "127.0.0.1" {
			t.Errorf("purge %d is of the host %q", i, v.Get("host"))
		}
	}
	for _, want := range []string{"url", "url1", "prefix", "prefix1", "tag", "tag1", "host1"} {
		if seen[want] < 5 {
			t.Errorf("%s: %d of 60 purges, want several", want, seen[want])
		}
	}
	if seen["all"]+seen["all1"] != 1 || seen["host"] != 1 {
		t.Errorf("all of the cache goes in %v of 60 purges, want one of each", seen)
	}
}

// TestAttackTimes: each attack has its moment, however long the run.
func TestAttackTimes(t *testing.T) {
	for _, tt := range []struct{ duration, want time.Duration }{
		{15 * time.Second, 2 * time.Second},
		{2 * time.Hour, 7200 * time.Millisecond},
		{1000 * time.Hour, 30 * time.Second},
	} {
		if got := attackTime(tt.duration, 50); got != tt.want {
			t.Errorf("of %v: %v, want %v", tt.duration, got, tt.want)
		}
	}
	left := 0
	for _, a := range catalog.All() {
		if leftOut(a) != "" {
			left++
		}
	}
	if chosen := len(chosenAttacks(regexp.MustCompile(""))); chosen < 40 || left != 2 {
		t.Errorf("%d attacks are performed, and %d left out, want two", chosen, left)
	}
}

// TestSampling: what is kept of a run is bounded.
func TestSampling(t *testing.T) {
	for _, tt := range []struct{ duration, want time.Duration }{
		{2 * time.Minute, time.Second},
		{8 * time.Hour, 10 * time.Second},
		{1000 * time.Hour, 6 * time.Minute},
	} {
		if got := sampling(tt.duration); got != tt.want {
			t.Errorf("of %v: every %v, want %v", tt.duration, got, tt.want)
		}
	}
}

// TestSeries: what is read of /metrics, and what is summed of it.
func TestSeries(t *testing.T) {
	all, err := parseSeries([]byte("# HELP go_goroutines x\ngo_goroutines 23\na_total{x=\"1 2\",y=\"3\"} 4\na_total{x=\"5\"} 1e3\n"))
	if err != nil || all["go_goroutines"] != 23 || all.sum("a_total", "") != 1004 || all.sum("a_total{", `x="5"`) != 4 {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := parseSeries([]byte("go_goroutines many\n")); err == nil {
		t.Error("a number that is none: want an error")
	}
}

// TestFaults: what the log of a server says that no run may have.
func TestFaults(t *testing.T) {
	for line, want := range map[string]bool{
		"WARNING: DATA RACE\n":                           true,
		"panic: runtime error: index out of range\n":     true,
		"fatal error: concurrent map writes\n":           true,
		"time=… level=INFO msg=serving address=…\n":      false,
		"time=… level=WARN msg=\"no panic: all well\"\n": false,
	} {
		if isFault(line) != want {
			t.Errorf("%q: %t, want %t", line, !want, want)
		}
	}
}
