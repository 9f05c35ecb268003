package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

// Capacity is what a search for the highest rate that holds objectives found.
type Capacity struct {
	Target      string // the first URL
	Objectives  slo.Objectives
	Best        float64 // the highest rate that held, per second; 0: none did
	Confirmed   bool    // the search came to its end: it held twice, and the next one missed twice
	Interrupted bool
	Limit       OwnLimit // of the load generator, if that was reached first
	Probes      []Probe  // in the order they were made

	// Low and High are the rates between which probes disagreed; 0: none did.
	Low, High float64
}

// noise is a sentence on probes that disagreed, "" if there is nothing to say.
func (c *Capacity) noise() string {
	if c.High > 0 {
		return " Probes from " + human.Rate(c.Low) + " to " + human.Rate(c.High) + " disagreed: the limit is within them, no more exactly."
	}
	lowest, held := 0.0, 0
	for _, p := range c.byRate() {
		if lowest == 0 {
			lowest = p.Rate
		}
		if p.Rate == lowest && p.Held {
			held++
		}
	}
	if c.Best == 0 && lowest > 0 {
		text := " The lowest that was tried is " + human.Rate(lowest)
		if held > 0 {
			text += ", and " + plural(held, "probe") + " of it held"
		}
		return text + "."
	}
	return ""
}

// failures are sentences on what failed at the rate that held, and at the next one
// if no objective is about that; "" if there is nothing to say. A rate that held
// with errors is not to stand there without them.
func (c *Capacity) failures() (text string) {
	probes := c.byRate()
	for _, p := range slices.Backward(probes) { // the last of several
		if p.Held && p.Rate == c.Best {
			if n := p.Run.Total.Unsuccessful(); n > 0 {
				text = fmt.Sprintf(" At %s, %s of %s requests failed.", human.Rate(p.Rate), human.Count(n), human.Count(p.Run.Total.Requests()))
			}
			break
		}
	}
	if i := slices.IndexFunc(probes, func(p Probe) bool { return !p.Held && p.Rate > c.Best }); i >= 0 {
		if unsaid := c.Objectives.UnaskedFailures(probes[i].Run); unsaid != "" {
			text += " At " + human.Rate(probes[i].Rate) + ", " + unsaid + "."
		}
	}
	return text
}

// Probe is a run at a rate.
type Probe struct {
	Rate     float64 // asked for, per second
	Run      *measure.Run
	Verdicts []slo.Verdict
	Held     bool // all objectives were met, and the rate was kept
}

// Crowded reports whether requests waited for room among those that may be in
// flight, so that the probe may have measured that limit. Where nothing was answered
// more room would show nothing else.
func (p *Probe) Crowded() bool { return p.Run.Crowded() && p.Run.Total.Answered() > 0 }

// byRate are the probes in the order of their rates.
func (c *Capacity) byRate() []Probe {
	return slices.SortedStableFunc(slices.Values(c.Probes), func(a, b Probe) int { return cmp.Compare(a.Rate, b.Rate) })
}

// bounds are the objectives in a line.
func (c *Capacity) bounds() string {
	all := make([]string, len(c.Objectives))
	for i, o := range c.Objectives {
		all[i] = sign(o)
	}
	return cmp.Or(strings.Join(all, ", "), "without objectives")
}

// result is the search in a sentence.
func (c *Capacity) result() string {
	switch {
	case c.Limit != NoLimit:
		return c.limit() + c.failures() + c.noise()
	case c.Best > 0 && c.Confirmed:
		return human.Rate(c.Best) + " held " + c.bounds() + "." + c.failures() + c.noise()
	case c.Best > 0:
		return human.Rate(c.Best) + " held " + c.bounds() + "." + c.failures() + " A higher rate may hold: the search did not come to its end."
	case c.Interrupted:
		return "The search was interrupted before a rate was decided on."
	}
	return "No rate held " + c.bounds() + "." + c.failures() + c.noise()
}

