package wire

import (
	"slices"
	"testing"
)

// TestTurnsOrder: those that have gone on for the fewest turns come first, and those that
// have for as many in their order; the last levels are one.
func TestTurnsOrder(t *testing.T) {
	q := NewTurns(1)
	if q.ask(levels-1) != nil {
		t.Fatal("the first has to wait")
	}
	names := []string{"a long one", "the next", "new", "newer", "in between", "another"}
	var places []chan struct{}
	for _, turns := range []int{levels - 1, levels - 1, 0, 0, 3, 3} {
		places = append(places, q.ask(turns))
	}
	var order []string
	for range places {
		q.leave()
		for i, place := range places {
			select {
			case <-place:
				order = append(order, names[i])
				places[i] = make(chan struct{}) // it is noted once
			default:
			}
		}
	}
	if want := []string{"new", "newer", "in between", "another", "a long one", "the next"}; !slices.Equal(order, want) {
		t.Errorf("%q, want %q", order, want)
	}
	if q.leave(); q.free != 1 {
		t.Errorf("%d places are free at the end, want 1", q.free)
	}
}
