package report

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

// HTML writes the run as one page: verdicts, figures, charts with the bounds of
// the objectives, tables. It loads nothing, and it is whole without JavaScript
// but for the charts. verdicts are those on the objectives.
func HTML(w io.Writer, r *measure.Run, objectives slo.Objectives, verdicts []slo.Verdict) error {
	t := r.Total
	p := page{
		Title:   human.Rate(r.Reached()) + ", p99 " + orNone(t.Latency(), p99) + ": " + target(r),
		Heading: cmp.Or(human.Line(r.Name), "Load test"),
		Target:  target(r),
		Setup:   setup(r),
		Notes:   notes(r),
		Figures: runFigures(r),
		Charts:  runCharts(r, objectives, verdicts),
		Facts:   runFacts(r),
	}
	p.judged(verdicts)
	if t.Requests() > 0 {
		p.Tables = []table{percentileTable(t), statusTable(t), stepTable(t)}
	}
	if t.Unsuccessful() > 0 {
		p.Tables = append(p.Tables, errorTable(t))
	}
	if t.Unsuccessful() > 0 {
		p.Tables = append(p.Tables, endTable(t))
	}
	if len(failures(t)) > 0 {
		p.Tables = append(p.Tables, failureTable(t))
	}
	if bad := t.BadConnections(); bad > 0 {
		p.Tables = append(p.Tables, table{
			ID: "connection-table", Title: "Connections that failed", Note: "That could not be made, or ended otherwise than in order.",
			Columns: []string{"Error", "Connections", "Share"}, Rows: counts(byCount(t.ConnectionErrors), bad),
		})
	}
	if t.Cache.Said() > 0 {
		p.Tables = append(p.Tables, cacheTable(t))
	}
	if r.Origin != nil {
		p.Tables = append(p.Tables, originTable(r))
	}
	if rows := targetRows(r); len(rows) > 0 {
		p.Tables = append(p.Tables, targetTable(r, rows))
	}
	if len(r.Points) > 0 {
		p.Tables = append(p.Tables, timeTable(r.Points))
	}
	return p.write(w)
}

func runFigures(r *measure.Run) []figure {
	t := r.Total
	asked := "in a closed loop"
	if r.Asked > 0 {
		asked = "asked for " + human.Rate(r.Asked)
	}
	failed := newFigure("Errors", human.Count(t.Unsuccessful()), "of "+human.Count(t.Requests())+" requests")
	if t.Unsuccessful() > 0 {
		failed.Note = human.Percent(1-r.Success()) + " " + failed.Note
		failed.State = missed
	}
	return []figure{
		newFigure("Rate reached", human.Rate(r.Reached()), answeredNote(r)+asked),
		newFigure("Mean", orNone(t.Latency(), (*measure.Latency).Mean), "service "+orNone(t.Service, (*measure.Latency).Mean)),
		newFigure("99th percentile", orNone(t.Latency(), p99), "service "+orNone(t.Service, p99)),
		failed,
	}
}

// madeNote is how many connections were made, if that is more than there were at a
// time.
func madeNote(r *measure.Run) string {
	if r.Total.Connections <= uint64(r.Connections) {
		return ""
	}
	return ", made " + human.Count(r.Total.Connections) + " times"
}

// answeredNote is what was answered, if that is more than what succeeded.
func answeredNote(r *measure.Run) string {
	if r.Total.Ends[exchange.Declined] == 0 {
		return ""
	}
	return human.Rate(r.Answered()) + " answered, "
}

func runFacts(r *measure.Run) []fact {
	t := r.Total
	facts := []fact{
		{"Target", target(r)},
		{"Protocol", human.Line(r.Protocol)},
		{"Connections", connections(r) + madeNote(r)},
		{"Pace", human.Line(r.Pace)},
		{"Duration", human.Duration(r.Duration) + ", then " + human.Duration(r.Wait()) + " for the last response"},
		{"Began", r.Begin.UTC().Format("2006-01-02 15:04:05 UTC")},
		{"Timeout", human.Exact(r.Timeout)},
		{"Requests", human.Count(t.Requests())},
		{"Received", human.Bytes(t.BytesIn)},
		{"Sent", human.Bytes(t.BytesOut)},
	}
	if r.Pattern != "" {
		facts = append(facts, fact{"Pattern", human.Line(r.Pattern)})
	}
	if r.Warmup > 0 {
		facts = append(facts, fact{"Warm-up", human.Count(r.Warmup) + " requests"})
	}
	if r.Busy > 0 {
		all, busiest := cores(r)
		facts = append(facts, fact{"Load generator", all + " of its cores, " + busiest + " in its busiest second"})
	}
	if r.Agents > 0 {
		facts = append(facts, fact{"Agents", human.Count(uint64(r.Agents))})
	}
	if t.Retries > 0 {
		facts = append(facts, fact{"Sent again", human.Count(t.Retries)})
	}
	return facts
}

