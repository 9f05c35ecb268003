package report

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/compare"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// CompareText writes what changed between two runs: the settings that differ, a
// table of the figures, and what came of it in a sentence.
func CompareText(w io.Writer, c *compare.Comparison) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "A: %s: %s\nB: %s: %s\n", human.Line(c.NameA), comparedRun(c.A), human.Line(c.NameB), comparedRun(c.B))
	for _, note := range compareNotes(c) {
		fmt.Fprintln(&b, note)
	}
	b.WriteByte('\n')
	columns := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range append([][]string{compareColumns}, compareRows(c)...) {
		last := len(row) - 1
		fmt.Fprintf(columns, "%s\t  %s\n", strings.Join(row[:last], "\t"), row[last])
	}
	if err := columns.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n%s\n", CompareResult(c))
	_, err := b.WriteTo(w)
	return err
}

// CompareJSON writes the comparison in a line: durations in nanoseconds, rates per
// second, shares from 0 to 1.
func CompareJSON(w io.Writer, c *compare.Comparison) error {
	return encode(w, struct {
		*compare.Comparison
		Notes []string `json:"notes"`
	}{c, append([]string{}, compareNotes(c)...)})
}

// CompareHTML writes the comparison as a page such as HTML's: what came of it, the
// figures, and both runs over time in the same charts.
func CompareHTML(w io.Writer, c *compare.Comparison) error {
	p := page{
		Title:   "comparison, " + string(c.Outcome) + ": " + human.Line(c.NameA) + " and " + human.Line(c.NameB),
		Heading: "Comparison",
		Target:  human.Line(c.NameA) + " → " + human.Line(c.NameB),
		Setup:   "B: " + comparedRun(c.B),
		Verdict: CompareResult(c),
		State:   compareState(c.Outcome),
		Notes:   compareNotes(c),
		Charts:  compareCharts(c),
		Tables: []table{{
			ID: "compare-table", Title: "What changed", Wide: true, Note: compareMethod(c),
			Columns: compareColumns, Rows: compareRows(c),
		}},
	}
	for _, f := range c.Figures {
		if f.Outcome == compare.Unjudged || f.Name == "service mean" || f.Name == "p50" {
			continue // in the table
		}
		text := figureValue(f, f.B)
		one := newFigure("B: "+f.Name, text, fromA(f)+", "+string(f.Outcome))
		if f.Outcome == compare.Worse {
			one.State = missed
		}
		p.Figures = append(p.Figures, one)
	}
	if len(c.Settings) > 0 {
		t := table{ID: "settings-table", Title: "Settings that differ", Wide: true, Columns: []string{"Setting", "A", "B"}}
		for _, s := range c.Settings {
			t.Rows = append(t.Rows, []string{s.Name, orText(s.A), orText(s.B)})
		}
		p.Tables = append(p.Tables, t)
	}
	return p.write(w)
}

// CompareResult is the comparison in a sentence.
func CompareResult(c *compare.Comparison) string {
	names := func(o compare.Outcome) (all []string) {
		for _, f := range c.Figures {
			if f.Outcome == o {
				all = append(all, f.Name)
			}
		}
		return all
	}
	worse, better := names(compare.Worse), names(compare.Better)
	if undecided := c.Undecided(); len(undecided) > 0 {
		text := "Nothing can be said of " + strings.Join(undecided, ", ") + ": changed, and seconds that follow each other so much are too few to tell. Take longer runs."
		if len(worse)+len(better) > 0 {
			text = changedResult(worse, better) + " " + text
		}
		return text
	}
	if c.Outcome == compare.Unsaid {
		return fmt.Sprintf("Nothing can be said: a run needs %d whole seconds at least, A has %d, B has %d.",
			compare.MinSpans, c.Figures[0].SpansA, c.Figures[0].SpansB)
	}
	return changedResult(worse, better)
}

