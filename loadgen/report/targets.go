package report

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// shownTargets is how many targets have a row of their own.
const shownTargets = 100

// noBreak is a space at which a line does not end.
const noBreak = "\u00a0"

// openTargets is how many rows are seen before a click opens the table.
const openTargets = 20

// targetRow is a row of a table of targets.
type targetRow struct {
	name   measure.Name
	from   int  // where its URL differs from the others: behind the origin, if all have one
	others bool // it has all that have no row of their own
	beyond bool // and those that are not counted apart are among them
	*measure.Target
}

// targetRows are the targets with the most requests, and then, if there are more,
// all others in one. There are none if targets are not counted apart.
func targetRows(r *measure.Run) []targetRow {
	if r.Names == nil {
		return nil
	}
	var rows []targetRow
	others, beyond := new(measure.Target), false
	r.Total.Targets.Each(func(row int, t *measure.Target) {
		if row > len(r.Names) {
			others.Add(t)
			beyond = true
			return
		}
		rows = append(rows, targetRow{name: r.Names[row-1], Target: t})
	})
	slices.SortStableFunc(rows, func(a, b targetRow) int { return cmp.Compare(b.Requests(), a.Requests()) })
	if len(rows) > shownTargets {
		for _, row := range rows[shownTargets:] {
			others.Add(row.Target)
		}
		rows = rows[:shownTargets]
	}
	from := commonOrigin(rows)
	for i := range rows {
		rows[i].from = from
	}
	if others.Requests() > 0 {
		rows = append(rows, targetRow{others: true, beyond: beyond, Target: others})
	}
	return rows
}

// commonOrigin is how long the origin of all URLs is, if they have one and each has
// more than that.
func commonOrigin(rows []targetRow) int {
	origin := ""
	for i, row := range rows {
		_, rest, _ := strings.Cut(row.name.URL, "://")
		path := strings.IndexByte(rest, '/')
		if path < 0 {
			return 0
		}
		own := row.name.URL[:len(row.name.URL)-len(rest)+path]
		if i > 0 && own != origin {
			return 0
		}
		origin = own
	}
	return len(origin)
}

// String is the target as text and page have it.
func (t *targetRow) String() string {
	switch {
	case t.beyond:
		return "all others (the first " + human.Count(measure.MaxTargets) + " targets are counted apart)"
	case t.others:
		return "all others"
	}
	return human.Line(t.name.Method + " " + t.name.URL[t.from:])
}

// errors are the kinds of what was without success: classes of statuses first.
func (t *targetRow) errors() []counted {
	var all []counted
	declined := t.Ends[exchange.Declined]
	for class := 4; class < len(t.Classes); class++ {
		if n := t.Classes[class]; n > 0 {
			all = append(all, counted{fmt.Sprintf("%dxx", class), n})
			declined -= n
		}
	}
	if declined > 0 {
		all = append(all, counted{"status", declined}) // that RFC 9110 does not have
	}
	for kind, name := range exchange.Kinds() {
		if n := t.Failed[kind]; n > 0 {
			all = append(all, counted{name, n})
		}
	}
	return all
}

// latency is a quantile's text, if there is one.
func (t *targetRow) latency(of func(*measure.Coarse) time.Duration) string {
	if t.Latency.Count() == 0 {
		return none
	}
	return human.Duration(of(&t.Latency))
}

// cells are requests, rate, answered, p50, p99, max.
func (t *targetRow) cells(r *measure.Run) []string {
	return []string{
		human.Count(t.Requests()), human.Rate(r.RateOf(t.Requests())), human.Count(t.Answered()),
		t.latency(func(c *measure.Coarse) time.Duration { return c.Quantile(0.5) }),
		t.latency(func(c *measure.Coarse) time.Duration { return c.Quantile(0.99) }),
		t.latency((*measure.Coarse).Max),
	}
}

// targetText writes a line for each, if there are several.
func targetText(b *bytes.Buffer, r *measure.Run) {
	rows := targetRows(r)
	if len(rows) == 0 {
		return
	}
	b.WriteString("Targets:\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "Requests\tRate\tAnswered\t50\t99\tMax\tErrors\t  Target")
	for _, row := range rows {
		errors := kindCounts(row.errors())
		fmt.Fprintf(w, "%s\t%s\t  %s\n", strings.Join(row.cells(r), "\t"), cmp.Or(strings.ReplaceAll(errors, "  ", " "), "0"), row.String())
	}
	_ = w.Flush() // memory takes everything
}

// targetTable is the same on a page.
func targetTable(r *measure.Run, rows []targetRow) table {
	t := table{
		ID: "target-table", Title: "Targets", Wide: true, Folded: len(rows) > openTargets,
		Columns: []string{"Target", "Requests", "Rate", "Answered", "50%", "99%", "Max", "Errors"},
	}
	switch last := rows[len(rows)-1]; {
	case last.beyond:
		t.Note = fmt.Sprintf("Of the first %s targets, which are counted apart, the %d with the most requests; and all others together.", human.Count(uint64(len(r.Names))), len(rows)-1)
	case last.others:
		t.Note = fmt.Sprintf("The %d with the most requests, and all others together.", len(rows)-1)
	}
	for _, row := range rows {
		var texts []string
		for _, e := range row.errors() {
			texts = append(texts, human.Count(e.n)+noBreak+e.text)
		}
		t.Rows = append(t.Rows, append([]string{row.String()}, append(row.cells(r), cmp.Or(strings.Join(texts, ", "), "0"))...))
	}
	return t
}

// targetDocument is a target as JSON.
type targetDocument struct {
	Method    string            `json:"method,omitempty"`
	URL       string            `json:"url,omitempty"`
	Requests  uint64            `json:"requests"`
	Rate      float64           `json:"rate"` // for each second of the attack
	Answered  uint64            `json:"answered"`
	Succeeded uint64            `json:"succeeded"`
	Errors    map[string]uint64 `json:"errors"` // by class of status, or kind of failure
	P50       *time.Duration    `json:"50th"`   // within a 64th, as the next
	P99       *time.Duration    `json:"99th"`
	Max       *time.Duration    `json:"max"`
}

// newTargets are the rows; others is nil if each has its own.
func newTargets(r *measure.Run) (all []targetDocument, others *targetDocument) {
	for _, row := range targetRows(r) {
		timed := row.Latency.Count()
		d := targetDocument{
			Method: row.name.Method, URL: row.name.URL, Requests: row.Requests(), Rate: r.RateOf(row.Requests()),
			Answered: row.Answered(), Succeeded: row.Ends[exchange.Succeeded], Errors: byText(row.errors()),
			P50: sampled(row.Latency.Quantile(0.5), timed), P99: sampled(row.Latency.Quantile(0.99), timed), Max: sampled(row.Latency.Max(), timed),
		}
		if row.others {
			others = &d
		} else {
			all = append(all, d)
		}
	}
	return all, others
}
