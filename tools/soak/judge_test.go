//go:build linux

package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// memories are samples of a run, one each ten seconds.
func memories(duration time.Duration, memory func(at time.Duration) float64) (all []sample) {
	for at := time.Duration(0); at < duration; at += 10 * time.Second {
		all = append(all, sample{at: at, memory: int(memory(at))})
	}
	return all
}

// TestTrend: the slope is that of the line, and the error that of what is on it.
func TestTrend(t *testing.T) {
	const hour = float64(time.Hour)
	chance := rand.New(rand.NewPCG(1, 2))
	last := 0.0
	for _, tt := range []struct {
		about     string
		samples   []sample
		slope     float64
		within    float64
		least, at float64 // error
	}{
		{"level", memories(time.Hour, func(time.Duration) float64 { return 100e6 }), 0, 1e-6, 0, 1e-6},
		{"a tenth of its mean in an hour", memories(time.Hour, func(at time.Duration) float64 { return 95e6 + 10e6*float64(at)/hour }), 10, 0.1, 0, 0.02},
		{"what shrinks", memories(2*time.Hour, func(at time.Duration) float64 { return 110e6 - 10e6*float64(at)/hour }), -10, 0.1, 0, 0.02},
		{"noise that is gone with the next sample", memories(8*time.Hour, func(time.Duration) float64 { return 100e6 * (1 + 0.05*chance.NormFloat64()) }), 0, 0.15, 0.005, 0.15},
		{"noise that stays for minutes has a larger error", memories(8*time.Hour, func(time.Duration) float64 {
			last = 0.98*last + 0.01*chance.NormFloat64()
			return 100e6 * (1 + last)
		}), 0, 2, 0.05, 2},
		{"too few blocks", memories(30*time.Second, func(time.Duration) float64 { return 1 }), 0, 0, math.Inf(1), math.Inf(1)},
		{"nothing", nil, 0, 0, math.Inf(1), math.Inf(1)},
	} {
		got := trendOf(tt.samples, mean)
		if math.Abs(got.slope-tt.slope) > tt.within || got.err < tt.least || got.err > tt.at {
			t.Errorf("%s: %+.4f ± %.4f %% an hour, want %+.4f within %v, and an error of %v to %v", tt.about, got.slope, got.err, tt.slope, tt.within, tt.least, tt.at)
		}
	}
}

// TestTrendCovers: of runs of a server that does not grow, whose memory moves by
// minutes, hardly any is further from level than its errors say.
func TestTrendCovers(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 4))
	const runs = 400
	missed := 0
	for range runs {
		last := 0.0
		got := trendOf(memories(4*time.Hour, func(time.Duration) float64 {
			last = 0.95*last + 0.01*chance.NormFloat64()
			return 100e6 * (1 + last)
		}), lower)
		if got.slope > surely*got.err {
			missed++
		}
	}
	if missed > runs/20 {
		t.Errorf("%d of %d runs seem to grow, want one in twenty at most", missed, runs)
	}
}

// TestJudge: each bar fails the run that is beyond it, and no other.
func TestJudge(t *testing.T) {
	passing := func() *outcome {
		did := make(map[string]int)
		for _, what := range mixed {
			did[what] = 1
		}
		rest := sample{goroutines: 40, descriptors: 12}
		return &outcome{duration: time.Hour, samples: memories(time.Hour, func(time.Duration) float64 { return 100e6 }), before: rest, last: rest, requests: 100, did: did, evicts: true}
	}
	chance := rand.New(rand.NewPCG(5, 6))
	rising := func(an float64) func(time.Duration) float64 {
		return func(at time.Duration) float64 { return 100e6 * (1 + an/100*at.Hours()) }
	}
	for _, tt := range []struct {
		about  string
		change func(*outcome)
		want   string // the bar that is missed
	}{
		{"all is well", func(*outcome) {}, ""},
		{"a load of which nothing succeeded", func(o *outcome) { o.unserved = []string{"HTTP/2, misses"} }, "loads"},
		{"memory", func(o *outcome) { o.samples = memories(time.Hour, rising(3)) }, "resident memory after"},
		{"memory within the bar", func(o *outcome) { o.samples = memories(time.Hour, rising(0.5)) }, ""},
		{"memory before the warm-up's end", func(o *outcome) {
			o.samples = memories(time.Hour, func(at time.Duration) float64 { return min(50e6+50e6*at.Minutes()/10, 100e6) })
		}, ""},
		{"a short run whose last third is above the second", func(o *outcome) {
			o.duration, o.samples = 2*time.Minute, memories(2*time.Minute, func(at time.Duration) float64 {
				return rising(800)(at) + 4e6*float64(at/(10*time.Second)%2)
			})
		}, "resident memory, last third"},
		{"a short run that moves a little", func(o *outcome) {
			o.duration, o.samples = 2*time.Minute, memories(2*time.Minute, func(at time.Duration) float64 { return 100e6 + 2e6*float64(at/(10*time.Second)%2) })
		}, ""},
		{"goroutines", func(o *outcome) { o.last.goroutines += restingLeft + 1 }, "goroutines"},
		{"goroutines that rest", func(o *outcome) { o.last.goroutines += restingLeft }, ""},
		{"permits", func(o *outcome) { o.last.permits++ }, "permits"},
		{"reservations", func(o *outcome) { o.last.reserved++ }, "bytes reserved"},
		{"descriptors", func(o *outcome) { o.last.descriptors += descriptorsLeft + 1 }, "descriptors"},
		{"a failure", func(o *outcome) { o.failed = 1 }, "failures"},
		{"no request", func(o *outcome) { o.requests = 0 }, "failures"},
		{"a panic", func(o *outcome) { o.last.panics = 1 }, "panics"},
		{"a race", func(o *outcome) { o.log = []string{"WARNING: DATA RACE"} }, "races"},
		{"no purge", func(o *outcome) { o.did[purges] = 0 }, purges},
		{"no eviction", func(o *outcome) { o.did[evictions] = 0 }, evictions},
		{"no eviction, and nothing to evict for", func(o *outcome) { o.did[evictions], o.evicts = 0, false }, ""},
		{"a step in the middle of hours, which no line fits", func(o *outcome) {
			o.duration, o.samples = 8*time.Hour, memories(8*time.Hour, func(at time.Duration) float64 { return 100e6 + 10e6*float64(at/(4*time.Hour)) })
		}, "resident memory"},
		{"much growth, and much noise", func(o *outcome) {
			o.samples = memories(time.Hour, func(at time.Duration) float64 { return rising(40)(at) * (1 + 0.1*chance.NormFloat64()) })
		}, "resident memory"},
		{"noise alone", func(o *outcome) {
			o.samples = memories(time.Hour, func(time.Duration) float64 { return 100e6 * (1 + 0.1*chance.NormFloat64()) })
		}, ""},
		{"a moment", func(o *outcome) {
			o.duration, o.samples = 15*time.Second, memories(15*time.Second, rising(9000))
		}, ""},
	} {
		o := passing()
		tt.change(o)
		var missed []string
		for _, b := range o.judge() {
			if !b.passes {
				missed = append(missed, b.name)
			}
		}
		if (len(missed) > 0) != (tt.want != "") || slices.ContainsFunc(missed, func(name string) bool { return !strings.HasPrefix(name, tt.want) }) {
			t.Errorf("%s: missed are %q, want %q", tt.about, missed, tt.want)
		}
		var out strings.Builder
		if all := printBars(&out, o.judge()); all != (tt.want == "") || all == strings.Contains(out.String(), "FAIL") {
			t.Errorf("%s: met is %t, and printed\n%s", tt.about, all, out.String())
		}
	}
}
