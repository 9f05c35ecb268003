package hour

import (
	"bytes"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// end is no round time: the hour lies over two of Prometheus' blocks.
var end = time.Date(2026, 5, 4, 10, 31, 0, 0, time.UTC)

func TestMoments(t *testing.T) {
	all := Moments()
	if last := all[len(all)-1]; last.Name != "dead" || last.At != Length {
		t.Errorf("the last moment is %+v, want dead at the end of the hour", last)
	}
	for _, m := range all {
		if m.At%Scrape != 0 {
			t.Errorf("%s is at %v, between two scrapes", m.Name, m.At)
		}
	}
	var at time.Duration
	for _, p := range script {
		at += p.length
	}
	if at != Length {
		t.Errorf("the script lasts %v", at)
	}
	for _, e := range events {
		if e.at%Scrape != 0 || phaseAt(e.at).down[e.server] {
			t.Errorf("nothing happens at %v to server %d: it is between two scrapes, or the server is dead", e.at, e.server)
		}
	}
}

// TestRecordRepeats: the text is the same each time, so that what is drawn of it can
// be compared.
func TestRecordRepeats(t *testing.T) {
	var one, two bytes.Buffer
	for _, w := range []*bytes.Buffer{&one, &two} {
		if err := Record(w, end); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("two hours that end at the same time differ")
	}
	if !strings.HasSuffix(one.String(), "# EOF\n") {
		t.Error("the text has no end")
	}
}

// TestBlocks has Prometheus say what the script says.
func TestBlocks(t *testing.T) {
	testkit.Need(t, "prometheus")
	testkit.Need(t, "promtool")
	dir := filepath.Join(t.TempDir(), "data")
	if err := Blocks(t.Context(), dir, end, "../prometheus/rules.yml", "../prometheus/alerts.yml"); err != nil {
		t.Fatal(err)
	}
	if err := Blocks(t.Context(), dir, end); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("an hour beside another one: %v, want an error that says so", err)
	}
	p, err := Serve(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	at := make(map[string]time.Time)
	for _, m := range Moments() {
		at[m.Name] = end.Add(m.At - Length)
	}
	const rate, alerts = `sum(rate(hotpath_requests_total[20s]))`, `count(ALERTS{alertstate="firing"})`
	for _, tt := range []struct {
		what, moment, expr string
		low, high          float64 // NaN: no value
	}{
		{"both servers are up", "healthy", `sum(up{job="hotpath"})`, 2, 2},
		{"the load generator is not", "healthy", `up{job="loadgen"}`, 0, 0},
		{"two servers with a day's traffic", "healthy", rate, 23_000, 25_000},
		{"nothing is wrong", "healthy", alerts, math.NaN(), math.NaN()},
		{"the load test is on top", "loadtest", rate, 170_000, 178_000},
		{"misses take the time of the origin", "healthy", `histogram_quantile(0.5, sum by (le) (rate(hotpath_origin_fetch_duration_seconds_bucket[20s])))`, 0.001, 0.004},
		{"one in twenty is a 5xx", "errors", `sum(rate(hotpath_requests_total{class="5xx"}[20s])) / ` + rate, 0.04, 0.06},
		{"the rules were evaluated", "healthy", `sum(instance:hotpath_requests:rate1m)`, 23_000, 25_000},
		{"rules that read other rules too", "errors", `job:hotpath_slo_burn:ratio5m{slo="availability"}`, 30, 70},
		{"an alert fires", "errors", `count(ALERTS{alertname="HotpathOriginFailing",alertstate="firing"})`, 2, 2},
		{"an alert is quiet again soon after its cause", "restart", `ALERTS{alertname="HotpathOriginFailing"}`, math.NaN(), math.NaN()},
		{"connections are turned away", "overload", `sum(rate(hotpath_connections_refused_total[20s]))`, 400, 600},
		{"one server has started again", "restart", `time() - process_start_time_seconds{instance="edge-b:9180"}`, 100, 200},
		{"one of two is up", "half", `sum(up{job="hotpath"})`, 1, 1},
		{"and the other has no values", "half", `count(hotpath_cache_entries)`, 1, 1},
		{"none is up", "dead", `sum(up{job="hotpath"})`, 0, 0},
		{"and there are no values", "dead", rate, math.NaN(), math.NaN()},
		{"both alert", "dead", `count(ALERTS{alertname="HotpathDown",alertstate="firing"})`, 2, 2},
	} {
		got, err := p.Query(t.Context(), tt.expr, at[tt.moment])
		switch {
		case err != nil:
			t.Errorf("%s: %v", tt.what, err)
		case math.IsNaN(tt.low):
			if len(got) != 0 {
				t.Errorf("%s: at %s %s is %v, want no value", tt.what, tt.moment, tt.expr, got)
			}
		case len(got) != 1 || got[0].Value.Value < tt.low || got[0].Value.Value > tt.high:
			t.Errorf("%s: at %s %s is %v, want %v to %v", tt.what, tt.moment, tt.expr, got, tt.low, tt.high)
		}
	}
}
