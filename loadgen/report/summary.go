package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// counted is a text and how often it came.
type counted struct {
	text string
	n    uint64
}

// errorCounts are the errors of a tally's requests.
func errorCounts(t *measure.Tally) []counted { return byCount(t.Errors) }

// byCount are texts with their counts, the most frequent first.
func byCount(counts map[string]uint64) []counted {
	var all []counted
	for text, n := range counts {
		all = append(all, counted{text, n})
	}
	slices.SortFunc(all, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.text, b.text))
	})
	return all
}

// failures are the kinds of failure that came, in the order of an exchange's
// life.
func failures(t *measure.Tally) []counted {
	var all []counted
	for kind, name := range exchange.Kinds() {
		if n := t.Failed[kind]; n > 0 {
			all = append(all, counted{name, n})
		}
	}
	return all
}

// metrics are the run's figures as vegeta has them.
func metrics(r *measure.Run) *vegeta.Metrics {
	t := r.Total
	m := &vegeta.Metrics{
		Latencies:   latencyMetrics(t.Response()),
		BytesIn:     vegeta.ByteMetrics{Total: t.BytesIn},
		BytesOut:    vegeta.ByteMetrics{Total: t.BytesOut},
		Earliest:    r.Begin,
		Latest:      r.Begin.Add(t.LastDue - t.FirstDue),
		End:         r.Begin.Add(t.LastEnd - t.FirstDue),
		Duration:    r.Duration,
		Wait:        r.Wait(),
		Requests:    t.Requests(),
		Rate:        r.Rate(),
		Throughput:  r.Throughput(),
		Success:     r.Success(),
		StatusCodes: make(map[string]int),
		Errors:      []string{},
	}
	if t.Requests() > 0 {
		m.BytesIn.Mean = float64(t.BytesIn) / float64(t.Requests())
		m.BytesOut.Mean = float64(t.BytesOut) / float64(t.Requests())
	}
	for status, n := range t.Statuses {
		if n > 0 {
			m.StatusCodes[strconv.Itoa(status)] = int(n)
		}
	}
	for _, e := range errorCounts(t) {
		m.Errors = append(m.Errors, e.text)
	}
	return m
}

func latencyMetrics(l *measure.Latency) vegeta.LatencyMetrics {
	return vegeta.LatencyMetrics{
		Total: l.Sum(),
		Mean:  l.Mean(),
		P50:   l.Quantile(0.5),
		P90:   l.Quantile(0.9),
		P95:   l.Quantile(0.95),
		P99:   l.Quantile(0.99),
		Max:   l.Max(),
		Min:   l.Min(),
	}
}

// target is what was attacked.
func target(r *measure.Run) string {
	text := human.Line(r.Target)
	if r.Targets > 1 {
		text += fmt.Sprintf(" and %s more", human.Count(uint64(r.Targets-1)))
	}
	return text
}

// connections is what it was attacked through.
func connections(r *measure.Run) string {
	text := plural(r.Connections+r.Grown, "connection")
	if r.PerRequest {
		return text + " at a time, each for one request"
	}
	if r.Streams > 1 {
		text += " × " + plural(r.Streams, "stream")
	}
	return text
}

func plural(n int, noun string) string {
	text := human.Count(uint64(n)) + " " + noun
	if n != 1 {
		text += "s"
	}
	return text
}

