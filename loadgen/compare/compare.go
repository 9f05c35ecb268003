package compare

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Level is how likely it is, at most, that two runs of one distribution are said to
// differ in any of the figures.
const Level = 0.01

// MinSpans is of how many whole spans each run must have values: with fewer, the
// approximation of the test is no longer good to a tenth of Level.
const MinSpans = 10

// DefaultLeast is the least change of a latency, as a share, that counts: less is
// what the same server does at another moment on most machines.
const DefaultLeast = 0.05

// leastRate is the least change of a rate that was asked for: below it a run has
// kept it, as capacity and objectives have it.
const leastRate = 0.01

// leastErrors is the least difference of two shares of errors.
const leastErrors = 0.001

// Outcome is what became of a figure.
type Outcome string

const (
	Same     Outcome = "within noise"
	Worse    Outcome = "worse"
	Better   Outcome = "better"
	Unsaid   Outcome = "cannot say" // there are too few spans, or see Figure.Undecided
	Unjudged Outcome = "not judged" // one value for a run has no noise to compare with
)

// Unit is what a figure's values are counted in.
type Unit string

const (
	Nanoseconds Unit = "ns"
	PerSecond   Unit = "/s"
	Share       Unit = "share" // 0 to 1
)

// Figure is one of both runs.
type Figure struct {
	Name    string  `json:"figure"`
	Unit    Unit    `json:"unit"`
	A       float64 `json:"a"` // of the median span; of shares, and of what is not judged, of the run
	B       float64 `json:"b"`
	Change  float64 `json:"change"` // of A, as a share; of shares the difference
	P       float64 `json:"p"`      // see mannWhitney; 1 if it is not judged
	Gap     bool    `json:"gap"`    // P is above the level, and the change is beyond it: see apart
	SpansA  int     `json:"spans_a"`
	SpansB  int     `json:"spans_b"`
	Outcome Outcome `json:"outcome"`
}

// TooFew reports whether too few spans have a value for any answer.
func (f Figure) TooFew() bool { return min(f.SpansA, f.SpansB) < MinSpans }

// Undecided reports whether the figure has changed by what counts, and nothing is said
// of it because its spans follow each other too much for their number.
func (f Figure) Undecided() bool { return f.Outcome == Unsaid && !f.TooFew() }