// changedResult is a sentence of the figures that are worse and better.
func changedResult(worse, better []string) string {
	switch {
	case len(worse) > 0 && len(better) > 0:
		return "B is worse in " + strings.Join(worse, ", ") + ", and better in " + strings.Join(better, ", ") + "."
	case len(worse) > 0:
		return "B is worse in " + strings.Join(worse, ", ") + "."
	case len(better) > 0:
		return "B is better in " + strings.Join(better, ", ") + "."
	}
	return "No change beyond noise."
}

func compareState(o compare.Outcome) string {
	switch o {
	case compare.Worse:
		return missed
	case compare.Unsaid:
		return neutral
	}
	return met
}

// compareMethod says how the figures were judged.
func compareMethod(c *compare.Comparison) string {
	return fmt.Sprintf("Medians over seconds; errors, and what is not judged, of the run. Changed: Mann-Whitney U over seconds, at %s over all figures, or a gap (in place of p) between the runs that is four times as wide as both together, and by %s or more (1%% of a rate that was asked for, 0.1%% of all requests for errors). Cannot say: changed by that, and too few seconds for either.",
		human.Percent(compare.Level), human.Percent(c.Least))
}

// compareNotes are what a reader has to know before the figures.
func compareNotes(c *compare.Comparison) []string {
	var all []string
	if len(c.Settings) > 0 {
		texts := make([]string, len(c.Settings))
		for i, s := range c.Settings {
			texts[i] = s.Name + " (" + orText(s.A) + " and " + orText(s.B) + ")"
		}
		all = append(all, "The settings differ, and so may the figures for that: "+strings.Join(texts, ", ")+".")
	}
	return append(append(all, ownLimits("A", c.A)...), ownLimits("B", c.B)...)
}

// ownLimits are the notes on a run of which the load generator may have been the limit.
func ownLimits(name string, r *compare.Run) []string {
	var all []string
	if most := max(r.Busy, r.Busiest); most >= busyMuch {
		when := ""
		if r.Busy < busyMuch {
			when = " in its busiest second"
		}
		all = append(all, fmt.Sprintf("In %s the load generator used %s of its cores%s: it may be what was measured.", name, human.Percent(min(most, 1)), when))
	}
	if r.Answered > 0 && r.Answered < enough*r.AskedRate {
		all = append(all, fmt.Sprintf("In %s the rate was not reached: asked for %s, %s were answered.", name, human.Rate(r.AskedRate), human.Rate(r.Answered)))
	}
	if r.Crowded() {
		why := "that is the load generator's limit"
		if r.Answered == 0 {
			why = "nothing was answered"
		}
		all = append(all, fmt.Sprintf("In %s %s of %s requests waited because all that may be in flight were: %s.",
			name, human.Count(r.Waited), human.Count(r.Requests), why))
	}
	if r.Starved > 0 {
		all = append(all, fmt.Sprintf("In %s %s of %s requests waited for their targets to be read: that is not the server's limit.",
			name, human.Count(r.Starved), human.Count(r.Requests)))
	}
	return all
}

// comparedRun is a run in a few words.
func comparedRun(r *compare.Run) string {
	text := r.Protocol + ", " + plural(r.Connections+r.Grown, "connection")
	if r.PerRequest {
		text += " at a time, each for one request"
	} else if r.Streams > 1 {
		text += " × " + plural(r.Streams, "stream")
	}
	return human.Line(r.Target + ", " + text + ", " + r.Pace + ", " + human.Duration(r.Duration))
}

func orText(s string) string {
	if s == "" {
		return none
	}
	return human.Line(s)
}

var compareColumns = []string{"Figure", "A", "B", "Change", "p", "Outcome"}

func compareRows(c *compare.Comparison) [][]string {
	var rows [][]string
	for _, f := range c.Figures {
		rows = append(rows, []string{f.Name, figureValue(f, f.A), figureValue(f, f.B), figureChange(f), figureP(f), string(f.Outcome)})
	}
	return rows
}

