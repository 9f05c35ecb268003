package compare

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// times is a sample, each value by a factor.
func times(sample []float64, factor float64) []float64 {
	all := make([]float64, len(sample))
	for i, v := range sample {
		all[i] = v * factor
	}
	return all
}

// Means of each second of short runs, in milliseconds. Quick and slow drift, and all of
// slow are above all of quick; mixed does not drift.
var (
	quick = []float64{11.2, 11.2, 11.3, 11.3, 11.4, 11.4, 11.4, 11.5, 11.5, 11.6, 11.6}
	slow  = []float64{14.0, 14.1, 14.2, 14.2, 14.3, 14.4, 14.5, 14.6, 14.7, 14.8, 14.9}
	mixed = []float64{14, 11, 15, 12, 13, 11, 15, 14, 12, 13, 11}
)

// ramp is a sample of n values that rise evenly.
func ramp(n int, from, to float64) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = from + (to-from)*float64(i)/float64(n-1)
	}
	return all
}

// TestJudge: within noise is what the test looked for and did not find, and not what
// it could not have found.
func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		says string
		unit Unit
		a, b []float64
		of   Outcome
	}{
		{"eleven seconds that drift are too few for a quarter more", Nanoseconds, quick, slow, Unsaid},
		{"and for a quarter less", Nanoseconds, slow, quick, Unsaid},
		{"and for the rate of a closed loop", PerSecond, quick, slow, Unsaid},
		{"ten times as slow is worse: no drift goes so far", Nanoseconds, quick, times(slow, 10), Worse},
		{"and back it is better", Nanoseconds, times(slow, 10), quick, Better},
		{"ten times the rate is better", PerSecond, quick, times(slow, 10), Better},
		{"equal samples are the same", Nanoseconds, quick, quick, Same},
		{"equal values are the same", Nanoseconds, times(quick, 0), times(quick, 0), Same},
		{"a change that does not count is noise, however little is known", Nanoseconds, quick, times(quick, 1.04), Same},
		{"a drift that goes on is undecided", Nanoseconds, ramp(30, 10, 15), ramp(30, 15, 20), Unsaid},
		{"of a minute, too", Nanoseconds, ramp(60, 10, 15), ramp(60, 15, 20), Unsaid},
		{"more seconds tell the same drift from a change", Nanoseconds, ramp(180, 10, 10.4), ramp(180, 14, 14.4), Worse},
		{"eleven seconds without drift are enough", Nanoseconds, mixed, times(mixed, 2), Worse},
		{"what they could have found and did not is noise", Nanoseconds, mixed, times(mixed, 1.08), Same},
	} {
		f := Figure{Unit: tt.unit, A: median(tt.a), B: median(tt.b)}
		if f.judge(tt.a, tt.b, DefaultLeast); f.Outcome != tt.of || f.Undecided() != (tt.of == Unsaid) {
			t.Errorf("%s: %s, undecided %t, p %v, want %s", tt.says, f.Outcome, f.Undecided(), f.P, tt.of)
		}
	}
}

// TestGap: a gap is named only if ranks do not say why a figure changed.
func TestGap(t *testing.T) {
	for _, tt := range []struct {
		says string
		a, b []float64
		gap  bool
	}{
		{"few that drift and are far apart are told by the gap", quick, times(slow, 10), true},
		{"a gap that is not wide tells nothing", quick, slow, false},
		{"without drift ranks tell it", mixed, times(mixed, 10), false},
		{"what does not count has none", quick, quick, false},
	} {
		f := Figure{Unit: Nanoseconds, A: median(tt.a), B: median(tt.b)}
		if f.judge(tt.a, tt.b, DefaultLeast); f.Gap != tt.gap {
			t.Errorf("%s: %t, p %v", tt.says, f.Gap, f.P)
		}
	}
}

// run is one whose spans have these means and nothing else that is judged.
func run(means []float64, rate float64) *Run {
	r := &Run{Success: 1}
	for i, v := range means {
		r.Points = append(r.Points, Point{
			Begin: time.Duration(i) * time.Second, Length: time.Second, Requests: 1000, Rate: rate,
			Mean: time.Duration(v * float64(time.Millisecond)),
		})
	}
	return r
}

// TestOverall: what is undecided is so of the whole, but for something that is worse.
func TestOverall(t *testing.T) {
	for _, tt := range []struct {
		says string
		a, b *Run
		of   Outcome
	}{
		{"the mean is undecided, and nothing else changed", run(quick, 1000), run(slow, 1000), Unsaid},
		{"a better rate does not outweigh it", run(quick, 1000), run(slow, 2000), Unsaid},
		{"a worse rate is worse", run(quick, 1000), run(slow, 500), Worse},
		{"a mean that is far apart is worse", run(quick, 1000), run(times(slow, 10), 1000), Worse},
		{"what has no value asks nothing", run(quick, 1000), run(quick, 1000), Same},
	} {
		if got := Compare(tt.a, tt.b, Settings{Least: DefaultLeast}).Outcome; got != tt.of {
			t.Errorf("%s: %s, want %s", tt.says, got, tt.of)
		}
	}
}

// TestFarApart: of the shortest pairs of runs of one distribution, with neighbours
// that resemble each other up to 0.95 and with the tails of normal values or of
// Student's t of 3 degrees of freedom, at most one in a thousand is far apart:
// the level of a figure stays that of the test of ranks.
func TestFarApart(t *testing.T) {
	const pairs = 20_000
	for _, follow := range []float64{0, 0.5, 0.8, 0.9, 0.95} {
		for _, tails := range []bool{false, true} {
			random := rand.New(rand.NewPCG(5, 6))
			step := func() float64 {
				v := random.NormFloat64()
				if tails {
					x, y, z := random.NormFloat64(), random.NormFloat64(), random.NormFloat64()
					v /= math.Sqrt(x*x + y*y + z*z)
				}
				return math.Sqrt(1-follow*follow) * v
			}
			sample := func() []float64 {
				all, last := make([]float64, MinSpans), 0.0
				for range 60 { // until the beginning is forgotten
					last = follow*last + step()
				}
				for i := range all {
					last = follow*last + step()
					all[i] = last
				}
				return all
			}
			far := 0
			for range pairs {
				if apart(sample(), sample()) {
					far++
				}
			}
			if far > pairs/1000 {
				t.Errorf("neighbours that follow each other by %v, long tails %t: %d of %d pairs are far apart", follow, tails, far, pairs)
			}
		}
	}
}
