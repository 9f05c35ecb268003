//go:build linux

package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

const (
	// mostSlope is what resident memory may grow by in an hour, in % of its mean. It is
	// judged if its error is so small that a server that does not grow misses it once in
	// fifty runs.
	mostSlope = 1.0
	surely    = 2 // standard errors

	// mostRise is what the last third of a run that is too short for that may have more
	// than the second one, in %: the lower quartile moves by less than two in two minutes.
	mostRise = 5.0
)

// What may be left that was not there before the load.
const (
	// restingLeft are goroutines: 8 that wait for the next handshake (server/listen), and
	// those of the garbage collector's cleanups and of what compresses. Handlers' that
	// rest were there before: see warm.
	restingLeft = 16

	// descriptorsLeft are open files of the directory that is served.
	descriptorsLeft = 4
)

// outcome is what a run has come to.
type outcome struct {
	duration     time.Duration
	samples      []sample
	before, last sample // without load
	settled      time.Duration
	requests     int // of the good client
	failed       int
	unserved     []string       // clients of which no request succeeded
	did          map[string]int // what was mixed in, how often
	evicts       bool           // so much was asked for that the server has to evict
	log          []string       // what its log has that no run may have, with what follows it
}

// bar is what a run is held to.
type bar struct {
	name, got, want string
	passes          bool
}

// judge are all bars.
func (o *outcome) judge() []bar {
	left := func(name string, got, before, more int) bar {
		return bar{name, fmt.Sprintf("%d", got), fmt.Sprintf("≤ %d", before+more), got <= before+more}
	}
	bars := append(o.judgeMemory(),
		left("goroutines, at rest again", o.last.goroutines, o.before.goroutines, restingLeft),
		left("permits of connections, at rest again", o.last.permits, o.before.permits, 0),
		left("bytes reserved, at rest again", o.last.reserved, o.before.reserved, 0),
		left("descriptors, at rest again", o.last.descriptors, o.before.descriptors, descriptorsLeft),
		bar{"failures of the good client", fmt.Sprintf("%d of %d", o.failed, o.requests), "0", o.failed == 0 && o.requests > 0},
		left("loads of it of which nothing succeeded", len(o.unserved), 0, 0),
		left("panics", o.last.panics, 0, 0),
		left("races and panics in the log", faults(o.log), 0, 0))
	for _, what := range mixed {
		b := bar{what, fmt.Sprint(o.did[what]), "≥ 1", o.did[what] > 0}
		if what == evictions && !o.evicts {
			b.want, b.passes = "too little was asked for", true
		}
		bars = append(bars, b)
	}
	return bars
}

// Times of runs. Shorter ones than leastRise are not long enough for a comparison of
// thirds; in those of leastSlope and more, a slope that is beyond the bar by more than
// its error fails, however large that is: only growth that is uneven has such a one.
const (
	leastRise  = time.Minute
	leastSlope = time.Hour
)

// judgeMemory are the slopes, and if one cannot be judged what can be of a short run.
func (o *outcome) judgeMemory() (bars []bar) {
	judged := true
	for _, f := range []figure{lower, mean} {
		t := trendOf(samplesBetween(o.samples, warmUp(o.duration), o.duration), f)
		slope := bar{fmt.Sprintf("resident memory after the warm-up, %s, %% an hour", f.name), fmt.Sprintf("%+.2f ± %.2f", t.slope, t.err), fmt.Sprintf("≤ %.0f", mostSlope), t.slope <= mostSlope}
		switch {
		case surely*t.err <= mostSlope, o.duration >= leastSlope && t.slope-surely*t.err > mostSlope:
		case o.duration >= leastSlope:
			slope.want, slope.passes, judged = "too uneven to judge", true, false
		default:
			slope.want, slope.passes, judged = "too short to judge", true, false
		}
		bars = append(bars, slope)
	}
	if judged || o.duration < leastRise {
		return bars
	}
	third := func(i time.Duration) float64 {
		return figureOf(samplesBetween(o.samples, o.duration*i/3, o.duration*(i+1)/3), lower)
	}
	rise := 100 * (third(2)/third(1) - 1)
	return append(bars, bar{"resident memory, last third above the second, lower quartile, %", fmt.Sprintf("%+.1f", rise), fmt.Sprintf("≤ %.0f", mostRise), rise <= mostRise})
}

// printBars prints the bars, and reports whether all are met.
func printBars(out io.Writer, bars []bar) (all bool) {
	all = true
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "bar\tfigure\twanted\t")
	for _, b := range bars {
		verdict := "pass"
		if !b.passes {
			verdict, all = "FAIL", false
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", b.name, b.got, b.want, verdict)
	}
	_ = t.Flush() // as all that is printed
	return all
}
