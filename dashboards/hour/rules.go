package hour

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// evaluation is how often rules are evaluated, as in dashboards/prometheus.
const evaluation = 15 * time.Second

// rule is one of Prometheus' files of rules: a recording rule or an alert.
type rule struct {
	Record, Alert, Expr string
	For                 time.Duration
	Labels              map[string]string
}

func (r rule) name() string { return r.Record + r.Alert }

func readRules(files []string) ([]rule, error) {
	var all []rule
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		var rules struct{ Groups []struct{ Rules []rule } }
		if err := yaml.Unmarshal(text, &rules); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, g := range rules.Groups {
			all = append(all, g.Rules...)
		}
	}
	return all, nil
}

var recorded = regexp.MustCompile(`\b\w+:\w+:\w+\b`)

// split parts the rules into those that read nothing that one of them records, and
// the others.
func split(rules []rule) (ready, later []rule) {
	missing := make(map[string]bool)
	for _, r := range rules {
		missing[r.Record] = true
	}
	for _, r := range rules {
		if slices.ContainsFunc(recorded.FindAllString(r.Expr, -1), func(name string) bool { return missing[name] }) {
			later = append(later, r)
		} else {
			ready = append(ready, r)
		}
	}
	return ready, later
}

func names(rules []rule) []string {
	var all []string
	for _, r := range rules {
		all = append(all, r.name())
	}
	return all
}

// record writes what the rule would have made of the hour.
func (r rule) record(ctx context.Context, w io.Writer, p *Prometheus, end time.Time) error {
	result, err := p.QueryRange(ctx, r.Expr, end.Add(-Length), end, evaluation)
	if err != nil {
		return err
	}
	for _, s := range result {
		labels := maps.Clone(s.Metric)
		delete(labels, "__name__")
		maps.Copy(labels, r.Labels)
		if r.Record != "" {
			for _, v := range s.Values {
				if err := writeSample(w, r.Record, labels, v); err != nil {
					return err
				}
			}
			continue
		}
		labels["alertname"] = r.Alert
		for _, v := range r.alerts(s.Values) {
			labels["alertstate"] = v.state
			if err := writeSample(w, "ALERTS", labels, Sample{v.time, 1}); err != nil {
				return err
			}
		}
	}
	return nil
}

type alert struct {
	time  float64
	state string
}

// alerts are the states of an alert whose expression had these values: pending until
// it has had some for as long as the rule says.
func (r rule) alerts(values []Sample) []alert {
	var all []alert
	var since, last float64
	for _, v := range values {
		if v.Time-last > 1.5*evaluation.Seconds() {
			since = v.Time
		}
		last = v.Time
		state := "pending"
		if v.Time-since >= r.For.Seconds() {
			state = "firing"
		}
		all = append(all, alert{v.Time, state})
	}
	return all
}

func writeSample(w io.Writer, name string, labels map[string]string, s Sample) error {
	var pairs []string
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, label+"="+strconv.Quote(labels[label]))
	}
	value := strconv.FormatFloat(s.Value, 'g', -1, 64)
	if math.IsInf(s.Value, 1) {
		value = "+Inf"
	}
	_, err := fmt.Fprintf(w, "%s{%s} %s %s\n", name, strings.Join(pairs, ","), value, strconv.FormatFloat(s.Time, 'f', 3, 64))
	return err
}
