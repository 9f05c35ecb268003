package cache

import "math/bits"

// queue is one of the two that an entry can be in.
type queue int

const (
	probation queue = iota // stored, and not yet known to be used again
	main

	queues = int(main) + 1
)

// The constants below are from the simulator (cache/simulate); if neighbours
// of a value did about as well, docs/benchmarks.md says so.
const (
	// leastShare and mostShare bound the part of the cache that is for
	// probation, firstShare is what it begins with. A scan can take no more
	// than the part for itself; what is popular for a short time only is
	// best kept in a large one.
	leastShare = 0.02
	firstShare = 0.50
	mostShare  = 0.90

	// shortLived is the share of probation above which what is popular is taken
	// to be so for a short time. An entry of main then stays for one more round
	// if it was used at all: more uses would keep it after it has become
	// unpopular, and its size does not count, since all that is popular now has
	// room.
	shortLived = 0.50

	// shareStep is by how many times the weight of a ghost that is asked
	// for the part changes: after 16 MiB of them in a cache of 256 MiB by a
	// quarter.
	shareStep = 4

	// mostMoves bounds the time of an eviction in a cache in which all
	// entries were used, to some 30 µs. The entry after so many moves goes,
	// used or not.
	mostMoves = 64
)

// weight is the part of a limit that an entry takes, of that of which it takes
// more.
func weight(cost, limitBytes, limitEntries int64) float64 {
	return max(float64(cost)/float64(limitBytes), 1/float64(limitEntries))
}

// adapt returns the share of probation after an entry of a weight was asked for
// again that had left q: it would not have if q had been larger.
func adapt(share float64, q queue, weight float64) float64 {
	step := shareStep * weight
	if q == main {
		step = -step
	}
	return min(max(share+step, leastShare), mostShare)
}

// usesToStay is how many uses an entry of main loses for another round, if room
// is needed for bytes and nothing says that what is popular is short-lived: 1 if it is smaller than four times the average, one more
// for each factor of 8 above. An entry that has fewer leaves. So of what is used
// as often the large leaves first, but what is used much stays, whatever its
// size.
func usesToStay(cost, average int64) uint64 {
	return 1 + uint64(bits.Len64(uint64(cost/max(average, 1))))/3
}