func percentileTable(t *measure.Tally) table {
	all := []distribution{{"Response", t.Latency()}, {"Service", t.Service}}
	if t.Unsuccessful() > 0 {
		all = append(all, times(t)...)
	}
	both := func(name string, of func(*measure.Latency) time.Duration) []string {
		row := []string{name}
		for _, d := range all {
			row = append(row, orNone(d.Latency, of))
		}
		return row
	}
	columns := []string{"Share of requests"}
	for _, d := range all {
		columns = append(columns, d.name)
	}
	rows := [][]string{both("mean", (*measure.Latency).Mean), both("min", (*measure.Latency).Min)}
	for _, q := range []struct {
		name  string
		share float64
	}{
		{"50%", 0.5}, {"75%", 0.75}, {"90%", 0.9}, {"95%", 0.95}, {"99%", 0.99}, {"99.9%", 0.999}, {"99.99%", 0.9999}, {"99.999%", 0.99999},
	} {
		if float64(t.Requests())*(1-q.share) < 1 {
			break // the largest alone
		}
		rows = append(rows, both(q.name, func(l *measure.Latency) time.Duration { return l.Quantile(q.share) }))
	}
	rows = append(rows, both("max", (*measure.Latency).Max))
	return table{
		ID:      "percentile-table",
		Title:   "Latencies",
		Columns: columns,
		Rows:    rows,
	}
}

// orNone writes a latency if there is one.
func orNone(l *measure.Latency, of func(*measure.Latency) time.Duration) string {
	if l.Count() == 0 {
		return none
	}
	return human.Duration(of(l))
}

// none is written if there is no value.
const none = "–"

func p99(l *measure.Latency) time.Duration { return l.Quantile(0.99) }

// counts are the rows of a table of what was counted, with the share of total.
func counts(all []counted, total uint64) [][]string {
	rows := make([][]string, len(all))
	for i, c := range all {
		rows[i] = []string{human.Line(c.text), human.Count(c.n), human.Percent(float64(c.n) / float64(total))}
	}
	return rows
}

func statusTable(t *measure.Tally) table {
	var all []counted
	for status, n := range t.Statuses {
		switch {
		case n == 0:
		case status == 0:
			all = append(all, counted{"no response", n})
		default:
			all = append(all, counted{measure.StatusText(status), n})
		}
	}
	return table{ID: "status-table", Title: "Statuses", Columns: []string{"Status", "Responses", "Share"}, Rows: counts(all, t.Requests())}
}

func errorTable(t *measure.Tally) table {
	return table{ID: "error-table", Title: "Errors", Columns: []string{"Error", "Requests", "Share"}, Rows: counts(errorCounts(t), t.Requests())}
}

// endTexts are the ends in words, by exchange.End.
var endTexts = [exchange.Ends]string{
	"succeeded", "answered with a status of 400 or more", "broken before the answer was whole", "given up before the answer was whole",
	"given up before it could be sent", "not processed by any server", "stopped with the attack",
}

func endTable(t *measure.Tally) table {
	var all []counted
	for end, n := range t.Ends {
		if n > 0 {
			all = append(all, counted{endTexts[end], n})
		}
	}
	return table{ID: "end-table", Title: "How far requests came", Columns: []string{"End", "Requests", "Share"}, Rows: counts(all, t.Requests())}
}

func failureTable(t *measure.Tally) table {
	return table{
		ID: "failure-table", Title: "Failures by kind", Note: "Requests without a whole response.",
		Columns: []string{"Kind", "Requests", "Share"}, Rows: counts(failures(t), t.Requests()),
	}
}

// tableRows is how many spans a table over time has, about.
const tableRows = 60

func timeTable(points []measure.Point) table {
	t := table{
		ID:      "time-table",
		Title:   "Over time",
		Wide:    true,
		Folded:  true,
		Columns: []string{"From", "Asked", "Succeeded", "Errors", "Mean", "50%", "99%", "99.9%", "Max"},
	}
	shown := thin(points, tableRows, func(p measure.Point) float64 { return float64(p.Max) })
	if len(shown) < len(points) {
		t.Note = fmt.Sprintf("Of %s spans those with the largest latencies, evenly over the run.", human.Count(uint64(len(points))))
	}
	for _, p := range shown {
		asked := none
		if p.Asked > 0 {
			asked = human.Rate(p.Asked)
		}
		row := []string{p.Begin.Round(10 * time.Millisecond).String(), asked, human.Rate(p.Rate()), human.Count(p.Failed)}
		for _, d := range []time.Duration{p.Mean, p.P50, p.P99, p.P999, p.Max} {
			text := none
			if p.Timed > 0 {
				text = human.Duration(d)
			}
			row = append(row, text)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
