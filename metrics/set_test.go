package metrics

import (
	"runtime"
	"testing"
	"time"
	"unsafe"
)

func TestStripes(t *testing.T) {
	for _, tt := range []struct{ ask, want int }{
		{1, 1}, {2, 2}, {3, 4}, {4, 4}, {5, 8}, {1000, 1024}, {1 << 30, 1024},
	} {
		if got := NewSet(tt.ask).Stripes(); got != tt.want {
			t.Errorf("NewSet(%d) has %d stripes, want %d", tt.ask, got, tt.want)
		}
	}
	for _, ask := range []int{0, -1} {
		if got := NewSet(ask).Stripes(); got < min(runtime.GOMAXPROCS(0), maxStripes) || got&(got-1) != 0 {
			t.Errorf("NewSet(%d) has %d stripes", ask, got)
		}
	}
}

func TestStripeRoundRobin(t *testing.T) {
	set := NewSet(4)
	for i := range Stripe(10) {
		if got := set.Stripe(); got != i%4 {
			t.Errorf("stripe %d is %d, want %d", i, got, i%4)
		}
	}
}

// TestNoSharedLines checks that no cache line holds cells of two stripes, and
// that no two instruments share a cell, also if a block is full or an
// instrument is wider than a block.
func TestNoSharedLines(t *testing.T) {
	set := NewSet(8)
	lineOwner := make(map[uintptr]Stripe)
	seen := make(map[uintptr]bool)
	for _, width := range []int{1, 1, 15, 66, 7, 400, 40, blockCells, blockCells + 1, 3} {
		c := set.take(width)
		for s := range Stripe(set.Stripes()) {
			for i := range width {
				p := uintptr(unsafe.Pointer(c.at(s, i)))
				if seen[p] {
					t.Fatalf("width %d: cell %d of stripe %d belongs to another", width, i, s)
				}
				seen[p] = true
				line := p / 64
				if owner, ok := lineOwner[line]; ok && owner != s {
					t.Fatalf("width %d: stripes %d and %d share a line", width, owner, s)
				}
				lineOwner[line] = s
			}
		}
	}
}

// TestOneBlock keeps the claim of blockCells.
func TestOneBlock(t *testing.T) {
	m := NewHotpath(Options{Stripes: 1})
	if m.cellsTaken() > blockCells {
		t.Errorf("%d cells do not fit in a block of %d", m.cellsTaken(), blockCells)
	}
}

// cellsTaken counts the cells of a stripe that instruments use.
func (s *Set) cellsTaken() int {
	n := 0
	for _, i := range s.list() {
		switch i := i.(type) {
		case *Counter, *Gauge:
			n++
		case *Histogram:
			n += i.buckets.width
		case *HistogramVec[CacheResult]:
			n += i.buckets.width * len(i.label.Values)
		case interface{ width() int }:
			n += i.width()
		}
	}
	return n
}

func (v *vec) width() int { return len(v.series) }

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	f()
}

func TestPanics(t *testing.T) {
	set := NewSet(1)
	label := Label{"l", []string{"x", "y"}}
	NewCounter(set, "taken_total", "-")
	v1 := NewCounterVec[uint8](set, "v1_total", "-", label)
	v2 := NewCounterVec2[uint8, uint8](set, "v2_total", "-", label, label)
	v3 := NewCounterVec3[uint8, uint8, uint8](set, "v3_total", "-", label, label, label)
	g := NewGaugeVec[uint8](set, "g", "-", label)
	h := NewHistogramVec[uint8](set, "h_seconds", "-", label, []time.Duration{1})
	for what, f := range map[string]func(){
		"name twice":         func() { NewGauge(set, "taken_total", "-") },
		"v1":                 func() { v1.Add(0, 2, 1) },
		"v2, first":          func() { v2.Add(0, 2, 0, 1) },
		"v2, second":         func() { v2.Add(0, 0, 2, 1) },
		"v3, first":          func() { v3.Add(0, 2, 0, 0, 1) },
		"v3, second":         func() { v3.Add(0, 0, 2, 0, 1) },
		"v3, third":          func() { v3.Add(0, 0, 0, 2, 1) },
		"gauge":              func() { g.Add(0, 255, 1) },
		"histogram":          func() { h.ObserveN(0, 2, 1, 1) },
		"bounds equal":       func() { NewHistogram(set, "h1", "-", []time.Duration{1, 1}) },
		"bounds descending":  func() { NewHistogram(set, "h2", "-", []time.Duration{2, 1}) },
		"bound below 0":      func() { NewHistogram(set, "h3", "-", []time.Duration{-1, 1}) },
		"value out of range": func() { v1.Value(2) },
	} {
		mustPanic(t, what, f)
	}
}
