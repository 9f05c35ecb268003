package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

// cached is a run over an edge: of 20 answers 15 are hits, and the origin had 4.
func cached() *measure.Run {
	r := &measure.Run{Target: "https://127.0.0.1/", Targets: 1, Protocol: "h2", Connections: 1, Streams: 1, Duration: time.Second, Total: measure.NewTally()}
	add := func(n int, note exchange.CacheNote) {
		for range n {
			r.Total.Add(&exchange.Outcome{Status: 200, Ended: time.Millisecond, Cache: note})
		}
	}
	add(15, exchange.CacheNote{State: exchange.CacheHit, HasAge: true, Age: 12})
	add(3, exchange.CacheNote{State: exchange.CacheURIMiss})
	add(1, exchange.CacheNote{State: exchange.CacheStale, Collapsed: true, HasAge: true, Age: 60})
	add(1, exchange.CacheNote{})
	r.Origin = &measure.Origin{URL: "http://origin/", Requests: 4, Broken: 1, BytesOut: 400, Statuses: map[string]uint64{"503": 1, "200": 3}}
	return r
}

// TestCacheIsReported: text, JSON and page say the same of caches and the origin,
// and nothing if nothing was said.
func TestCacheIsReported(t *testing.T) {
	r := cached()
	got := text(t, r)
	for _, want := range []string{
		"Cache         [ratio, hits, forwarded, none]    78.95%, 15, 4, 1\n",
		"Cache Misses  [reason:count]                    uri-miss:3  stale:1  (collapsed):1\n",
		"Age           [50, max]                         12s, 60s\n",
		"Origin        [requests, hit ratio, bytes]      4, 80.00%, 400\n",
		"Origin Codes  [code:count]                      200:3  503:1\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	var b bytes.Buffer
	if err := JSON(&b, r, nil); err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(b.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if c := d.Cache; c == nil || c.Hits != 15 || c.HitRatio != 15.0/19 || c.Forwarded["stale"] != 1 || len(c.Forwarded) != 2 || c.Unsaid != 1 || *c.Age != (ageDocument{16, 12, 60}) {
		t.Errorf("JSON: %s", b.String())
	}
	if o := d.Origin; o == nil || o.Requests != 4 || o.HitRatio != 0.8 || o.Statuses["503"] != 1 {
		t.Errorf("JSON: %s", b.String())
	}
	b.Reset()
	if err := HTML(&b, r, slo.Objectives{}, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"forwarded: uri-miss", "a hit ratio of 78.9", "shared a request with others", "half of 16 at most 12 s", "of 20 answers 80% did not need it", "503 Service Unavailable", "broken off"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q on the page", want)
		}
	}
	plain := cached()
	plain.Total.Cache, plain.Origin = measure.Cache{}, nil
	b.Reset()
	_ = JSON(&b, plain, nil)
	_ = HTML(&b, plain, slo.Objectives{}, nil)
	for _, not := range []string{"Cache ", "Origin ", `"cache"`, `"origin"`, "cache-table", "origin-table"} {
		if strings.Contains(b.String()+text(t, plain), not) {
			t.Errorf("%q of a run in which nothing was said", not)
		}
	}
}
