package report

import (
	"fmt"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/ci"
	"github.com/e0ac7cd4/hotpath/loadgen/compare"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

// RunSuite is what was decided of a run: its objectives, or without any, whether
// a request succeeded.
func RunSuite(r *measure.Run, verdicts []slo.Verdict) *ci.Suite {
	t := r.Total
	s := &ci.Suite{
		Name: "loadgen", Subject: target(r), Result: setup(r), Begin: r.Begin, Duration: r.Duration + r.Wait(), Notes: notes(r),
		Columns: []string{"Rate reached", "Requests", "Errors", "Mean", "p50", "p99", "p99.9", "Max"},
		Rows: [][]string{{
			human.Rate(r.Reached()), human.Count(t.Requests()), human.Count(t.Unsuccessful()),
			orNone(t.Latency(), (*measure.Latency).Mean), orNone(t.Latency(), p50), orNone(t.Latency(), p99),
			orNone(t.Latency(), p999), orNone(t.Latency(), (*measure.Latency).Max),
		}},
	}
	if r.Name != "" {
		s.Name += " " + human.Line(r.Name)
	}
	for _, v := range verdicts {
		s.Cases = append(s.Cases, ci.Case{Name: v.Objective.Human(), Got: v.Got, Failed: !v.Met})
	}
	if len(verdicts) == 0 {
		s.Cases = []ci.Case{unjudged(r)}
	}
	return s
}

// unjudged is the case of a run without objectives: it fails if nothing succeeded.
// If many requests failed, no objective says whether they may, and the case neither
// passes nor fails.
func unjudged(r *measure.Run) ci.Case {
	t := r.Total
	c := ci.Case{Name: "a request succeeds", Got: human.Count(t.Succeeded()) + " of " + human.Count(t.Requests())}
	if t.Requests() > 0 && t.Succeeded() == 0 {
		c.Failed = true
	} else {
		c.Skipped = slo.Objectives(nil).UnaskedFailures(r)
	}
	return c
}

func p50(l *measure.Latency) time.Duration { return l.Quantile(0.5) }

func p999(l *measure.Latency) time.Duration { return l.Quantile(0.999) }

// CapacitySuite is what a search decided: one case, whether a rate held.
func CapacitySuite(c *Capacity) *ci.Suite {
	s := &ci.Suite{
		Name: "loadgen capacity", Subject: human.Line(c.Target), Result: c.result(),
		Cases:   []ci.Case{{Name: "a rate holds " + c.bounds(), Got: human.Rate(c.Best), Failed: c.Best == 0}},
		Columns: probeColumns, Rows: c.rows(),
	}
	for i, p := range c.Probes {
		if i == 0 {
			s.Begin = p.Run.Begin
		}
		s.Duration = p.Run.Begin.Add(p.Run.Duration).Sub(s.Begin)
	}
	return s
}

// CompareSuite is what a comparison decided: a case for each figure.
func CompareSuite(c *compare.Comparison) *ci.Suite {
	s := &ci.Suite{
		Name: "loadgen compare", Subject: human.Line(c.NameA) + " and " + human.Line(c.NameB), Result: CompareResult(c),
		Notes: append(compareNotes(c), compareMethod(c)), Columns: compareColumns, Rows: compareRows(c),
	}
	nothing := c.Outcome == compare.Unsaid && len(c.Undecided()) == 0
	for _, f := range c.Figures {
		one := ci.Case{
			Name: f.Name + " is no worse", Failed: f.Outcome == compare.Worse,
			Got: fmt.Sprintf("%s, %s: %s", figureValue(f, f.B), fromA(f), f.Outcome),
		}
		switch {
		case f.Outcome == compare.Unjudged:
			continue // in the table
		case f.Outcome != compare.Unsaid:
		case f.Undecided() || nothing:
			one.Undecided = whyUnsaid(f) // no answer is no pass
		default:
			one.Skipped = whyUnsaid(f)
		}
		s.Cases = append(s.Cases, one)
	}
	return s
}

// whyUnsaid is why nothing is said of a figure.
func whyUnsaid(f compare.Figure) string {
	if f.TooFew() {
		return fmt.Sprintf("%d and %d seconds have a value: %d are needed", f.SpansA, f.SpansB, compare.MinSpans)
	}
	return fmt.Sprintf("it changed, and %d and %d seconds that follow each other so much are too few to tell", f.SpansA, f.SpansB)
}
