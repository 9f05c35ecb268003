package metrics

import "time"

// Hits are answers from memory that are to be counted together, by class: an
// engine counts those of a turn and adds them once. They are small, since each
// connection has them.
type Hits struct {
	of      *Tally           // that these are to be counted in, too
	classes [Class5xx]uint32 // from 2xx on: no hit is informational
	others  uint32           // of this turn, which are counted, in the tally of each, but for their duration
	refused uint32           // beyond a client's limit
}

// Count counts one, mostly a 200, that is to be counted in a tally as well: most often
// that of the hit before. The hits are those of a stripe and a protocol, which
// [Hotpath.AddHits] is given too.
func (h *Hits) Count(m *Hotpath, s Stripe, p Protocol, status int, of *Tally) {
	if h.of != of {
		h.others += h.add(m, s, p)
		h.of = of
	}
	class := Class2xx
	if status >= 300 {
		class = ClassOf(status)
	}
	h.classes[class-Class2xx]++
}

// Refuse counts a request that is answered with 429, and is none to the cache.
func (h *Hits) Refuse() { h.refused++ }

// add counts the hits of the latest tally, but for their duration, and returns how
// many they are.
func (h *Hits) add(m *Hotpath, s Stripe, p Protocol) (all uint32) {
	for i, n := range h.classes {
		if n > 0 {
			class := Class2xx + Class(i)
			m.Requests.Add(s, p, class, Hit, uint64(n))
			h.of.Add(s, class, Hit, uint64(n))
			h.classes[i] = 0
			all += n
		}
	}
	return all
}

// AddHits adds hits, each of which has taken since began, and clears them. It
// returns how long that is; 0 if there are none, and the clock is not read.
func (m *Hotpath) AddHits(s Stripe, p Protocol, hits *Hits, began time.Time) (took time.Duration) {
	all := hits.add(m, s, p) + hits.others
	hits.others = 0
	if all+hits.refused == 0 {
		return 0
	}
	took = time.Since(began)
	if all > 0 {
		m.RequestDuration.ObserveN(s, Hit, took, uint64(all))
	}
	if n := uint64(hits.refused); n > 0 {
		m.Requests.Add(s, p, Class4xx, Bypass, n)
		m.RequestDuration.ObserveN(s, Bypass, took, n)
		hits.refused = 0
	}
	return took
}
