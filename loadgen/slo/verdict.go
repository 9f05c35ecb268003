package slo

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// Verdict is whether a run met an objective.
type Verdict struct {
	Objective Objective
	Got       string // the run's figure, for people; or why it has none
	Met       bool
}

// Judge compares the run with every objective. A run without the requests that
// a figure is made of misses it: no latency is kept by a server that never
// succeeded. If many requests failed and no objective is about that, none is met,
// and the figure says so: a verdict is not to be green because failures were not asked
// about.
func (o Objectives) Judge(r *measure.Run) []Verdict {
	verdicts := make([]Verdict, len(o))
	unsaid := o.UnaskedFailures(r)
	for i, one := range o {
		v := one.judge(r)
		if v.Met && unsaid != "" {
			v.Met, v.Got = false, v.Got+", but "+unsaid
		}
		verdicts[i] = v
	}
	return verdicts
}

// AllMet reports whether no objective was missed.
func AllMet(verdicts []Verdict) bool {
	for _, v := range verdicts {
		if !v.Met {
			return false
		}
	}
	return true
}

func (o Objective) judge(r *measure.Run) Verdict {
	switch {
	case r.Total.Requests() == 0:
		return Verdict{Objective: o, Got: "no request"}
	case o.Metric.latency() && r.Total.Succeeded() == 0:
		return Verdict{Objective: o, Got: "no success"}
	}
	got := o.Metric.of(r)
	v := Verdict{Objective: o, Got: o.rounded(got), Met: o.holds(got)}
	if got != o.bound && v.Got == o.rounded(o.bound) {
		v.Got = o.exact(got) // "MISSED p99 <= 10ms, got 10.0ms" would be a riddle
	}
	return v
}

// rateSlack is the share by which a rate may be beside its bound: the last
// request of a run is sent up to a batch after it was due, so that the rate
// which was asked for, kept to the letter, is always measured a little lower.
const rateSlack = 0.001

func (o Objective) holds(got float64) bool {
	slack := 0.0
	if o.Metric.kind == rate || o.Metric.kind == answered {
		slack = rateSlack * o.bound
	}
	switch o.Op {
	case "<=":
		return got <= o.bound+slack
	case ">=":
		return got >= o.bound-slack
	case "<":
		return got < o.bound+slack
	}
	return got > o.bound-slack
}

// of is the run's figure, in the unit of bounds.
func (m Metric) of(r *measure.Run) float64 {
	t := r.Total
	switch m.kind {
	case rate:
		return r.Reached()
	case answered:
		return r.Answered()
	case errorCount:
		return float64(t.Unsuccessful())
	case errorRatio:
		return float64(t.Unsuccessful()) / float64(t.Requests())
	case success:
		return r.Success()
	}
	latency := t.Service
	if !m.service {
		latency = t.Latency()
	}
	switch m.kind {
	case mean:
		return float64(latency.Mean())
	case least:
		return float64(latency.Min())
	case most:
		return float64(latency.Max())
	}
	return float64(latency.Quantile(m.quantile()))
}

// columns are those of a line: verdict, objective, figure.
func (v Verdict) columns(separator string) string {
	word := "MISSED"
	if v.Met {
		word = "met"
	}
	return fmt.Sprintf("%-6s %s%sgot %s", word, v.Objective.Human(), separator, v.Got)
}

// String is a line without its end: "met    p99 <= 10ms  got 2.41ms".
func (v Verdict) String() string { return v.columns("  ") }

// Lines are all verdicts, a line each, in columns.
func Lines(verdicts []Verdict) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, v := range verdicts {
		_, _ = fmt.Fprintln(w, v.columns("\t")) // memory takes everything
	}
	_ = w.Flush()
	return b.String()
}
