package attack

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Replay is a pacer with a moment of its own for each request, and says which
// target each is for, and which client sent it: those of a client are sent on one
// connection. The three have as many elements; an attack with it has as many
// Requests.
type Replay struct {
	Moments []time.Duration // from 0, in their order
	Targets []uint32        // positions among Config.Targets
	Clients []uint32
	End     time.Duration // from here on nothing is due: behind the last moment
}

var _ vegeta.Pacer = Replay{}

// maxMoments bounds what is replayed: 16 bytes each.
const maxMoments = 5_000_000

// Pace implements vegeta.Pacer.
func (r Replay) Pace(elapsed time.Duration, hits uint64) (wait time.Duration, stop bool) {
	if hits >= uint64(len(r.Moments)) {
		return 0, true
	}
	return max(0, r.Moments[hits]-elapsed), false
}

// Due implements Schedule. The one behind the last is never sent: its moment is the
// end.
func (r Replay) Due(n uint64) time.Duration {
	switch count := uint64(len(r.Moments)); {
	case n < count:
		return r.Moments[n]
	case n == count:
		return r.End
	}
	return never
}

// Hits implements Schedule.
func (r Replay) Hits(d time.Duration) uint64 {
	n, _ := slices.BinarySearch(r.Moments, d)
	return uint64(n)
}

// Rate implements Schedule: that of the second around d.
func (r Replay) Rate(d time.Duration) float64 {
	const half = time.Second / 2
	from, to := max(0, d-half), min(d+half, r.End)
	if to <= from {
		return 0
	}
	return float64(r.Hits(to)-r.Hits(from)) / (to - from).Seconds()
}

// Busiest is how many are due within a second at most.
func (r Replay) Busiest() (most uint64) {
	for from, to := 0, 0; to < len(r.Moments); to++ {
		for r.Moments[to]-r.Moments[from] >= time.Second {
			from++
		}
		most = max(most, uint64(to-from+1))
	}
	return most
}

// check returns what is wrong with the moments, and what is allowed.
func (r Replay) check() error {
	n := len(r.Moments)
	switch {
	case n == 0 || n > maxMoments:
		return fmt.Errorf("%d requests to replay: allowed are 1 to %d", n, maxMoments)
	case len(r.Targets) != n || len(r.Clients) != n:
		return fmt.Errorf("%d moments of a replay, %d targets and %d clients: there must be as many", n, len(r.Targets), len(r.Clients))
	case r.Moments[0] < 0 || r.End <= r.Moments[n-1] || r.End > maxDuration:
		return fmt.Errorf("a replay from %v to %v that ends at %v: allowed are 0 to %v, and an end behind it", r.Moments[0], r.Moments[n-1], r.End, maxDuration)
	case !slices.IsSorted(r.Moments):
		return errors.New("the moments of a replay are not in their order")
	}
	return nil
}

// checkWith is check beside the rest of an attack.
func (r Replay) checkWith(c *Config, origins int) error {
	switch {
	case c.Requests != uint64(len(r.Moments)):
		return fmt.Errorf("%d requests of a replay of %d: all of them are sent", c.Requests, len(r.Moments))
	case c.Warmup > 0:
		return errors.New("a replay has no warm-up: its requests have moments of their own")
	case !c.Pattern.Zero():
		return errors.New("a replay has its own requests: no pattern goes with it")
	case origins != 1:
		return fmt.Errorf("a replay of targets of %d origins: allowed is one", origins)
	}
	for n, target := range r.Targets {
		if int(target) >= len(c.Targets) {
			return fmt.Errorf("request %d of a replay is for target %d of %d", n, target, len(c.Targets))
		}
	}
	return nil
}

// lanes are the numbers of the requests of each connection.
func (r Replay) lanes(n int) [][]uint32 {
	all := make([][]uint32, n)
	for i, client := range r.Clients {
		lane := int(client) % n
		all[lane] = append(all[lane], uint32(i))
	}
	return all
}

// replayed is the sequence of one of them.
func (r Replay) replayed(numbers []uint32, lanes, lane int) sequence {
	return sequence{numbers: numbers, order: r.Targets, lanes: uint64(lanes), lane: uint64(lane), step: 1}
}

// number is sequence.at of a replay: the position behind the last number is 0.
func (s *sequence) number(row uint64) (n, position uint64) {
	if row >= uint64(len(s.numbers)) {
		return uint64(len(s.order)), 0 // as many as there are: no request has that number
	}
	at := s.numbers[row]
	return uint64(at), uint64(s.order[at])
}

// numbersBelow is sequence.below of a replay.
func (s *sequence) numbersBelow(limit uint64) uint64 {
	return uint64(sort.Search(len(s.numbers), func(i int) bool { return uint64(s.numbers[i]) >= limit }))
}
