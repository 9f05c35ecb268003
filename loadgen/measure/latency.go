package measure

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range of a Latency and its precision. Below a millisecond it counts in
// steps of half a microsecond, above in steps of a thousandth of the value. A
// histogram of this shape takes 184 KiB.
const (
	Lowest  = time.Microsecond
	Highest = time.Hour
	digits  = 3
)

// Latency is a distribution of latencies: an HDR histogram, beside it the
// exact sum, smallest and largest.
type Latency struct {
	hist     *hdrhistogram.Histogram
	sum      float64 // ns: exact to 2^53, 104 days, while integers would wrap at 292 years
	min, max time.Duration
}

// NewLatency makes an empty distribution.
func NewLatency() *Latency {
	return &Latency{hist: hdrhistogram.New(int64(Lowest), int64(Highest), digits)}
}

// Record counts d, as Highest if it is more and as 0 if it is less.
func (l *Latency) Record(d time.Duration) {
	d = min(max(d, 0), Highest)
	if l.hist.TotalCount() == 0 || d < l.min {
		l.min = d
	}
	l.max = max(l.max, d)
	l.sum += float64(d)
	_ = l.hist.RecordValue(int64(d)) // d is within its range
}

// Merge adds what o holds.
func (l *Latency) Merge(o *Latency) {
	if o.Count() == 0 {
		return
	}
	if l.Count() == 0 || o.min < l.min {
		l.min = o.min
	}
	l.max = max(l.max, o.max)
	l.sum += o.sum
	l.hist.Merge(o.hist)
}

// merged is the distribution of all parts: one of them if the others are empty.
func merged(parts ...*Latency) *Latency {
	var all *Latency
	own := false
	for _, part := range parts {
		switch {
		case part.Count() == 0 && all != nil:
		case all == nil || all.Count() == 0:
			all = part
		default:
			if !own {
				whole := NewLatency()
				whole.Merge(all)
				all, own = whole, true
			}
			all.Merge(part)
		}
	}
	return all
}

// Reset empties the distribution, which costs nothing if it is.
func (l *Latency) Reset() {
	if l.Count() == 0 {
		return
	}
	l.hist.Reset()
	l.sum, l.min, l.max = 0, 0, 0
}

// Count is how many latencies were recorded.
func (l *Latency) Count() uint64 { return uint64(l.hist.TotalCount()) }

// Min, Max, Sum and Mean are exact; all are 0 if nothing was recorded.
func (l *Latency) Min() time.Duration { return l.min }

// Max is the largest.
func (l *Latency) Max() time.Duration { return l.max }

// Sum is the sum of all, at most 292 years.
func (l *Latency) Sum() time.Duration {
	if l.sum >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(l.sum)
}

// Mean is the arithmetic mean.
func (l *Latency) Mean() time.Duration {
	if n := l.Count(); n > 0 {
		return time.Duration(l.sum / float64(n))
	}
	return 0
}

// Quantile is the latency that a share q of all, 0 to 1, does not exceed.
func (l *Latency) Quantile(q float64) time.Duration {
	if l.Count() == 0 {
		return 0
	}
	return min(max(time.Duration(l.hist.ValueAtQuantile(q*100)), l.min), l.max)
}

// Each is called with every latency that was recorded, to a thousandth, and how
// often it was.
func (l *Latency) Each(call func(d time.Duration, n uint64)) {
	for _, bar := range l.hist.Distribution() {
		if bar.Count > 0 {
			call(min(max(time.Duration(bar.From/2+bar.To/2), l.min), l.max), uint64(bar.Count))
		}
	}
}

// Histogram is the histogram underneath, in nanoseconds: to be read only.
func (l *Latency) Histogram() *hdrhistogram.Histogram { return l.hist }

// latencyWire is a Latency as agents send it.
type latencyWire struct {
	Sum      float64
	Min, Max time.Duration
	Hist     []byte // HdrHistogram's compressed encoding, version 2
}

// GobEncode implements [gob.GobEncoder].
func (l *Latency) GobEncode() ([]byte, error) {
	hist, err := l.hist.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, fmt.Errorf("encoding a histogram: %w", err)
	}
	var b bytes.Buffer
	err = gob.NewEncoder(&b).Encode(latencyWire{l.sum, l.min, l.max, hist})
	return b.Bytes(), err
}

// GobDecode implements [gob.GobDecoder].
func (l *Latency) GobDecode(p []byte) error {
	var w latencyWire
	if err := gob.NewDecoder(bytes.NewReader(p)).Decode(&w); err != nil {
		return err
	}
	hist, err := hdrhistogram.Decode(w.Hist)
	if err != nil {
		return fmt.Errorf("decoding a histogram: %w", err)
	}
	*l = *NewLatency()
	if dropped := l.hist.Merge(hist); dropped > 0 {
		return fmt.Errorf("decoding a histogram: %d values beyond %v", dropped, Highest)
	}
	l.sum, l.min, l.max = w.Sum, w.Min, w.Max
	return nil
}
