package fleet

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// intervalOf has n requests, n due and n in flight.
func intervalOf(index, n int) *measure.Interval {
	i := &measure.Interval{
		Index: index, Begin: time.Duration(index) * time.Second, Length: time.Second,
		Due: uint64(n), InFlight: int64(n), Tally: measure.NewTally(),
	}
	for range n {
		i.Tally.Add(&exchange.Outcome{Status: 200})
	}
	return i
}

// TestMerge follows two agents: which intervals are reported when, and what is
// in them.
func TestMerge(t *testing.T) {
	type step struct {
		at       time.Duration
		add      *measure.Interval
		complete int
		want     []string
	}
	for name, steps := range map[string][]step{
		"in step": {
			{0, intervalOf(0, 1), 0, nil},
			{1, intervalOf(0, 2), 1, []string{"0 at 0s for 1s: 3 requests, 3 due, 3 in flight"}},
			{2, intervalOf(1, 4), 1, nil},
			{3, intervalOf(1, 8), 2, []string{"1 at 1s for 1s: 12 requests, 12 due, 12 in flight"}},
		},
		"one is ahead": {
			{0, intervalOf(0, 1), 0, nil},
			{time.Second, intervalOf(1, 2), 0, nil},
			{2 * time.Second, intervalOf(0, 4), 1, []string{"0 at 0s for 1s: 5 requests, 5 due, 5 in flight"}},
			{2*time.Second + 1, intervalOf(1, 8), 2, []string{"1 at 1s for 1s: 10 requests, 10 due, 10 in flight"}},
		},
		"one is gone": {
			{0, intervalOf(0, 1), 0, nil},
			{1, intervalOf(1, 2), 0, nil},
			{2, nil, 2, []string{"0 at 0s for 1s: 1 requests, 1 due, 1 in flight", "1 at 1s for 1s: 2 requests, 2 due, 2 in flight"}},
		},
		"one is late": {
			{0, intervalOf(0, 1), 0, nil},
			{patience - 1, nil, 0, nil},
			{patience, nil, 0, []string{"0 at 0s for 1s: 1 requests, 1 due, 1 in flight"}},
			{patience, intervalOf(1, 2), 0, nil},
			{patience + 1, intervalOf(0, 4), 1, nil},
			{patience + 2, intervalOf(1, 8), 2, []string{"1 at 1s for 1s: 14 requests, 14 due, 10 in flight"}},
		},
		"one is late at the end": {
			{0, intervalOf(0, 1), 0, nil},
			{patience, nil, 0, []string{"0 at 0s for 1s: 1 requests, 1 due, 1 in flight"}},
			{patience + 1, intervalOf(0, 4), allEnded, []string{"1 at 1s for 0s: 4 requests, 4 due, 0 in flight"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			m := newMerger(func(i *measure.Interval) {
				got = append(got, fmt.Sprintf("%d at %v for %v: %d requests, %d due, %d in flight", i.Index, i.Begin, i.Length, i.Tally.Requests(), i.Due, i.InFlight))
			})
			now := time.Now()
			for n, s := range steps {
				got = nil
				if s.add != nil {
					m.add(s.add, now.Add(s.at))
				}
				m.flush(s.complete, now.Add(s.at))
				if !reflect.DeepEqual(got, s.want) {
					t.Fatalf("step %d: reported %q, want %q", n, got, s.want)
				}
			}
		})
	}
}

// TestMergeLosesNothing: whenever intervals come, all of their requests are
// reported once, in order.
func TestMergeLosesNothing(t *testing.T) {
	const agents, seconds = 3, 6
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		var requests uint64
		next := 0
		m := newMerger(func(i *measure.Interval) {
			if i.Index != next {
				t.Fatalf("seed %d: interval %d where %d was to come", seed, i.Index, next)
			}
			next++
			requests += i.Tally.Requests()
		})
		var sent [agents]int
		now, complete := time.Now(), 0
		for complete < seconds {
			now = now.Add(time.Duration(random.Int64N(int64(2 * time.Second))))
			if a := random.IntN(agents); sent[a] < seconds {
				m.add(intervalOf(sent[a], 1), now)
				sent[a]++
			}
			complete = min(sent[0], sent[1], sent[2])
			m.flush(complete, now)
		}
		m.flush(allEnded, now)
		if requests != agents*seconds {
			t.Errorf("seed %d: %d requests of %d", seed, requests, agents*seconds)
		}
	}
}

// TestShares: every connection is one agent's, and no agent has none or two
// more than another.
func TestShares(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 100} {
		for connections := n; connections < 3*n+5; connections++ {
			next := 0
			for i := range n {
				s := share(attack.Config{Connections: connections}, i, n)
				if s.First != next || s.Count < connections/n || s.Count > (connections+n-1)/n {
					t.Fatalf("agent %d of %d has %d connections from %d of %d", i, n, s.Count, s.First, connections)
				}
				next += s.Count
			}
			if next != connections {
				t.Fatalf("%d agents have %d connections of %d", n, next, connections)
			}
		}
	}
}