// setup is how all probes attacked.
func (c *Capacity) setup() string {
	if len(c.Probes) == 0 {
		return "no probe was made"
	}
	first := *slices.MaxFunc(c.Probes, func(a, b Probe) int { return cmp.Compare(a.Run.Connections, b.Run.Connections) }).Run
	first.Pace = plural(len(c.Probes), "probe")
	return setup(&first)
}

// probeColumns are the columns of a table of probes.
var probeColumns = []string{"Asked", "Answered", "Mean", "50%", "99%", "99.9%", "Errors", "Outcome"}

func (c *Capacity) row(p *Probe) []string {
	t := p.Run.Total
	return []string{
		human.Rate(p.Rate),
		human.Rate(p.Run.Answered()),
		orNone(t.Latency(), (*measure.Latency).Mean),
		orNone(t.Latency(), func(l *measure.Latency) time.Duration { return l.Quantile(0.5) }),
		orNone(t.Latency(), p99),
		orNone(t.Latency(), func(l *measure.Latency) time.Duration { return l.Quantile(0.999) }),
		human.Count(t.Unsuccessful()),
		c.outcome(p),
	}
}

// outcome says whether a probe held, or why it did not.
func (c *Capacity) outcome(p *Probe) string {
	if !p.Held && c.Objectives.UnaskedFailures(p.Run) != "" {
		return "too many failed"
	}
	return p.outcome()
}

// outcome says whether the probe held, or what it missed.
func (p *Probe) outcome() string {
	if p.Held {
		return "held"
	}
	var all []string
	for _, v := range p.Verdicts {
		if !v.Met {
			all = append(all, v.Objective.Metric.String())
		}
	}
	if len(all) == 0 {
		return "rate not kept"
	}
	return "missed " + strings.Join(all, ", ")
}

// CapacityText writes the probes as a table, by rate, and the rate that held.
func CapacityText(w io.Writer, c *Capacity) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\n\n", human.Line(c.Target), c.setup())
	columns := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range append([][]string{probeColumns}, c.rows()...) {
		last := len(row) - 1
		fmt.Fprintf(columns, "%s\t  %s\n", strings.Join(row[:last], "\t"), row[last])
	}
	if err := columns.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n%s\n", c.result())
	_, err := b.WriteTo(w)
	return err
}

// pageRows are the rows of the page.
func (c *Capacity) pageRows() [][]string {
	rows := c.rows()
	for i, row := range rows {
		rows[i] = outcomeSecond(row)
	}
	return rows
}

// outcomeSecond moves the last cell beside the first: on a phone the last is out of
// sight, and this one is what a reader looks for.
func outcomeSecond(row []string) []string {
	last := len(row) - 1
	return slices.Insert(slices.Clone(row[:last]), 1, row[last])
}

func (c *Capacity) rows() [][]string {
	var rows [][]string
	for _, p := range c.byRate() {
		rows = append(rows, c.row(&p))
	}
	return rows
}

// capacityDocument is the JSON report of a search, in the units of a run's.
type capacityDocument struct {
	Target      string          `json:"target"`
	Objectives  string          `json:"objectives"`
	Best        float64         `json:"best"`
	Confirmed   bool            `json:"confirmed"`
	Interrupted bool            `json:"interrupted"`
	Limited     bool            `json:"limited"`    // by the load generator, not by the server
	LimitedBy   OwnLimit        `json:"limited_by"` // "": it was not
	Low         float64         `json:"noise_low"`  // probes from here disagreed,
	High        float64         `json:"noise_high"` // to here; 0: none did
	Probes      []probeDocument `json:"probes"`
}

type probeDocument struct {
	Rate float64  `json:"rate"`
	Held bool     `json:"held"`
	Run  document `json:"run"`
}

// CapacityJSON writes the search with every probe's run as JSON has it: one
// line.
func CapacityJSON(w io.Writer, c *Capacity) error {
	d := capacityDocument{c.Target, c.Objectives.String(), c.Best, c.Confirmed, c.Interrupted, c.Limit != NoLimit, c.Limit, c.Low, c.High, make([]probeDocument, len(c.Probes))}
	for i, p := range c.Probes {
		d.Probes[i] = probeDocument{p.Rate, p.Held, newDocument(p.Run, p.Verdicts)}
	}
	return encode(w, d)
}

