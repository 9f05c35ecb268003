package live

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	hotpath "github.com/e0ac7cd4/hotpath/metrics"
)

//go:generate go test -run ^TestDocumentedLimits$ -update .

var update = flag.Bool("update", false, "write the limits into docs/operations.md instead of comparing with it")

// TestLimitsAreThoseOfMetrics: what the page says of a limit is what a scrape says, and
// each budget that a scrape has is on the page.
func TestLimitsAreThoseOfMetrics(t *testing.T) {
	from := sources{
		cache: hotpath.CacheStats{Rejected: 1001}, memory: hotpath.MemoryStats{Cuts: 1002}, clients: hotpath.LimitStats{Evicted: 1003},
	}
	m := newMetrics(hotpath.Options{
		Cache:  func() hotpath.CacheStats { return from.cache },
		Memory: func() hotpath.MemoryStats { return from.memory },
		Limits: func() hotpath.LimitStats { return from.clients },
	})
	from.metrics = m
	n := uint64(1) // another one for each
	next := func() uint64 { n++; return n }
	for l := hotpath.LimitHeaderList; l <= hotpath.LimitRedirects; l++ {
		m.LimitBreaches.Add(0, l, next())
	}
	for r := hotpath.RefusePermits; r <= hotpath.RefuseDescriptors; r++ {
		m.ConnectionsRefused.Add(0, r, next())
	}
	for k := hotpath.LimitedConnections; k <= hotpath.LimitedRequests; k++ {
		m.Limited.Add(0, k, hotpath.LimitRefuse, next())
		m.Limited.Add(0, k, hotpath.LimitDryRun, next())
	}
	for r := hotpath.CompressionMade; r <= hotpath.CompressionFailed; r++ {
		m.Compressions.Add(0, hotpath.CodingBrotli, r, next())
		m.Compressions.Add(0, hotpath.CodingDcz, r, next())
	}
	for o := hotpath.FetchOK; o <= hotpath.FetchError; o++ {
		m.OriginFetches.Add(0, o, next())
	}
	for o := hotpath.LogWritten; o <= hotpath.LogFailed; o++ {
		m.AccessLog.Add(0, o, next())
		m.TraceSpans.Add(0, hotpath.SpanOutcome(o), next())
	}
	m.AdminRefused.Add(0, next())

	families, err := hotpath.NewRegistry(m).Gather()
	if err != nil {
		t.Fatal(err)
	}
	scraped := make(map[string]*dto.MetricFamily)
	for _, f := range families {
		scraped[f.GetName()] = f
	}
	rows := make(map[string]bool)
	for i := range limits {
		l := &limits[i]
		if rows[l.name()] {
			t.Errorf("%s is there twice", l.name())
		}
		rows[l.name()] = true
		var sum float64
		for _, series := range scraped[l.Metric].GetMetric() {
			if strings.Contains(labels(series), l.Label) {
				sum += series.GetCounter().GetValue()
			}
		}
		if got := l.count(&from); float64(got) != sum || got == 0 {
			t.Errorf("%s is %d, a scrape has %v", l.name(), got, sum)
		}
	}
	for _, name := range []string{"hotpath_limit_breaches_total", "hotpath_limited_total", "hotpath_connections_refused_total"} {
		for _, series := range scraped[name].GetMetric() {
			if row := name + "{" + labels(series) + "}"; !rows[row] {
				t.Errorf("%s has no row", row)
			}
		}
	}
}

func labels(m *dto.Metric) string {
	var all []string
	for _, l := range m.GetLabel() {
		all = append(all, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	return strings.Join(all, ",")
}

// TestDocumentedLimits: docs/operations.md has each limit with what the page says of it.
func TestDocumentedLimits(t *testing.T) {
	testkit.NeedTree(t)
	const document = "../../docs/operations.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("\n| limit | means | do |\n|---|---|---|\n")
	alert := regexp.MustCompile(`\bHotpath[A-Z]\w+`)
	for i := range limits {
		l := &limits[i]
		do := alert.ReplaceAllStringFunc(l.Do, func(name string) string {
			if !strings.Contains(string(text), "\n### "+name+"\n") {
				t.Errorf("%s: there is no section %s", l.name(), name)
			}
			return "[" + name + "](#" + strings.ToLower(name) + ")"
		})
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", l.name(), l.Means, do)
	}
	want.WriteString("\n")
	at := regexp.MustCompile(`(?s)(<!-- limits: [^\n]* -->\n).*(<!-- /limits -->)`).FindSubmatchIndex(text)
	switch {
	case at == nil:
		t.Fatalf("%s has no place for the limits", document)
	case *update:
		text = append(append(append([]byte(nil), text[:at[3]]...), want.String()...), text[at[4]:]...)
		if err := os.WriteFile(document, text, 0o644); err != nil {
			t.Fatal(err)
		}
	case string(text[at[3]:at[4]]) != want.String():
		t.Errorf("what is generated in %s is stale; run: go generate ./server/live", document)
	}
}
