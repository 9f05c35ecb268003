package attack

import (
	"fmt"
	"math"
	"math/bits"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Schedule says when requests are due. It is the closed form of one of vegeta's
// pacers, which wait from one hit to the next: with it each connection finds its
// own moments, without the others.
type Schedule interface {
	// Due is when request n is due, n from 0: never is for ever.
	Due(n uint64) time.Duration

	// Hits is how many requests are due before d.
	Hits(d time.Duration) uint64

	// Rate is how many are due per second at d.
	Rate(d time.Duration) float64
}

const never = time.Duration(math.MaxInt64)

// maxRate is the highest rate that has a schedule, per second: no clock tells
// requests apart that are less than a nanosecond apart.
const maxRate = 1e9

// NewSchedule makes the schedule of one of vegeta's three pacers, or of Stages or Replay.
// The first request is due at once, while vegeta waits for one interval.
func NewSchedule(p vegeta.Pacer) (Schedule, error) {
	switch p := p.(type) {
	case vegeta.ConstantPacer:
		if p.Freq <= 0 || p.Per <= 0 {
			return nil, fmt.Errorf("a constant rate of %d per %v: both must be more than 0", p.Freq, p.Per)
		}
		if rate := p.Rate(0); rate > maxRate {
			return nil, tooFast(rate)
		}
		return constant{uint64(p.Freq), uint64(p.Per)}, nil
	case vegeta.LinearPacer:
		switch {
		case p.StartAt.Freq <= 0 || p.StartAt.Per <= 0:
			return nil, fmt.Errorf("a rate that begins at %d per %v: both must be more than 0", p.StartAt.Freq, p.StartAt.Per)
		case !(math.Abs(p.Slope) <= maxRate):
			return nil, fmt.Errorf("a rate that gains %v/s each second: allowed are -1e9 to 1e9", p.Slope)
		case p.StartAt.Rate(0) > maxRate:
			return nil, tooFast(p.StartAt.Rate(0))
		}
		return linear{p.StartAt.Rate(0), p.Slope}, nil
	case vegeta.SinePacer:
		mean, amp := p.Mean.Rate(0), p.Amp.Rate(0)
		if p.Period <= 0 || !(mean > 0) || !(amp >= 0) || amp >= mean {
			return nil, fmt.Errorf("a sine of mean %v/s, amplitude %v/s and period %v: mean and period must be more than 0, the amplitude less than the mean", mean, amp, p.Period)
		}
		if mean+amp > maxRate {
			return nil, tooFast(mean + amp)
		}
		return sine{mean, amp, p.Period.Seconds(), p.StartAt}, nil
	case Stages:
		if err := p.check(); err != nil {
			return nil, err
		}
		return newStaged(p), nil
	case Replay:
		if err := p.check(); err != nil {
			return nil, err
		}
		return p, nil
	}
	return nil, fmt.Errorf("a pacer of type %T: only constant, linear, sine, stages and replay have a schedule", p)
}

func tooFast(rate float64) error {
	return fmt.Errorf("a rate of %g/s: allowed are up to %g/s", rate, float64(maxRate))
}

// constant is freq requests every per nanoseconds. It counts in integers: after
// any time it is exact.
type constant struct{ freq, per uint64 }

func (c constant) Due(n uint64) time.Duration {
	hi, lo := bits.Mul64(n, c.per)
	if hi >= c.freq {
		return never
	}
	q, _ := bits.Div64(hi, lo, c.freq)
	if q > math.MaxInt64 {
		return never
	}
	return time.Duration(q)
}

func (c constant) Hits(d time.Duration) uint64 {
	if d <= 0 {
		return 0
	}
	// The least n whose Due, rounded down, is not before d: n*per >= d*freq.
	hi, lo := bits.Mul64(uint64(d), c.freq)
	lo, carry := bits.Add64(lo, c.per-1, 0)
	q, _ := bits.Div64(hi+carry, lo, c.per) // d/per is far below 2^64
	return q
}

func (c constant) Rate(time.Duration) float64 { return float64(c.freq) / float64(c.per) * 1e9 }

// linear begins at start requests per second and gains slope each second.
type linear struct{ start, slope float64 }

func (l linear) Due(n uint64) time.Duration {
	// The root of slope/2 t² + start t = n, in the form that divides by no
	// small slope.
	discriminant := l.start*l.start + 2*l.slope*float64(n)
	if discriminant < 0 {
		return never // the rate has fallen to 0 before
	}
	return seconds(2 * float64(n) / (l.start + math.Sqrt(discriminant)))
}

func (l linear) Hits(d time.Duration) uint64 {
	t := max(d.Seconds(), 0)
	if l.slope < 0 {
		t = min(t, -l.start/l.slope)
	}
	return atLeast(l.slope/2*t*t + l.start*t)
}

func (l linear) Rate(d time.Duration) float64 { return max(0, l.start+l.slope*d.Seconds()) }

// ends is when the schedule has run out: when the rate has fallen to 0, or risen to
// the highest that there is. never: it has no end.
func (l linear) ends() time.Duration {
	switch {
	case l.slope < 0:
		return seconds(-l.start / l.slope)
	case l.slope > 0:
		return seconds((maxRate - l.start) / l.slope)
	}
	return never
}

// until is how long measured requests of the schedule are due: the Duration, unless
// the schedule runs out before. What lies behind would make every rate of the run
// lower. A rate that would rise too high ends only an attack that has no end of its
// own; any other asks for what cannot be.
func (c *Config) until(s Schedule) time.Duration {
	l, ok := s.(linear)
	if !ok || l.slope > 0 && c.Duration != Forever {
		return c.Duration
	}
	if end := l.ends(); end > 0 {
		return min(c.Duration, end)
	}
	return c.Duration
}

// sine swings by amp around mean, both per second, once in period seconds, and
// begins at offset, in radians.
type sine struct{ mean, amp, period, offset float64 }

// hits is the integral of the rate: vegeta's equation.
func (s sine) hits(t float64) float64 {
	return s.mean*t + s.amp*s.period/(2*math.Pi)*(math.Cos(s.offset)-math.Cos(s.offset+2*math.Pi*t/s.period))
}

// Due finds the root by Newton's method, kept within the bounds that the
// amplitude sets. hits grows throughout, as amp < mean.
func (s sine) Due(n uint64) time.Duration {
	want := float64(n)
	swing := s.amp * s.period / math.Pi / s.mean
	low, high := max(0, want/s.mean-swing), want/s.mean+swing
	t := want / s.mean
	for range 64 {
		over := s.hits(t) - want
		if over > 0 {
			high = t
		} else {
			low = t
		}
		next := t - over/s.rate(t)
		if !(next >= low && next <= high) {
			next = (low + high) / 2
		}
		if math.Abs(next-t) < 1e-10 {
			return seconds(next)
		}
		t = next
	}
	return seconds(t)
}

func (s sine) Hits(d time.Duration) uint64 { return atLeast(s.hits(max(d.Seconds(), 0))) }

func (s sine) rate(t float64) float64 {
	return s.mean + s.amp*math.Sin(s.offset+2*math.Pi*t/s.period)
}

func (s sine) Rate(d time.Duration) float64 { return s.rate(d.Seconds()) }

func seconds(t float64) time.Duration {
	if t >= never.Seconds() {
		return never
	}
	return time.Duration(t * float64(time.Second))
}

// atLeast is how many whole requests begin within h of them; what is a rounding
// error above a whole number is that number.
func atLeast(h float64) uint64 { return uint64(math.Ceil(h - 1e-6)) }

// warmed is a constant rate for a while and then a schedule.
type warmed struct {
	warm  Schedule
	hits  uint64 // of warm
	after time.Duration
	then  Schedule
}

// withWarmup puts d at the rate with which s begins before s.
func withWarmup(s Schedule, d time.Duration) warmed {
	w := warmed{after: d, then: s}
	if d > 0 {
		w.warm = linear{start: s.Rate(0)}
		w.hits = w.warm.Hits(d)
	}
	return w
}

func (w warmed) Due(n uint64) time.Duration {
	if n < w.hits {
		return w.warm.Due(n)
	}
	if due := w.then.Due(n - w.hits); due < never-w.after {
		return w.after + due
	}
	return never
}

func (w warmed) Rate(d time.Duration) float64 {
	if d < w.after {
		return w.warm.Rate(d)
	}
	return w.then.Rate(d - w.after)
}

// hitsBefore is how many requests are due before d.
func (w warmed) hitsBefore(d time.Duration) uint64 {
	if d >= w.after {
		return w.hits + w.then.Hits(d-w.after)
	}
	if w.warm == nil {
		return 0
	}
	return w.warm.Hits(d)
}
