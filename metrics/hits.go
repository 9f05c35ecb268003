package metrics

import "time"

// Hits are answers from memory that are to be counted together, by class: an
// engine counts those of a turn and adds them once. They are small, since each
// connection has them.
type Hits struct {
	classes [Class5xx + 1]uint32
	refused uint32 // beyond a client's limit
}

// Count counts one, mostly a 200.
func (h *Hits) Count(status int) {
	class := Class2xx
	if status >= 300 {
		class = ClassOf(status)
	}
	h.classes[class]++
}

// Refuse counts a request that is answered with 429, and is none to the cache.
func (h *Hits) Refuse() { h.refused++ }

// AddHits adds hits, each of which has taken since began, and clears them. It
// returns how long that is; 0 if there are none, and the clock is not read.
func (m *Hotpath) AddHits(s Stripe, p Protocol, hits *Hits, began time.Time) (took time.Duration) {
	var all uint64
	for class, n := range hits.classes {
		if n > 0 {
			m.Requests.Add(s, p, Class(class), Hit, uint64(n))
			hits.classes[class] = 0
			all += uint64(n)
		}
	}
	if all+uint64(hits.refused) == 0 {
		return 0
	}
	took = time.Since(began)
	if all > 0 {
		m.RequestDuration.ObserveN(s, Hit, took, all)
	}
	if n := uint64(hits.refused); n > 0 {
		m.Requests.Add(s, p, Class4xx, Bypass, n)
		m.RequestDuration.ObserveN(s, Bypass, took, n)
		hits.refused = 0
	}
	return took
}