// Setting is one in which the runs differ.
type Setting struct {
	Name string `json:"setting"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// Comparison is what changed from run A to run B.
type Comparison struct {
	A        *Run      `json:"-"`
	B        *Run      `json:"-"`
	NameA    string    `json:"a"`
	NameB    string    `json:"b"`
	Least    float64   `json:"least"` // see Settings
	Outcome  Outcome   `json:"outcome"`
	Settings []Setting `json:"settings_that_differ"`
	Figures  []Figure  `json:"figures"`
}

// Settings are how runs are compared.
type Settings struct {
	NameA, NameB string  // of the files
	Least        float64 // the least change of a latency that counts, as a share; 0: any
}

// judged is a figure that is judged.
type judged struct {
	name  string
	unit  Unit
	of    func(Point) float64
	whole func(*Run) float64 // of the run, if that is the value; nil: the median of spans
}

// value is a run's, whose sample is as given; 0 if that is empty.
func (j judged) value(r *Run, sample []float64) float64 {
	switch {
	case j.whole != nil:
		return j.whole(r)
	case len(sample) == 0:
		return 0
	}
	return median(sample)
}

var figures = []judged{
	{"rate", PerSecond, func(p Point) float64 { return p.Rate }, nil},
	{"errors", Share, func(p Point) float64 {
		if p.Requests == 0 {
			return math.NaN()
		}
		return float64(p.Failed) / float64(p.Requests)
	}, func(r *Run) float64 { return 1 - r.Success }},
	{"mean", Nanoseconds, func(p Point) float64 { return latency(p.Mean) }, nil},
	{"p50", Nanoseconds, func(p Point) float64 { return latency(p.P50) }, nil},
	{"p99", Nanoseconds, func(p Point) float64 { return latency(p.P99) }, nil},
	{"service mean", Nanoseconds, func(p Point) float64 { return latency(p.ServiceMean) }, nil},
}

// shown are those that are not judged.
var shown = []struct {
	name string
	of   func(*Run) time.Duration
}{
	{"p99.9 of the run", func(r *Run) time.Duration { return r.Judged.P999 }},
	{"largest of the run", func(r *Run) time.Duration { return r.Judged.Max }},
}

// latency is no number if there was none.
func latency(d time.Duration) float64 {
	if d == 0 {
		return math.NaN()
	}
	return float64(d)
}

// Compare compares two runs.
func Compare(a, b *Run, s Settings) *Comparison {
	c := &Comparison{A: a, B: b, NameA: s.NameA, NameB: s.NameB, Least: s.Least, Settings: differences(a, b)}
	for _, f := range figures {
		least := s.Least
		switch {
		case f.unit == Share:
			least = leastErrors
		case f.unit == PerSecond && (a.AskedRate > 0 || b.AskedRate > 0):
			least = min(least, leastRate)
		}
		samples := [2][]float64{a.sample(f.of), b.sample(f.of)}
		one := Figure{Name: f.name, Unit: f.unit, A: f.value(a, samples[0]), B: f.value(b, samples[1])}
		one.judge(samples[0], samples[1], least)
		c.Figures = append(c.Figures, one)
	}
	for _, f := range shown {
		one := Figure{Name: f.name, Unit: Nanoseconds, A: float64(f.of(a)), B: float64(f.of(b)), P: 1, Outcome: Unjudged}
		one.Change = change(one.A, one.B)
		c.Figures = append(c.Figures, one)
	}
	c.Outcome = c.overall()
	return c
}

// judge says of a figure, which has its values, what two samples of it say.
func (f *Figure) judge(a, b []float64, least float64) {
	f.P, f.SpansA, f.SpansB, f.Outcome = 1, len(a), len(b), Same
	if f.Change = change(f.A, f.B); f.Unit == Share {
		f.Change = f.B - f.A
	}
	if f.TooFew() {
		f.Outcome = Unsaid
		return
	}
	level, leastP := Level/float64(len(figures)), 0.0
	f.P, leastP = mannWhitney(a, b)
	counts := f.Change != 0 && math.Abs(f.Change) >= least
	f.Gap = counts && f.P > level && apart(a, b)
	switch higherIsBetter := f.Unit == PerSecond; {
	case !counts:
	case f.P > level && !f.Gap:
		if leastP > level { // whatever the values had been: that is no finding of noise
			f.Outcome = Unsaid
		}
	case (f.Change > 0) == higherIsBetter:
		f.Outcome = Better
	default:
		f.Outcome = Worse
	}
}

// change is that from a to b, as a share of a; 1 from nothing to something.
func change(a, b float64) float64 {
	switch {
	case a == b:
		return 0
	case a == 0:
		return 1
	}
	return b/a - 1
}

// overall is the worst that became of any figure. A figure that has too few spans says
// nothing, and Unsaid is only if none says anything; one that is undecided may be
// worse, so that without one that is, the whole is.
func (c *Comparison) overall() Outcome {
	had := make(map[Outcome]bool)
	for _, f := range c.Figures {
		had[f.Outcome] = true
	}
	switch {
	case had[Worse]:
		return Worse
	case len(c.Undecided()) > 0:
		return Unsaid
	case had[Better]:
		return Better
	case had[Same]:
		return Same
	}
	return Unsaid
}

// Undecided are the names of the figures that are.
func (c *Comparison) Undecided() (names []string) {
	for _, f := range c.Figures {
		if f.Undecided() {
			names = append(names, f.Name)
		}
	}
	return names
}

// differences are the settings in which the runs differ.
func differences(a, b *Run) []Setting {
	var all []Setting
	for _, s := range []struct {
		name string
		of   func(*Run) string
	}{
		{"target", func(r *Run) string { return r.Target }},
		{"targets", func(r *Run) string { return strconv.Itoa(r.Targets) }},
		{"pattern", func(r *Run) string { return r.Pattern }},
		{"protocol", func(r *Run) string { return r.Protocol }},
		{"pace", func(r *Run) string { return r.Pace }},
		{"duration", func(r *Run) string {
			if r.Interrupted {
				return r.Duration.Round(time.Second).String() + ", interrupted"
			}
			return r.Duration.Round(time.Second).String()
		}},
		{"connections", func(r *Run) string {
			if r.PerRequest {
				return fmt.Sprint(r.Connections, ", each for one request")
			}
			return strconv.Itoa(r.Connections)
		}},
		{"streams", func(r *Run) string { return strconv.Itoa(r.Streams) }},
		{"agents", func(r *Run) string { return strconv.Itoa(r.Agents) }},
		{"timeout", func(r *Run) string { return r.Timeout.String() }},
	} {
		if x, y := s.of(a), s.of(b); x != y {
			all = append(all, Setting{s.name, x, y})
		}
	}
	return all
}
