package yield

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// TestBurst: of a burst that is let run at once some go on between two turns of another
// goroutine, and all in the end.
func TestBurst(t *testing.T) {
	needsPoller(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const size = 400
	b := Burst{AtOnce: 8}
	var gone atomic.Int64
	var all sync.WaitGroup
	for range size {
		all.Go(func() {
			b.Join()
			gone.Add(1)
		})
	}
	most := int64(0)
	for before := int64(0); before < size; {
		runtime.Gosched()
		now := gone.Load()
		most = max(most, now-before)
		before = now
	}
	all.Wait()
	if limit := int64(2 * b.AtOnce); most > limit { // the scheduler may leave us out once
		t.Errorf("%d of %d went on between two turns, want %d at most", most, size, limit)
	}
}

// TestBurstOrder: those that wait go on in their order, as many at a time as may, and the
// last turn of all else lets the next go on as they come.
func TestBurstOrder(t *testing.T) {
	b := Burst{AtOnce: 2, pacing: true} // by hand
	for range b.AtOnce {
		if b.enter() != nil {
			t.Fatal("one of those that go on as they come has to wait")
		}
	}
	var places []chan struct{}
	for range 5 {
		places = append(places, b.enter())
	}
	open := func() (open []bool) {
		for _, p := range places {
			select {
			case <-p:
				open = append(open, true)
			default:
				open = append(open, false)
			}
		}
		return open
	}
	for i, want := range [][]bool{
		{false, false, false, false, false},
		{true, true, false, false, false},
		{true, true, true, true, false},
		{true, true, true, true, true},
	} {
		if got := open(); !slices.Equal(got, want) {
			t.Errorf("after %d turns %v, want %v", i, got, want)
		}
		if went := b.next(); went != (i < 3) {
			t.Errorf("turn %d: %v that some went on", i+1, went)
		}
	}
	if b.pacing || b.gone > 0 {
		t.Errorf("pacing %v, %d have gone on: want a new beginning", b.pacing, b.gone)
	}
}
