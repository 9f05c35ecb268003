package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestPanels runs a server under load, and every query of every dashboard, every
// choice and every rule through the Prometheus that scrapes both: none is an
// error, and none is empty but those that say why. Then the p99 of the dashboard
// is held against that of the load generator's report.
func TestPanels(t *testing.T) {
	testkit.Need(t, "prometheus")
	s := newStack(t)
	const length = 25 * time.Second
	report := s.attack("-target", s.url+"/bench/1k.txt", "-rate", "2000", "-duration", length.String(), "-connections", "4", "-streams", "16")
	begin := time.Now()
	s.eventually("load", func() error { return s.someValue(`rate(hotpath_loadgen_requests_total{class="2xx"}[4s]) > 0`, query{}) })

	substitute := s.grafana("4s")
	for _, b := range boards {
		for _, v := range b.variables {
			s.eventually(b.uid+": choice "+v.name, func() error { return s.someLabel(substitute.Replace(v.values)) })
		}
		for _, section := range b.sections {
			for _, p := range section.panels {
				for _, q := range p.queries {
					s.checkQuery(b.uid+": "+p.title, q, substitute)
				}
			}
		}
	}
	for _, m := range moments {
		s.checkQuery(m.name, m.query(), substitute)
	}
	s.checkRules()
	if took := time.Since(begin); took > length {
		t.Errorf("the queries took %v, longer than the load", took)
	}
	s.checkP99(report())
}

// grafana puts in for variables what Grafana would, with all chosen.
func (s *stack) grafana(rate string) *strings.Replacer {
	now := time.Now()
	return strings.NewReplacer(
		"$__rate_interval", rate,
		"$__interval", rate,
		"$__range", "1h",
		"$__from", strconv.FormatInt(now.Add(-time.Hour).UnixMilli(), 10),
		"$__to", strconv.FormatInt(now.Add(time.Hour).UnixMilli(), 10),
		"$job", "hotpath",
		"$instance", strings.ReplaceAll(s.admin, ".", `\\.`),
		"$loadgen", strings.ReplaceAll(s.loadgen, ".", `\\.`),
	)
}

// checkQuery waits for an answer that its legend can name, unless it may be
// empty.
func (s *stack) checkQuery(panel string, q query, substitute *strings.Replacer) {
	s.t.Helper()
	expr := substitute.Replace(q.promQL())
	if strings.Contains(expr, "$") {
		s.t.Errorf("%s: a variable that Grafana does not have: %s", panel, expr)
		return
	}
	check := func() error { return s.someValue(expr, q) }
	if q.mayBeEmpty == "" {
		s.eventually(panel+": "+expr, check)
	} else if err := check(); err != nil && !errors.Is(err, errEmpty) {
		s.t.Errorf("%s: %v: %s", panel, err, expr)
	}
}

// someLabel is an error if Grafana's label_values(selector, label) has none.
func (s *stack) someLabel(values string) error {
	part := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(values)
	if part == nil {
		return fmt.Errorf("%s is not label_values(selector, label)", values)
	}
	var found []string
	if err := s.get("label/"+part[2]+"/values", url.Values{"match[]": {part[1]}}, &found); err != nil {
		return err
	}
	if len(found) != 1 {
		return fmt.Errorf("%s: %q, want one", values, found)
	}
	return nil
}

// checkRules waits until every rule was evaluated, without an error, and every
// recording rule has recorded something.
func (s *stack) checkRules() {
	s.t.Helper()
	s.eventually("rules", func() error {
		var state struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
		if err := s.get("rules", nil, &state); err != nil {
			return err
		}
		n := 0
		for _, g := range state.Groups {
			for _, r := range g.Rules {
				n++
				if r.Health != "ok" {
					return fmt.Errorf("%s: %s: %s", r.Name, r.Health, r.LastError)
				}
			}
		}
		if want := len(allRules(s.t)); n != want {
			return fmt.Errorf("%d rules, want %d", n, want)
		}
		return nil
	})
	for _, r := range allRules(s.t) {
		if r.Record != "" {
			s.eventually(r.Record, func() error { return s.someValue(r.Record, query{}) })
		}
	}
}

// checkP99 compares the dashboard's p99 of the latency that clients see, over
// the whole run, with the report's: both are the load generator's, from the
// moment each request was due, one by way of its histogram and Prometheus, one
// from every latency. They are to lie in the same bucket, or in neighbours.
func (s *stack) checkP99(report []byte) {
	s.t.Helper()
	var r struct {
		Latencies struct {
			P99 time.Duration `json:"99th"`
		}
	}
	if err := json.Unmarshal(report, &r); err != nil {
		s.t.Fatalf("report: %v\n%s", err, report)
	}
	whole := s.grafana("1m")
	dashboard, err := s.moment(whole.Replace(query{expr: clientP99}.promQL()))
	if err != nil || len(dashboard) != 1 {
		s.t.Fatalf("p99: %d values, %v", len(dashboard), err)
	}
	buckets, err := s.moment(whole.Replace(query{expr: `sum by (le) (last_over_time(hotpath_loadgen_request_duration_seconds_bucket[1m]))`}.promQL()))
	if err != nil {
		s.t.Fatal(err)
	}
	var bounds []float64
	for _, b := range buckets {
		le, err := strconv.ParseFloat(b.Metric["le"], 64)
		if err != nil {
			s.t.Fatal(err)
		}
		bounds = append(bounds, le)
	}
	slices.Sort(bounds)
	bucket := func(seconds float64) int { i, _ := slices.BinarySearch(bounds, seconds); return i }
	got, want := dashboard[0].Value.value, r.Latencies.P99.Seconds()
	s.t.Logf("p99: %.3f ms on the dashboard, %.3f ms in the report", 1e3*got, 1e3*want)
	if off := bucket(got) - bucket(want); math.IsNaN(got) || off < -1 || off > 1 {
		s.t.Errorf("p99 of the dashboard is %v s, of the report %v s: %d buckets apart", got, want, off)
	}
}

// moment asks for the values of an expression now.
func (s *stack) moment(expr string) ([]series, error) {
	var answer struct{ Result []series }
	err := s.get("query", url.Values{"query": {expr}}, &answer)
	return answer.Result, err
}
