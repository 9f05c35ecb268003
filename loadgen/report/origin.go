package report

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// originDocument is measure.Origin as JSON.
type originDocument struct {
	URL      string            `json:"url"`
	Requests uint64            `json:"requests"`
	HitRatio float64           `json:"hit_ratio"` // see measure.Run.Witnessed
	Broken   uint64            `json:"broken"`
	BytesOut uint64            `json:"bytes_out"`
	Statuses map[string]uint64 `json:"statuses"`
}

func newOrigin(r *measure.Run) *originDocument {
	o := r.Origin
	if o == nil {
		return nil
	}
	return &originDocument{URL: o.URL, Requests: o.Requests, HitRatio: r.Witnessed(), Broken: o.Broken, BytesOut: o.BytesOut, Statuses: o.Statuses}
}

// originText writes what the origin had beside what the edge answered.
func originText(b *bytes.Buffer, r *measure.Run) {
	if r.Origin == nil {
		return
	}
	fmt.Fprintf(b, columns, "Origin", "[requests, hit ratio, bytes]", fmt.Sprintf("%d, %.2f%%, %d", r.Origin.Requests, 100*r.Witnessed(), r.Origin.BytesOut))
	fmt.Fprintf(b, columns, "Origin Codes", "[code:count]", kindCounts(originStatuses(r.Origin)))
}

// originStatuses are the origin's, from the lowest.
func originStatuses(o *measure.Origin) (all []counted) {
	for status, n := range o.Statuses {
		all = append(all, counted{status, n})
	}
	slices.SortFunc(all, func(a, b counted) int { return cmp.Compare(a.text, b.text) })
	return all
}

// originTable is the same on a page.
func originTable(r *measure.Run) table {
	t := table{
		ID: "origin-table", Title: "The origin",
		Note: fmt.Sprintf("What the origin at %s counted meanwhile: of %s answers %s did not need it.",
			human.Line(r.Origin.URL), human.Count(r.Total.Answered()), human.Percent(r.Witnessed())),
		Columns: []string{"Origin's answers", "Requests", "Share"},
	}
	for _, c := range originStatuses(r.Origin) {
		if code, err := strconv.Atoi(c.text); err == nil {
			c.text = measure.StatusText(code)
		}
		t.Rows = append(t.Rows, []string{human.Line(c.text), human.Count(c.n), human.Percent(float64(c.n) / float64(max(r.Origin.Requests, 1)))})
	}
	if r.Origin.Broken > 0 {
		t.Rows = append(t.Rows, []string{"broken off", human.Count(r.Origin.Broken), human.Percent(float64(r.Origin.Broken) / float64(max(r.Origin.Requests, 1)))})
	}
	return t
}
