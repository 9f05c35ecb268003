package report

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// Text writes vegeta's text report of the run: its lines are vegeta's own, but that
// behind its latencies stands whose they are, if there is anything to say. To
// them come the run itself as a heading, the tail, service times, and what else
// vegeta has no line for. The error set has a count before each text, the most
// frequent first.
func Text(w io.Writer, r *measure.Run) error {
	var lines strings.Builder
	if err := vegeta.NewTextReporter(metrics(r)).Report(&lines); err != nil {
		return err
	}
	const errorSet, second = "Error Set:\n", "Bytes In "
	figures, _, _ := strings.Cut(lines.String(), errorSet)
	latencies, rest, _ := strings.Cut(figures, second) // ours go between: percentiles belong together

	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\n", target(r), setup(r))
	for _, note := range notes(r) {
		fmt.Fprintln(&b, note)
	}
	of := population(r.Total)
	b.WriteString("\n" + strings.TrimSuffix(latencies, "\n") + of + "\n")
	response, service := r.Total.Response(), r.Total.Service
	row(&b, "Tail", "[99.9, 99.99]", of, quantile(response, 0.999), quantile(response, 0.9999))
	all := newLatencyDocument(service)
	row(&b, "Service", "[mean, 50, 99, 99.9, 99.99, max]", "", all.Mean, all.P50, all.P99, all.P999, all.P9999, all.Max)
	stepText(&b, r.Total)
	if r.Total.Unsuccessful() > 0 {
		for _, d := range times(r.Total) {
			all := newLatencyDocument(d.Latency)
			row(&b, d.name, "[mean, min, 50, 99, max]", "", all.Mean, all.Min, all.P50, all.P99, all.Max)
		}
		fmt.Fprintf(&b, columns, "Ends", "[end:count]", kindCounts(ends(r.Total)))
	}
	// Beside vegeta's throughput, which is also over the wait for the last response, and
	// so below the rate that a run has reached.
	fmt.Fprintf(&b, columns, "Rates", "[answered, succeeded]", strings.Join([]string{
		strconv.FormatFloat(r.Answered(), 'f', 2, 64), strconv.FormatFloat(r.Reached(), 'f', 2, 64)}, ", "))
	b.WriteString(second + rest)
	if r.Total.Retries > 0 {
		fmt.Fprintf(&b, columns, "Retries", "[total]", strconv.FormatUint(r.Total.Retries, 10))
	}
	if kinds := failures(r.Total); len(kinds) > 0 {
		fmt.Fprintf(&b, columns, "Failures", "[kind:count]", kindCounts(kinds))
	}
	bad := r.Total.BadConnections()
	if bad > 0 || r.Total.Connections > uint64(r.Connections) {
		fmt.Fprintf(&b, columns, "Connections", "[made, errors]", fmt.Sprint(r.Total.Connections, ", ", bad))
	}
	if r.Busy > 0 {
		all, busiest := cores(r)
		fmt.Fprintf(&b, columns, "Generator", "[cores, busiest second]", all+", "+busiest)
	}
	cacheText(&b, r.Total)
	originText(&b, r)
	targetText(&b, r)
	histogramText(&b, r.Total)
	b.WriteString(errorSet)
	list(&b, errorCounts(r.Total))
	if bad > 0 {
		b.WriteString("Connection Errors:\n")
		list(&b, byCount(r.Total.ConnectionErrors))
	}
	_, err := b.WriteTo(w)
	return err
}

// list writes texts with their counts.
func list(b *bytes.Buffer, all []counted) {
	width := 0
	for _, e := range all {
		count := strconv.FormatUint(e.n, 10)
		width = max(width, len(count)) // the first is the longest
		fmt.Fprintf(b, "%*s  %s\n", width, count, human.Line(e.text))
	}
}

// columns are as wide as vegeta's: its longest label and its longest list, two
// spaces after each.
const columns = "%-14s%-34s%s\n"

// population says of whom vegeta's latencies are, if that is not only of successes:
// what fails at once makes them shorter.
func population(t *measure.Tally) string {
	n := t.Unsuccessful()
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("  (of all requests, also the %s without success)", human.Count(n))
}

// row writes latencies as vegeta does, a dash for each that there is no sample of, and
// behind them whose they are.
func row(w io.Writer, label, list, of string, latencies ...*time.Duration) {
	texts := make([]string, len(latencies))
	for i, d := range latencies {
		texts[i] = "-"
		if d != nil {
			texts[i] = rounded(*d).String()
		}
	}
	_, _ = fmt.Fprintf(w, columns, label, list, strings.Join(texts, ", ")+of) // memory takes everything
}

// rounded has the precision of vegeta's text: the next smaller unit.
func rounded(d time.Duration) time.Duration {
	units := [...]time.Duration{time.Hour, time.Minute, time.Second, time.Millisecond, time.Microsecond, time.Nanosecond}
	for i, unit := range units[1:] {
		if d >= units[i] {
			return d.Round(unit)
		}
	}
	return d
}

// kindCounts writes failures as vegeta does statuses: "reset:3  timeout:12".
func kindCounts(kinds []counted) string {
	texts := make([]string, len(kinds))
	for i, k := range kinds {
		texts[i] = k.text + ":" + strconv.FormatUint(k.n, 10)
	}
	return strings.Join(texts, "  ")
}