// CapacityHTML writes the search as a page such as HTML's: latencies over the
// rate, and a table of the probes.
func CapacityHTML(w io.Writer, c *Capacity) error {
	p := page{
		Title:   "capacity " + human.Rate(c.Best) + ": " + human.Line(c.Target),
		Heading: "Capacity",
		Target:  human.Line(c.Target),
		Setup:   c.setup(),
		Figures: c.figures(),
		Notes:   c.remarks(),
		Tables:  []table{{ID: "probe-table", Title: "Probes", Wide: true, Columns: outcomeSecond(probeColumns), Rows: c.pageRows()}},
	}
	if len(c.Probes) > 0 {
		p.Charts = []chart{c.chart()}
	}
	return p.write(w)
}

// remarks are what the figures do not say: whose limit was found, and how sure it is.
func (c *Capacity) remarks() []string {
	if c.Confirmed && c.Limit == NoLimit && c.failures() == "" && c.noise() == "" {
		return nil
	}
	return []string{c.result()}
}

// figures are the best rate with its latencies, and the next that missed. A
// search may try a rate again: what counts is what it found in the end.
func (c *Capacity) figures() []figure {
	label := "Highest rate that held"
	if !c.Confirmed && c.Best > 0 {
		label = "Highest rate so far"
	}
	best := newFigure(label, human.Rate(c.Best), c.bounds())
	if c.Best <= 0 {
		best.State = missed
	}
	all := []figure{best}
	probes := c.byRate()
	if i := slices.IndexFunc(probes, func(p Probe) bool { return p.Held && p.Rate == c.Best }); i >= 0 {
		response, at := probes[i].Run.Total.Latency(), "at "+human.Rate(c.Best)
		all = append(all,
			newFigure("Mean", orNone(response, (*measure.Latency).Mean), at),
			newFigure("99th percentile", orNone(response, p99), at))
	}
	if i := slices.IndexFunc(probes, func(p Probe) bool { return !p.Held && p.Rate > c.Best }); i >= 0 {
		all = append(all, newFigure("Next that missed", human.Rate(probes[i].Rate), c.outcome(&probes[i])))
	}
	return all
}

func (c *Capacity) chart() chart {
	probes := c.byRate()
	ch := chart{
		ID:      "capacity",
		Title:   "Response time over the rate",
		Caption: "Each mark is a probe: ● held the objectives, ✕ missed one.",
		Label:   c.result(),
		XUnit:   "rate",
		YUnit:   "duration",
		Bounds:  latencyBounds(c.Objectives, nil, false),
	}
	lines := []struct {
		series
		of func(*measure.Latency) time.Duration
	}{
		{series{Name: "p99", Style: "p99"}, p99},
		{series{Name: "mean", Style: "mean"}, (*measure.Latency).Mean},
		{series{Name: "p50", Style: "p50"}, func(l *measure.Latency) time.Duration { return l.Quantile(0.5) }},
	}
	low, high := time.Duration(0), time.Duration(0)
	for _, p := range probes {
		response := p.Run.Total.Latency()
		ch.X = append(ch.X, value(p.Rate))
		ch.Held = append(ch.Held, p.Held)
		for i := range lines {
			y := gap
			if response.Count() > 0 {
				y = milliseconds(lines[i].of(response))
			}
			lines[i].Y = append(lines[i].Y, y)
		}
		if p50 := response.Quantile(0.5); low == 0 || p50 < low {
			low = p50
		}
		high = max(high, response.Quantile(0.99))
	}
	for _, l := range lines {
		ch.Series = append(ch.Series, l.series)
	}
	ch.Log = wide(low, high)
	if c.Best > 0 {
		ch.Bounds = append(ch.Bounds, boundary{Text: "best " + human.Rate(c.Best), X: value(c.Best), Y: gap, State: met})
	}
	return ch
}
