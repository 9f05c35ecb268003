package metrics

import "time"

// Hits are answers from memory that are to be counted together, by class: an
// engine counts those of a turn and adds them once. They are small, since each
// connection has them.
type Hits [Class5xx + 1]uint32

// Count counts one, mostly a 200.
func (h *Hits) Count(status int) {
	class := Class2xx
	if status >= 300 {
		class = ClassOf(status)
	}
	h[class]++
}

// AddHits adds hits, each of which has taken since began, and clears them. It
// returns how long that is; 0 if there are none, and the clock is not read.
func (m *Hotpath) AddHits(s Stripe, p Protocol, hits *Hits, began time.Time) (took time.Duration) {
	var all uint64
	for class, n := range hits {
		if n > 0 {
			m.Requests.Add(s, p, Class(class), Hit, uint64(n))
			hits[class] = 0
			all += uint64(n)
		}
	}
	if all > 0 {
		took = time.Since(began)
		m.RequestDuration.ObserveN(s, Hit, took, all)
	}
	return took
}
