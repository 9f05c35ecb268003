package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrape is what a scrape of set shows that accepts a format.
func scrape(t *testing.T, set *Set, accept string) string {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(set)
	w, ask := httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil)
	ask.Header.Set("Accept", accept)
	promhttp.HandlerFor(r, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(w, ask)
	return w.Body.String()
}

// TestExemplars: OpenMetrics has the last trace of each bucket; the classic format
// is what it was.
func TestExemplars(t *testing.T) {
	const classic, open = "text/plain", "application/openmetrics-text; version=1.0.0"
	set := NewSet(1)
	h := NewHistogramVec[CacheResult](set, "h_seconds", "Help.", Label{"cache", []string{"hit", "miss"}}, []time.Duration{time.Millisecond, time.Second})
	h.ObserveN(0, Hit, time.Millisecond, 5)
	h.ObserveN(0, Hit, time.Minute, 1)
	before := scrape(t, set, classic)
	if text := scrape(t, set, open); strings.Contains(text, "trace_id") {
		t.Errorf("there is a trace in %s", text)
	}
	at := time.Unix(1_700_000_000, 0)
	h.Exemplify(Hit, time.Microsecond, TraceID{0xff}, at)
	h.Exemplify(Hit, time.Millisecond, TraceID{0x01, 15: 0x0a}, at)
	h.Exemplify(Hit, time.Minute, TraceID{0x02}, at)
	h.Exemplify(Miss, -1, TraceID{0x03}, at)
	if after := scrape(t, set, classic); after != before {
		t.Errorf("the classic format was\n%s\nand is\n%s", before, after)
	}
	text := scrape(t, set, open)
	for _, line := range []string{
		`h_seconds_bucket{cache="hit",le="0.001"} 5 # {trace_id="0100000000000000000000000000000a"} 0.001 1.7e+09`,
		`h_seconds_bucket{cache="hit",le="1.0"} 5`,
		`h_seconds_bucket{cache="hit",le="+Inf"} 6 # {trace_id="02000000000000000000000000000000"} 60.0 1.7e+09`,
		`h_seconds_bucket{cache="miss",le="0.001"} 0 # {trace_id="03000000000000000000000000000000"} 0.0 1.7e+09`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("there is no line %q in\n%s", line, text)
		}
	}
}
