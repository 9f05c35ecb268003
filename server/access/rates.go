package access

import "math"

// rates are how often requests are chosen, and what for: one in every, of which
// one in thin is logged, one in hotThin counts for the hottest keys, and one in
// trace is traced. So there is one gap to draw for all three.
type rates struct {
	every, thin, hotThin, trace float64

	meanGap float64 // of an exponential distribution, see [Tap.draw]
}

// uses are what a chosen request is for.
type uses struct {
	chosen  bool // it is one
	sampled bool // for the log
	traced  bool
}

// newRates makes the rates of a recorder, with the share of requests to be traced.
func newRates(mode Mode, sample int, traced float64) *rates {
	r := &rates{every: hotEvery, trace: math.Inf(1)}
	switch mode {
	case All:
		r.every = 1
	case Sampled:
		r.every = min(r.every, float64(sample))
	}
	if traced > 0 {
		r.every = max(1, min(r.every, 1/traced))
		r.trace = 1 / traced / r.every
	}
	r.thin = float64(sample) / r.every
	r.hotThin = max(1, hotLeast/r.every)
	r.meanGap = -1 / math.Log1p(-1/r.every)
	return r
}

func (r *rates) draw() uses {
	return uses{chosen: true, sampled: oneIn(r.thin), traced: oneIn(r.trace)}
}

// TraceRate has the share of hits that are traced follow what [Config.Traces] was set
// to. A connection takes it with the next hit that it chooses.
func (r *Recorder) TraceRate() {
	r.rates.Store(newRates(r.cfg.Mode, r.cfg.Sample, r.cfg.Traces.Share()))
}
