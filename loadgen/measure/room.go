package measure

import (
	"math"
	"time"
)

// Needed is how many requests are in flight on average at the highest rate that was
// asked for, if each is for the mean time (Little's law); 0 in a closed loop.
func (r *Run) Needed() int {
	return NeededFor(r.Peak(), r.HeldMean())
}

// NeededFor is the same of a rate and a mean time.
func NeededFor(rate float64, mean time.Duration) int {
	return int(math.Ceil(rate * mean.Seconds()))
}

// HeldMean is how long a request has its place among those in flight on average: its
// service time, and the time in which its connection is made if it has its own.
func (r *Run) HeldMean() time.Duration {
	t := r.Total
	if r.PerRequest {
		return t.Service.Mean() + t.Dial.Mean() + t.TLS.Mean()
	}
	return t.Service.Mean()
}

// Peak is the highest rate that was asked for, per second: of a rate that changes that
// of its highest second. A second begins and ends beside its requests, so a steady rate
// has one more in some.
func (r *Run) Peak() float64 { return PeakOf(r.Asked, r.Points) }

// PeakOf is the same of a mean rate and the spans of its run.
func PeakOf(asked float64, points []Point) float64 {
	most := asked
	if most == 0 {
		return 0
	}
	for _, p := range points {
		if !p.Drain && p.Length >= time.Second/2 {
			most = max(most, p.Asked-1/p.Length.Seconds())
		}
	}
	return most
}

// Crowded reports whether so many requests waited for room among those in flight that
// a reader has to know.
func (r *Run) Crowded() bool {
	return Crowd{r.Total.Waited, r.Total.Requests(), r.Peak(), r.Needed(), r.Slots()}.Matters()
}

// Crowd is what says whether requests waited for want of room, or for a moment's stall.
type Crowd struct {
	Waited, Requests uint64
	Rate             float64 // asked for, per second
	Needed, Slots    int     // in flight on average, and at most
}

const (
	// waitedMuch is the share of requests that wait for room from which a reader has
	// to know: a stall of a moment has it in a run of any length.
	waitedMuch = 0.01

	// stall is how long such a moment lasts at most, on a machine that others use
	// too. In a short run what is due in it is more than the share, and says nothing
	// about the room if there is far more of that than is needed.
	stall = 100 * time.Millisecond
)

// Matters reports whether it is so many that the room may have been too small.
func (c Crowd) Matters() bool {
	if c.Waited == 0 || float64(c.Waited) < waitedMuch*float64(c.Requests) {
		return false
	}
	ample := 2*c.Needed < c.Slots
	return !ample || float64(c.Waited) > math.Ceil(c.Rate*stall.Seconds())
}
