package measure

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestCoarse compares with a sorted list: quantiles are within a 64th or half a
// microsecond, and merging changes nothing.
func TestCoarse(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	var whole Coarse
	parts := make([]Coarse, 3)
	for i := range 20_000 {
		d := min(time.Duration(math.Exp(random.Float64()*30)), Highest)
		all = append(all, d)
		parts[i%len(parts)].record(d)
	}
	for i := range parts {
		whole.merge(&parts[i])
	}
	slices.Sort(all)
	if whole.Count() != 20_000 || whole.Max() != all[len(all)-1] {
		t.Errorf("%d latencies, the largest %v", whole.Count(), whole.Max())
	}
	for _, q := range []float64{0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[int(math.Ceil(q*20_000))-1]
		if off := (whole.Quantile(q) - want).Abs(); off > want/64+500 {
			t.Errorf("quantile %v is %v, want %v", q, whole.Quantile(q), want)
		}
	}
	whole.reset()
	if whole.Count() != 0 || whole.Max() != 0 || whole.Quantile(0.5) != 0 {
		t.Error("reset leaves something")
	}
	whole.record(-time.Second)
	whole.record(2 * Highest)
	if whole.Quantile(0.5) != 500*time.Nanosecond || whole.Quantile(1) > Highest || whole.Max() != Highest {
		t.Errorf("beyond the range: %v, %v", whole.Quantile(0.5), whole.Quantile(1))
	}
}

// TestCoarseSteps: the steps are without gaps, and each has its middle.
func TestCoarseSteps(t *testing.T) {
	for at := range coarseStep(Highest) + 1 {
		if got := coarseStep(coarseMiddle(at)); got != at {
			t.Fatalf("the middle of step %d, %v, is in %d", at, coarseMiddle(at), got)
		}
	}
	if last := coarseStep(Highest); last >= coarsePowers*coarseSteps {
		t.Errorf("the highest is in step %d", last)
	}
}