func figureValue(f compare.Figure, v float64) string {
	switch {
	case f.Unit == compare.Share:
		return human.Percent(v)
	case f.Unit == compare.PerSecond:
		return human.Rate(v)
	case v == 0:
		return none
	}
	return human.Duration(time.Duration(v))
}

// figureChange is "+12.3%"; of errors, whose values are shares already, in points.
func figureChange(f compare.Figure) string {
	switch {
	case f.Unit == compare.Nanoseconds && (f.A == 0 || f.B == 0), f.Unit == compare.PerSecond && f.A == 0:
		return none
	case f.Change == 0:
		return "none"
	case f.Unit == compare.Share:
		return fmt.Sprintf("%+.2f points", 100*f.Change)
	}
	if math.Abs(f.Change) < 0.0005 {
		return "±0.0%"
	}
	return fmt.Sprintf("%+.1f%%", 100*f.Change)
}

// fromA is the change with what it is from.
func fromA(f compare.Figure) string {
	if f.Change == 0 {
		return "as in A"
	}
	return figureChange(f) + " from " + figureValue(f, f.A)
}

func figureP(f compare.Figure) string {
	switch {
	case f.Outcome == compare.Unjudged, f.Outcome == compare.Unsaid:
		return none
	case f.Gap: // p does not say why it changed
		return "gap"
	case f.P < 0.0001:
		return "<0.0001"
	}
	return fmt.Sprintf("%.4f", f.P)
}

// compareCharts have both runs over the time since each began.
func compareCharts(c *compare.Comparison) []chart {
	if len(c.A.Points) == 0 && len(c.B.Points) == 0 {
		return nil
	}
	latency := func(of func(compare.Point) time.Duration) func(compare.Point) value {
		return func(p compare.Point) value {
			if of(p) == 0 || p.Brief() {
				return gap
			}
			return milliseconds(of(p))
		}
	}
	p99, mean := func(p compare.Point) time.Duration { return p.P99 }, func(p compare.Point) time.Duration { return p.Mean }
	rate := func(p compare.Point) value {
		if p.Brief() || p.Length <= 0 {
			return gap
		}
		return value(p.Rate)
	}
	all := []chart{
		bothOver("p99", "99th percentile", "Response times of each second, over the time since each run began.", "duration", c, latency(p99), 1),
		bothOver("mean", "Mean", "Response times of each second.", "duration", c, latency(mean), 1),
		bothOver("rate", "Rate", "Requests that succeeded, per second.", "rate", c, rate, -1),
	}
	return all
}

// bothOver is a chart of both runs. If there are more spans than are drawn, those with
// the largest values, times sign, are.
func bothOver(id, title, caption, unit string, c *compare.Comparison, of func(compare.Point) value, sign value) chart {
	n := max(len(c.A.Points), len(c.B.Points))
	every := (n + maxPoints - 1) / maxPoints
	ch := chart{
		ID: id, Title: title, Caption: caption, Label: title + " of both runs over time.",
		XUnit: "time", YUnit: unit, Bounds: []boundary{},
		Series: []series{{Name: "A", Style: "answered"}, {Name: "B", Style: "p99"}},
	}
	longer := c.A.Points
	if len(c.B.Points) > len(longer) {
		longer = c.B.Points
	}
	for at := 0; at < n; at += every {
		ch.X = append(ch.X, value(longer[at].Begin.Seconds()))
	}
	low, high := value(math.Inf(1)), value(0)
	for i, points := range [][]compare.Point{c.A.Points, c.B.Points} {
		for at := 0; at < n; at += every {
			best := gap
			for _, p := range points[min(at, len(points)):min(at+every, len(points))] {
				if v := of(p); math.IsNaN(float64(best)) || v*sign > best*sign {
					best = v
				}
			}
			if best < low {
				low = best
			}
			if best > high {
				high = best
			}
			ch.Series[i].Y = append(ch.Series[i].Y, best)
		}
	}
	ch.Log = unit == "duration" && high > 10*low
	if every > 1 {
		ch.Caption += fmt.Sprintf(" Of every %d seconds the extreme is shown.", every)
	}
	return ch
}
