package metrics

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Histogram counts durations in fixed buckets. Each stripe holds a count for
// each bucket and the sum of all durations in whole nanoseconds, so the sum is
// exact; the count is the sum of the buckets and cannot disagree with them.
//
// A stripe's sum wraps after 584 years of observed time; Prometheus takes that
// for a restart.
type Histogram struct {
	desc    *prometheus.Desc
	buckets buckets
}

// NewHistogram adds a histogram to set. bounds are the upper bounds of the
// buckets, inclusive, ascending; a last bucket without a bound is added. By
// Prometheus' rules the name ends in _seconds: that is what a scrape shows.
func NewHistogram(set *Set, name, help string, bounds []time.Duration) *Histogram {
	h := &Histogram{
		desc:    prometheus.NewDesc(name, help, nil, nil),
		buckets: newBuckets(set, name, bounds, 1),
	}
	set.add(name, h)
	return h
}

// ObserveN counts n events that took d each. A negative d counts as 0.
func (h *Histogram) ObserveN(s Stripe, d time.Duration, n uint64) {
	h.buckets.observe(s, 0, d, n)
}

// Count returns how many events were observed.
func (h *Histogram) Count() uint64 { return h.buckets.count(0) }

func (h *Histogram) descriptor() *prometheus.Desc { return h.desc }

func (h *Histogram) collect(ch chan<- prometheus.Metric) { ch <- h.buckets.metric(h.desc, 0) }

// HistogramVec is a histogram for each value of a label.
type HistogramVec[A ~uint8] struct {
	desc    *prometheus.Desc
	label   Label
	buckets buckets
}

// NewHistogramVec adds a histogram for each of label's values to set. See
// [NewHistogram].
func NewHistogramVec[A ~uint8](set *Set, name, help string, label Label, bounds []time.Duration) *HistogramVec[A] {
	v := &HistogramVec[A]{
		desc:    prometheus.NewDesc(name, help, []string{label.Name}, nil),
		label:   label,
		buckets: newBuckets(set, name, bounds, len(label.Values)),
	}
	set.add(name, v)
	return v
}

// ObserveN counts n events with label value a that took d each. A negative d
// counts as 0.
func (v *HistogramVec[A]) ObserveN(s Stripe, a A, d time.Duration, n uint64) {
	v.buckets.observe(s, v.label.index(uint8(a)), d, n)
}

// Count returns how many events with label value a were observed.
func (v *HistogramVec[A]) Count(a A) uint64 { return v.buckets.count(v.label.index(uint8(a))) }

func (v *HistogramVec[A]) descriptor() *prometheus.Desc { return v.desc }

func (v *HistogramVec[A]) collect(ch chan<- prometheus.Metric) {
	for i, value := range v.label.Values {
		ch <- v.buckets.metric(v.desc, i, value)
	}
}

// buckets are the cells of one or more histograms with the same bounds. A
// histogram's cells are its buckets, in order, and then its sum.
type buckets struct {
	bounds    []time.Duration
	cells     cells
	width     int // cells of one histogram
	exemplars exemplars
}

func newBuckets(set *Set, name string, bounds []time.Duration, histograms int) buckets {
	for i, b := range bounds {
		if b < 0 || i > 0 && b <= bounds[i-1] {
			panic(fmt.Sprintf("metrics: bounds of %q must ascend from 0: %v", name, bounds))
		}
	}
	width := len(bounds) + 2
	return buckets{
		bounds: slices.Clone(bounds), cells: set.take(histograms * width), width: width,
		exemplars: make(exemplars, histograms*width),
	}
}

func (b *buckets) observe(s Stripe, histogram int, d time.Duration, n uint64) {
	d = max(d, 0)
	first := histogram * b.width
	b.cells.at(s, first+b.bucket(d)).Add(n)
	b.cells.at(s, first+b.width-1).Add(uint64(d) * n)
}

// bucket is that of the first bound >= d.
func (b *buckets) bucket(d time.Duration) int {
	i, _ := slices.BinarySearch(b.bounds, d)
	return i
}

func (b *buckets) count(histogram int) uint64 {
	var n uint64
	for i := range len(b.bounds) + 1 {
		n += b.cells.sum(histogram*b.width + i)
	}
	return n
}

// seconds sums the stripes apart in seconds and nanoseconds: nanoseconds alone
// could wrap in the total, and floats would round at 104 days.
func (b *buckets) seconds(histogram int) float64 {
	var whole, rest uint64
	for s := range b.cells.mask + 1 {
		ns := b.cells.at(s, histogram*b.width+b.width-1).Load()
		whole += ns / uint64(time.Second)
		rest += ns % uint64(time.Second)
	}
	return float64(whole) + float64(rest)/float64(time.Second)
}

func (b *buckets) metric(desc *prometheus.Desc, histogram int, labels ...string) prometheus.Metric {
	cumulative := make(map[float64]uint64, len(b.bounds))
	var n uint64
	for i, bound := range b.bounds {
		n += b.cells.sum(histogram*b.width + i)
		cumulative[bound.Seconds()] = n
	}
	n += b.cells.sum(histogram*b.width + len(b.bounds))
	return b.withExemplars(prometheus.MustNewConstHistogram(desc, n, b.seconds(histogram), cumulative, labels...), histogram)
}
