package memory

import (
	"cmp"
	"math/bits"
	"slices"
	"time"
)

const (
	// headStart is what every sender counts as having moved when it begins,
	// so that one of a moment ago is not the slowest: HTTP/2's initial window
	// (RFC 9113 §6.9.2), which the peer need not enlarge.
	headStart = 65535

	// youngest keeps the rate of one that just began finite.
	youngest = time.Millisecond
)

// candidate is a sender that helps if it is cut.
type candidate struct {
	ticket *Ticket
	rate   int64 // bytes per second
	frees  int64 // bytes
	shed   bool  // an exchange that is cut for others
}

// rate is how many bytes per second a sender moved, with its head start.
func rate(moved int64, age time.Duration) int64 {
	return int64(float64(moved+headStart) / max(age, youngest).Seconds())
}

// choose returns the first of candidates, which it sorts, that together free at
// least need bytes, or all. The slowest come first; rates within the same power
// of two count as equal, and then those come first that free most, so that few
// are cut.
func choose(candidates []candidate, need int64) []candidate {
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(
			cmp.Compare(bits.Len64(uint64(a.rate)), bits.Len64(uint64(b.rate))),
			cmp.Compare(b.frees, a.frees),
			cmp.Compare(a.rate, b.rate),
		)
	})
	for i, c := range candidates {
		if need <= 0 {
			return candidates[:i]
		}
		need -= c.frees
	}
	return candidates
}
