package main

import (
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.yaml.in/yaml/v3"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// rules is a file of rules.
type rules struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func readYAML[T any](t *testing.T, name string) T {
	t.Helper()
	var v T
	text, err := os.ReadFile(name)
	if err == nil {
		err = yaml.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// allRules are those of rules.yml and alerts.yml.
func allRules(t *testing.T) []rule {
	t.Helper()
	var all []rule
	for _, name := range []string{"prometheus/rules.yml", "prometheus/alerts.yml"} {
		for _, g := range readYAML[rules](t, name).Groups {
			all = append(all, g.Rules...)
		}
	}
	return all
}

// shown are all expressions of all dashboards: panels and moments.
func shown() []string {
	var all []string
	for _, b := range boards {
		for _, s := range b.sections {
			for _, p := range s.panels {
				for _, q := range p.queries {
					all = append(all, q.expr)
				}
			}
		}
	}
	for _, m := range moments {
		all = append(all, m.expr)
	}
	return all
}

// exported are the series that the programs have: series to metric.
func exported(t *testing.T) map[string]string {
	t.Helper()
	series := make(map[string]string)
	// What has a name of the user's has no series without one.
	server := metrics.NewHotpath(metrics.Options{
		Upstreams:   func() []metrics.UpstreamStats { return make([]metrics.UpstreamStats, 1) },
		MissedPaths: func() []metrics.MissedPath { return make([]metrics.MissedPath, 1) },
	})
	server.CertificateNames.Set(map[string]int64{"a.example": 0})
	for _, program := range []prometheus.Collector{server, metrics.NewLoadgen([]string{"kind"}, []string{"end"}, "")} {
		families, err := metrics.NewRegistry(program).Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			name := f.GetName()
			series[name] = name
			if f.GetType() == dto.MetricType_HISTOGRAM || f.GetType() == dto.MetricType_SUMMARY {
				series[name+"_sum"], series[name+"_count"] = name, name
			}
			if f.GetType() == dto.MetricType_HISTOGRAM {
				delete(series, name)
				series[name+"_bucket"] = name
			}
		}
	}
	return series
}

// named finds the metrics of an expression, those that are recorded too.
func named(expr string) []string {
	return regexp.MustCompile(`\b(?:\w+:)?(?:hotpath|go|process)_[\w:]+`).FindAllString(expr, -1)
}

// TestMetricsExist: dashboards and rules name what there is.
func TestMetricsExist(t *testing.T) {
	exprs := shown()
	recorded := make(map[string]bool)
	for _, r := range allRules(t) {
		exprs = append(exprs, r.Expr)
		recorded[r.Record] = true
	}
	series := exported(t)
	for _, expr := range exprs {
		for _, name := range named(expr) {
			if strings.HasPrefix(name, "process_") && runtime.GOOS != "linux" {
				continue // few systems have them
			}
			if series[name] == "" && !recorded[name] {
				t.Errorf("%s is no metric, and no rule records it: %s", name, expr)
			}
		}
	}
}

// TestMetricsAreShown: each of our metrics is on a dashboard.
func TestMetricsAreShown(t *testing.T) {
	series := exported(t)
	seen := make(map[string]bool)
	for _, expr := range shown() {
		for _, name := range named(expr) {
			seen[series[name]] = true
		}
	}
	for _, name := range series {
		if strings.HasPrefix(name, "hotpath_") && !seen[name] {
			t.Errorf("%s is on no dashboard", name)
		}
	}
}
