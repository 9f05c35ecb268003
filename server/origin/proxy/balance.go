package proxy

import "math/bits"

// candidate is what a choice depends on of one upstream.
type candidate struct {
	seed     uint64 // a hash of its URL, for rendezvous hashing
	usable   bool   // neither unhealthy nor ejected, nor tried already
	full     bool   // a fetch would wait there
	inflight int64
	weight   int // 1 to 100: its share while it starts slowly
}

// choose returns the index of the upstream for a fetch, -1 if none is usable.
// n is a number that is different for each fetch: a counter for round_robin
// and least_conn, the hash for hash. An upstream that is full is chosen only if
// all that are usable are. It depends on nothing else.
func choose(policy Balance, all []candidate, n uint64) int {
	usable, room := 0, 0
	for i := range all {
		if all[i].usable {
			usable++
			if !all[i].full {
				room++
			}
		}
	}
	if usable == 0 {
		return -1
	}
	ok := func(i int) bool { return all[i].usable && (room == 0 || !all[i].full) }
	switch policy {
	case LeastConn:
		return leastConn(all, n, ok)
	case Hash:
		return rendezvous(all, n, ok)
	}
	if room > 0 {
		usable = room
	}
	return roundRobin(all, n, usable, ok)
}

// roundRobin takes the n-th of count, or the next one if that starts slowly and
// it is not its turn: its weight is the part of its turns that it takes.
func roundRobin(all []candidate, n uint64, count int, ok func(int) bool) int {
	turn, round := int(n%uint64(count)), n/uint64(count)
	first := -1
	for range 2 {
		for i := range all {
			if !ok(i) {
				continue
			}
			if turn > 0 {
				turn--
				continue
			}
			if first < 0 {
				first = i
			}
			// 61 has no factor in common with 100: it visits all residues.
			if int(round*61%100) < all[i].weight {
				return i
			}
		}
	}
	return first
}

// leastConn takes the one with the fewest fetches for its weight; among equals
// it begins to look at the n-th, so that they take turns.
func leastConn(all []candidate, n uint64, ok func(int) bool) int {
	best := -1
	start := int(n % uint64(len(all)))
	for k := range all {
		i := (start + k) % len(all)
		if !ok(i) {
			continue
		}
		if best < 0 || (all[i].inflight+1)*int64(all[best].weight) < (all[best].inflight+1)*int64(all[i].weight) {
			best = i
		}
	}
	return best
}

// rendezvous takes the highest score of the hash and the upstream (highest
// random weight, Thaler and Ravishankar 1998): without one upstream, only what
// it had moves. The score is scaled by the weight, so that one that starts
// slowly gets back first what it wins clearly.
func rendezvous(all []candidate, hash uint64, ok func(int) bool) int {
	best, top := -1, uint64(0)
	for i := range all {
		if !ok(i) {
			continue
		}
		score := mix(hash^all[i].seed) / 100 * uint64(all[i].weight)
		if best < 0 || score > top {
			best, top = i, score
		}
	}
	return best
}

// mix is the finalizer of wyhash: each bit of x changes half of the result's.
func mix(x uint64) uint64 {
	hi, lo := bits.Mul64(x^0xa0761d6478bd642f, 0xe7037ed1a0b428db)
	return mixStep(hi ^ lo)
}

func mixStep(x uint64) uint64 {
	hi, lo := bits.Mul64(x^0x8ebc6af09c88c6e3, 0x589965cc75374cc3)
	return hi ^ lo
}

// hashString is FNV-1a of s, going on from h. It is the same in every process,
// so that several instances send a key to the same upstream.
func hashString(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// hashStart is FNV-1a's offset basis.
const hashStart = 14695981039346656037
