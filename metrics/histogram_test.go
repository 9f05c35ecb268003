package metrics

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestBucketPlacement(t *testing.T) {
	bounds := []time.Duration{0, 10, 20, time.Second}
	for _, tt := range []struct {
		d      time.Duration
		bucket int
	}{
		{math.MinInt64, 0}, {-1, 0}, {0, 0}, // below zero counts as zero
		{1, 1}, {9, 1}, {10, 1}, // a bound is in its own bucket
		{11, 2}, {20, 2},
		{21, 3}, {time.Second, 3},
		{time.Second + 1, 4}, {math.MaxInt64, 4},
	} {
		set := NewSet(2)
		h := NewHistogram(set, "h_seconds", "-", bounds)
		h.ObserveN(1, tt.d, 3)
		for i := range len(bounds) + 1 {
			want := uint64(0)
			if i == tt.bucket {
				want = 3
			}
			if got := h.buckets.cells.sum(i); got != want {
				t.Errorf("%d ns: bucket %d has %d, want %d", tt.d, i, got, want)
			}
		}
		if h.Count() != 3 {
			t.Errorf("%d ns: count %d", tt.d, h.Count())
		}
	}
}

func TestHistogramExposed(t *testing.T) {
	set := NewSet(4)
	h := NewHistogramVec[CacheResult](set, "h_seconds", "Help.", Label{"cache", []string{"hit", "miss"}},
		[]time.Duration{time.Millisecond, 3 * time.Millisecond})
	h.ObserveN(0, Hit, time.Millisecond, 2)
	h.ObserveN(1, Hit, 2*time.Millisecond, 3)
	h.ObserveN(2, Hit, 4*time.Millisecond, 1)
	h.ObserveN(3, Miss, time.Second, 1)
	exposed(t, set, `
# HELP h_seconds Help.
# TYPE h_seconds histogram
h_seconds_bucket{cache="hit",le="0.001"} 2
h_seconds_bucket{cache="hit",le="0.003"} 5
h_seconds_bucket{cache="hit",le="+Inf"} 6
h_seconds_sum{cache="hit"} 0.012
h_seconds_count{cache="hit"} 6
h_seconds_bucket{cache="miss",le="0.001"} 0
h_seconds_bucket{cache="miss",le="0.003"} 0
h_seconds_bucket{cache="miss",le="+Inf"} 1
h_seconds_sum{cache="miss"} 1
h_seconds_count{cache="miss"} 1
`)
}

// TestSumExact adds what a float would lose, and more than one stripe's
// nanoseconds can total.
func TestSumExact(t *testing.T) {
	set := NewSet(4)
	h := NewHistogram(set, "h_seconds", "-", []time.Duration{time.Second})
	const year = 365 * 24 * time.Hour
	for s := range Stripe(4) {
		h.ObserveN(s, 250*year, 2) // 2,000 years: 6.3e19 ns, more than 2^64
	}
	for range 1000 {
		h.ObserveN(0, 500*time.Microsecond, 1)
	}
	want := 2000*365*24*3600 + 0.5
	if got := h.buckets.seconds(0); got != want {
		t.Errorf("sum %v, want %v", got, want)
	}
}

func TestBoundsAreCopied(t *testing.T) {
	bounds := []time.Duration{1, 2}
	h := NewHistogram(NewSet(1), "h_seconds", "-", bounds)
	bounds[0] = 100
	h.ObserveN(0, 2, 1)
	if h.buckets.cells.sum(1) != 1 {
		t.Error("the caller's slice is in use")
	}
}

func TestDurationBounds(t *testing.T) {
	if !slices.IsSorted(durationBounds) {
		t.Error("not ascending")
	}
	at := slices.Index(durationBounds, 3*time.Millisecond)
	if at < 1 || durationBounds[at]-durationBounds[at-1] > 500*time.Microsecond || durationBounds[at+1]-durationBounds[at] > 500*time.Microsecond {
		t.Error("buckets around 3 ms are wider than half a millisecond")
	}
}
