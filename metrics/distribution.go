package metrics

import (
	"math"
	"slices"
	"time"
)

// Distribution is what a histogram has counted, read without a scrape. The
// difference of two is what was counted between them.
type Distribution struct {
	Bounds []time.Duration // of the buckets, shared: not to be changed
	Counts []uint64        // of each bucket alone, the last without a bound
	Sum    time.Duration   // of all events; it may wrap, a difference of two does not
}

// Distribution sums up the stripes and these values of the label; without any, all.
func (v *HistogramVec[A]) Distribution(values ...A) Distribution {
	b := &v.buckets
	d := Distribution{Bounds: b.bounds, Counts: make([]uint64, len(b.bounds)+1)}
	for histogram := range v.label.Values {
		if len(values) > 0 && !slices.Contains(values, A(histogram)) {
			continue
		}
		first := histogram * b.width
		for i := range d.Counts {
			d.Counts[i] += b.cells.sum(first + i)
		}
		d.Sum += time.Duration(b.cells.sum(first + b.width - 1))
	}
	return d
}

// Since returns what d has more than earlier, a Distribution of the same
// histogram.
func (d Distribution) Since(earlier Distribution) Distribution {
	diff := Distribution{Bounds: d.Bounds, Counts: make([]uint64, len(d.Counts)), Sum: d.Sum - earlier.Sum}
	for i, n := range d.Counts {
		diff.Counts[i] = n - earlier.Counts[i]
	}
	return diff
}

// Count returns the number of events.
func (d Distribution) Count() uint64 {
	var n uint64
	for _, c := range d.Counts {
		n += c
	}
	return n
}

// Mean is exact, in seconds; NaN if there is no event.
func (d Distribution) Mean() float64 { return d.Sum.Seconds() / float64(d.Count()) }

// Quantile estimates the quantile q, from 0 to 1, in seconds, as Prometheus'
// histogram_quantile does: the events of a bucket are taken to lie evenly
// between its bounds, those of the last at its lower one. It is NaN if there
// is no event.
func (d Distribution) Quantile(q float64) float64 {
	count := d.Count()
	if count == 0 {
		return math.NaN()
	}
	rank := q * float64(count)
	var below float64
	for i, bound := range d.Bounds {
		n := float64(d.Counts[i])
		if below+n >= rank && n > 0 {
			var lower time.Duration
			if i > 0 {
				lower = d.Bounds[i-1]
			}
			return lower.Seconds() + (bound-lower).Seconds()*(rank-below)/n
		}
		below += n
	}
	return d.Bounds[len(d.Bounds)-1].Seconds()
}