// setup is how it was attacked: "h2, 8 connections × 32 streams, 150,000/s".
func setup(r *measure.Run) string {
	parts := []string{r.Protocol, connections(r), r.Pace, r.Pattern, ""}
	if r.Agents > 0 {
		parts[4] = plural(r.Agents, "agent")
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return human.Line(strings.Join(parts, ", "))
}

// notes are what a reader has to know before the figures.
func notes(r *measure.Run) []string {
	var all []string
	if r.Interrupted {
		all = append(all, "Interrupted after "+human.Duration(r.Duration)+": the figures are of what there is.")
	}
	all = append(all, r.Notes...)
	t := r.Total
	if rate := r.Answered(); rate < enough*r.Asked {
		all = append(all, fmt.Sprintf("The rate was not reached: asked for %s, %s were answered.", human.Rate(r.Asked), human.Rate(rate)))
	}
	if r.Fallback {
		all = append(all, "HTTP/2 was offered, and a server chose HTTP/1.1, which has one request in flight on a connection.")
	}
	if text := busy(r); text != "" {
		all = append(all, text)
	}
	if text := waited(r); text != "" {
		all = append(all, text)
	}
	if t.Starved > 0 {
		all = append(all, fmt.Sprintf("%s of %s requests were sent late, or never, because their targets had not been read yet: that is the limit of what the load generator reads from, not the server's.",
			human.Count(t.Starved), human.Count(t.Requests())))
	}
	if n := t.Ends[exchange.Declined]; n > 0 {
		all = append(all, fmt.Sprintf("%s of %s answers have a status of 400 or more: %s succeeded.",
			human.Count(n), human.Count(t.Answered()), human.Rate(r.Reached())))
	}
	if text := redirected(t); text != "" {
		all = append(all, text)
	}
	if n := t.Ends[exchange.Cut]; n > 0 {
		all = append(all, fmt.Sprintf("%s of %s requests were given up after %s without a whole answer; service times do not have them.",
			human.Count(n), human.Count(t.Requests()), human.Exact(r.Timeout)))
	}
	if n := t.Ends[exchange.Unsent]; n > 0 {
		all = append(all, fmt.Sprintf("%s of %s requests were never sent; service times do not have them.",
			human.Count(n), human.Count(t.Requests())))
	}
	if n := t.BadConnections(); n > 0 {
		all = append(all, fmt.Sprintf("%s could not be made, or ended otherwise than in order.", plural(int(n), "connection")))
	}
	for i, n := range t.Remarks {
		if n > 0 {
			why := "which RFC 9112 forbids servers (-strict refuses them)"
			if exchange.Forbidden&(1<<i) == 0 {
				why = "and end with the connection: those that were cut off are taken for whole"
			}
			all = append(all, fmt.Sprintf("%s of %s responses have %s, %s.",
				human.Count(n), human.Count(t.Answered()), exchange.RemarkNames()[i], why))
		}
	}
	if r.Warmup > 0 {
		all = append(all, fmt.Sprintf("A warm-up of %s requests is not in the figures.", human.Count(r.Warmup)))
	}
	return all
}

// waited is a sentence on requests that waited for room among those in flight,
// "" if hardly any did. It is the load generator's own limit, not the server's, unless
// the server answers nothing: so it says what to raise.
func waited(r *measure.Run) string {
	if !r.Crowded() {
		return ""
	}
	text := fmt.Sprintf("%s of %s requests waited because all that may be in flight were (%s)",
		human.Count(r.Total.Waited), human.Count(r.Total.Requests()), connections(r))
	if r.Total.Answered() == 0 {
		return text + ": nothing was answered."
	}
	text += ": that is the load generator's limit. "
	need := r.Needed()
	if r.Grown > 0 {
		enough := max(r.Connections+r.Grown, (need+r.Streams-1)/max(r.Streams, 1))
		return text + fmt.Sprintf("They were made more, %s at first: give -connections %d from the start, or more, and -max-connections if that is the limit.", human.Count(uint64(r.Connections)), enough)
	}
	flag := "-connections"
	if r.Protocol != "http/1.1" && !r.PerRequest {
		flag += " or -streams"
	}
	switch mean := human.Duration(r.HeldMean()); {
	case need >= r.Slots():
		text += fmt.Sprintf("Each has its place for %s on average, so %s take %s: ", mean, human.Rate(r.Peak()), human.Count(uint64(need)))
	case need > 0:
		text += fmt.Sprintf("Each has its place for %s on average, so %s take %s, and more when many are due or slow together: ", mean, human.Rate(r.Peak()), human.Count(uint64(need)))
	}
	return text + "raise " + flag + "."
}

// busy is a sentence on a load generator that used nearly all of its cores, be it for a
// second; "" if it did not.
func busy(r *measure.Run) string {
	share, when := r.MostBusy(), ""
	switch {
	case share < busyMuch:
		return ""
	case r.Busy < busyMuch:
		when = " in the second after " + human.Duration(r.Busiest().Begin)
	}
	return fmt.Sprintf("The load generator used %s of its cores%s: it may be the limit, not the server. Give it more, or several machines.", human.Percent(min(share, 1)), when)
}

// cores are the shares of its cores that the load generator used in all, and in its
// busiest second.
func cores(r *measure.Run) (all, busiest string) {
	return human.Percent(min(r.Busy, 1)), human.Percent(min(r.MostBusy(), 1))
}

// busyMuch is the share of its cores from which requests wait for the load
// generator itself: the rest is what one turn's work is beside another's.
const busyMuch = 0.9

// enough is the share of the rate asked for that counts as reached: a second's
// batches begin and end a little beside it.
const enough = 0.99

// ends are how far requests came, of those ends that there were, in the order of
// exchange.End.
func ends(t *measure.Tally) []counted {
	var all []counted
	for end, name := range exchange.EndNames() {
		if n := t.Ends[end]; n > 0 {
			all = append(all, counted{name, n})
		}
	}
	return all
}

// times are the distributions of response times that a run with failures has
// apart, but for those that are empty.
func times(t *measure.Tally) (all []distribution) {
	for _, d := range []distribution{{"Succeeded", t.Success}, {"Late", t.Late}, {"Failed", t.Failure}} {
		if d.Count() > 0 {
			all = append(all, d)
		}
	}
	return all
}

type distribution struct {
	name string
	*measure.Latency
}
