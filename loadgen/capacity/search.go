package capacity

import (
	"context"
	"fmt"
	"math"
	"strconv"
)

// Try runs the load at a rate, per second, and reports whether the objectives
// held. An error ends the search: it says that nothing was measured, not that
// the server was too slow.
type Try func(ctx context.Context, rate float64) (held bool, err error)

// Probe is a try that was made.
type Probe struct {
	Rate float64 // per second
	Held bool
}

// Result is what a search has found. Rates are per second.
type Result struct {
	Best      float64 // the highest rate that held; 0: none did
	Missed    float64 // the lowest that did not; 0: none was missed
	Confirmed bool    // the search came to its end: Best held twice, Missed did not twice
	Probes    []Probe // in the order in which they were made

	// Low and High are the rates between which tries disagreed: the lowest up
	// to Best that was missed once, the highest from Missed that held once,
	// and Best or Missed on a side that had none. Both 0: none disagreed,
	// or there is no Best. A rate below half of Best or above twice Missed
	// is no matter of the limit, and not counted.
	Low, High float64
}

// noise sets Low and High.
func (r *Result) noise() {
	low, high := r.Best, max(r.Missed, r.Best)
	disagreed := false
	for _, p := range r.Probes {
		switch {
		case !p.Held && p.Rate <= r.Best && p.Rate >= r.Best/2:
			low, disagreed = min(low, p.Rate), true
		case p.Held && r.Missed > 0 && p.Rate >= r.Missed && p.Rate <= 2*r.Missed:
			high, disagreed = max(high, p.Rate), true
		}
	}
	if disagreed && r.Best > 0 {
		r.Low, r.High = low, high
	}
}

// maxRates bounds how many rates a search decides on. From Floor to Ceiling are
// 30 doublings, from there to a precision of 0.1 % 10 halvings of the gap; the
// rest is for going back. A rate takes at most 2·Confirm−1 tries.
const maxRates = 64

// Search looks for the highest rate that holds. With an error, of try or of
// ctx, the result is what was known until then.
func Search(ctx context.Context, c Config, try Try) (Result, error) {
	c, err := c.complete()
	if err != nil {
		return Result{}, err
	}
	s := &search{Config: c, try: try, rates: make(map[float64]*verdict)}
	for range maxRates {
		rate := s.next()
		if rate == 0 {
			if rate = s.settle(); rate == 0 {
				s.result.Confirmed = s.result.Best > 0
				break
			}
		}
		if err := s.decide(ctx, rate); err != nil {
			return s.result, err
		}
	}
	s.result.noise()
	return s.result, nil
}

// search is the state of a Search: verdicts on rates. Held rates are always
// below missed ones, because only the ends of the gap between them change.
type search struct {
	Config
	try    Try
	rates  map[float64]*verdict
	result Result
}

// verdict is what was decided on a rate, last, and how often either way.
type verdict struct {
	held         bool
	holds, fails int
}

// sure reports whether it was decided twice in the same way.
func (v *verdict) sure() bool { return max(v.holds, v.fails) > 1 }

// next is the rate that narrows the gap, or 0 if the gap is small enough.
func (s *search) next() float64 {
	lo, hi := s.result.Best, s.result.Missed
	switch {
	case lo == 0 && hi == 0:
		return s.Start
	case hi == 0 && lo == s.Max:
		return 0
	case hi == 0:
		return min(round(2*lo, growDigits), s.Max)
	case lo == 0 && hi <= s.Min:
		return 0
	case lo == 0:
		return max(round(hi/2, growDigits), s.Min)
	case hi <= lo*(1+s.Precision):
		return 0
	}
	return round(math.Sqrt(lo*hi), s.digits())
}

// settle is the end of the gap that has to be tried again before the
// gap is believed, or 0. A stutter of the machine makes a rate missed that the
// server can hold, and hides all above it; luck makes a rate held that it
// cannot. If an end changes its side, the search goes on from there.
//
// With a threshold that moves by 5 % and one try in 20 that stutters, at most 1
// in 100 searches is off by more than 10 % with Confirm 2: see TestSearchNoisy.
func (s *search) settle() float64 {
	for _, rate := range []float64{s.result.Missed, s.result.Best} {
		if v := s.rates[rate]; v != nil && !v.sure() {
			return rate
		}
	}
	return 0
}

// decide tries the rate until enough tries agree, and moves the gap. Going up, a
// rate that holds at once is believed: the next one will show.
func (s *search) decide(ctx context.Context, rate float64) error {
	up := s.result.Missed == 0 && rate > s.result.Best && rate < s.Max
	var held, missed int
	for held < s.Confirm && missed < s.Confirm && !(up && held > missed) {
		if err := ctx.Err(); err != nil {
			return err
		}
		ok, err := s.try(ctx, rate)
		if err == nil {
			err = ctx.Err() // cut short: it measured too little
		}
		if err != nil {
			return fmt.Errorf("capacity: at %s/s: %w", strconv.FormatFloat(rate, 'f', -1, 64), err)
		}
		s.result.Probes = append(s.result.Probes, Probe{rate, ok})
		if ok {
			held++
		} else {
			missed++
		}
	}
	v := s.rates[rate]
	if v == nil {
		v = new(verdict)
		s.rates[rate] = v
	}
	if v.held = missed < s.Confirm; v.held {
		v.holds++
	} else {
		v.fails++
	}
	s.result.Best, s.result.Missed = s.gap()
	return nil
}

// gap is the highest rate that is held and the lowest that is missed, 0 if
// there is none.
func (s *search) gap() (best, missed float64) {
	for rate, v := range s.rates {
		switch {
		case v.held:
			best = max(best, rate)
		case missed == 0:
			missed = rate
		default:
			missed = min(missed, rate)
		}
	}
	return best, missed
}

// growDigits are the digits of rates while the gap is open: they only have to
// come near its ends.
const growDigits = 2

// digits are the digits of rates in the gap: a step of the last one is at most
// half the precision, so there is always one strictly inside.
func (s *search) digits() int {
	return 1 + int(math.Ceil(-math.Log10(s.Precision/2)))
}

// round keeps the leading digits of a rate, so that curves read well.
func round(rate float64, digits int) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(rate, 'e', digits-1, 64), 64) // it parses
	return rounded
}
