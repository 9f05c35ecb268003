package metrics

import (
	"sync"
	"testing"
)

// TestTally: what is counted on any stripe is in the sums, and what was counted before
// a moment is not in what came since.
func TestTally(t *testing.T) {
	var all sync.WaitGroup
	tally := NewTally()
	for s := range Stripe(3 * tallyStripes) {
		all.Go(func() {
			tally.Add(s, Class2xx, Hit, 10)
			tally.Add(s, Class4xx, Miss, 1)
			tally.Add(s, Class5xx, Bypass, 2)
		})
	}
	all.Wait()
	const n = 3 * tallyStripes
	before := tally.Value()
	if want := (Tallied{10 * n, n, 2 * n, n, 2 * n}); before != want {
		t.Errorf("%+v, want %+v", before, want)
	}
	tally.Add(0, Class4xx, Hit, 5)
	if got, want := tally.Value().Since(before), (Tallied{Hits: 5, ClientErrors: 5}); got != want {
		t.Errorf("since then %+v, want %+v", got, want)
	}
	if got := before.Plus(before).Requests(); got != 26*n {
		t.Errorf("%d requests, want %d", got, 26*n)
	}
	var none *Tally
	none.Add(0, Class2xx, Hit, 1)
	if got := none.Value(); got != (Tallied{}) {
		t.Errorf("a nil Tally has counted %+v", got)
	}
}
