package report

import (
	"bytes"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// steps are what a connection and a request take apart, but for what there was none
// of.
func steps(t *measure.Tally) (all []distribution) {
	for _, d := range []distribution{{"Connect", t.Dial}, {"TLS", t.TLS}, {"First Byte", t.FirstByte}} {
		if d.Count() > 0 {
			all = append(all, d)
		}
	}
	return all
}

// stepText writes them as vegeta writes latencies.
func stepText(b *bytes.Buffer, t *measure.Tally) {
	for _, d := range steps(t) {
		all := newLatencyDocument(d.Latency)
		row(b, d.name, "[50, 99, max]", "", all.P50, all.P99, all.Max)
	}
}

// stepTexts are the same in words.
var stepTexts = map[string]string{
	"Connect": "connecting", "TLS": "TLS handshake", "First Byte": "first byte of a response",
}

// stepTable is the same on a page, with the whole response beside it.
func stepTable(t *measure.Tally) table {
	s := table{
		ID: "step-table", Title: "Steps", Note: "Connections that were made, the look-up of the name included. Whole responses, from when the request was sent.",
		Columns: []string{"Step", "Number", "50%", "99%", "Max"},
	}
	add := func(name string, l *measure.Latency) {
		s.Rows = append(s.Rows, []string{name, human.Count(l.Count()), human.Duration(l.Quantile(0.5)), human.Duration(l.Quantile(0.99)), human.Duration(l.Max())})
	}
	for _, d := range steps(t) {
		add(stepTexts[d.name], d.Latency)
	}
	if t.Service.Count() > 0 {
		add("whole response", t.Service)
	}
	return s
}
