//go:build linux

package main

import (
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// report prints the tables.
func (j *journal) report() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.printed > mostPrinted {
		fmt.Fprintf(j.out, "… and %d failures more\n", j.printed-mostPrinted)
	}
	t := tabwriter.NewWriter(j.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "client\trequests\tsent again\tfailed\t")
	for _, c := range j.clients {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t\n", c.name, c.requests, c.again, c.failures())
		if c.excused > 0 {
			fmt.Fprintf(t, "  excused: the origin was away\t%d\t\t\t\n", c.excused)
		}
		for _, why := range slices.Sorted(maps.Keys(c.failed)) {
			fmt.Fprintf(t, "  %s\t\t\t%d\t\n", why, c.failed[why])
		}
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "done\ttimes\tmedian\tlongest\t")
	for _, kind := range []string{"upgrade", "reload"} {
		if took := j.took(kind); len(took) > 0 {
			fmt.Fprintf(t, "%s\t%d\t%v\t%v\t\n", kind, len(took), quantile(took, 0.5).Round(time.Millisecond), quantile(took, 1).Round(time.Millisecond))
		}
	}
	if len(j.reloads) > 0 {
		before, after, closed := j.aroundReloads()
		fmt.Fprintln(t)
		fmt.Fprintf(t, "p99 of hits\tmedian\tlargest\t\n")
		fmt.Fprintf(t, "in the second before a reload\t%v\t%v\t\n", quantile(before, 0.5), quantile(before, 1))
		fmt.Fprintf(t, "in the second from its begin\t%v\t%v\t\n", quantile(after, 0.5), quantile(after, 1))
		fmt.Fprintf(t, "connections closed by reloads\t%d\t\t\n", closed)
	}
	_ = t.Flush() // as all that is printed
}

// took is how long everything of a kind took, sorted.
func (j *journal) took(kind string) (took []time.Duration) {
	for _, s := range j.spans {
		if len(s.what) > len(kind) && s.what[:len(kind)] == kind && !s.end.IsZero() {
			took = append(took, s.end.Sub(s.begin))
		}
	}
	slices.Sort(took)
	return took
}

// aroundReloads are the 99th percentiles of hits in the windows before and after
// each reload, sorted, and how many connections were closed by them.
func (j *journal) aroundReloads() (before, after []time.Duration, closed int) {
	slices.SortFunc(j.hits, func(a, b hit) int { return int(a.ended) - int(b.ended) })
	for _, r := range j.reloads {
		before = append(before, quantile(j.between(r.at.Add(-window), r.at), 0.99))
		after = append(after, quantile(j.between(r.at, r.at.Add(window)), 0.99))
		closed += r.closed
	}
	slices.Sort(before)
	slices.Sort(after)
	return before, after, closed
}

// between are the latencies of the hits that ended in a span, sorted.
func (j *journal) between(begin, end time.Time) []time.Duration {
	at := func(moment time.Time) int {
		i, _ := slices.BinarySearchFunc(j.hits, moment.Sub(j.begin).Milliseconds(), func(h hit, ms int64) int { return int(int64(h.ended) - ms) })
		return i
	}
	some := j.hits[at(begin):at(end)]
	latencies := make([]time.Duration, len(some))
	for i, h := range some {
		latencies[i] = time.Duration(h.latency) * time.Microsecond
	}
	slices.Sort(latencies)
	return latencies
}

// quantile is the value that a share q of sorted values does not exceed, 0 of none.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
