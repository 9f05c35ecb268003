package limit

import (
	"fmt"
	"testing"
	"time"
)

func TestPerSecond(t *testing.T) {
	var p PerSecond
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		why      string
		cause    string
		after    time.Duration
		ok       bool
		withheld int
	}{
		{"the first passes", "a", 0, true, 0},
		{"the second is held back", "a", 0, false, 0},
		{"another cause is not affected", "b", 0, true, 0},
		{"until a second is over", "a", time.Second - 1, false, 0},
		{"then the next passes, and says how many did not", "a", time.Second, true, 2},
		{"the second counts from the one that passed", "a", 2*time.Second - 1, false, 0},
		{"the count starts again", "a", 3 * time.Second, true, 1},
		{"none was held back", "b", 3 * time.Second, true, 0},
	} {
		if withheld, ok := p.Allow(c.cause, start.Add(c.after)); ok != c.ok || withheld != c.withheld {
			t.Errorf("%s: %v, %d held back, want %v, %d", c.why, ok, withheld, c.ok, c.withheld)
		}
	}
}

// TestPerSecondIsBounded: causes without end share one entry.
func TestPerSecondIsBounded(t *testing.T) {
	var p PerSecond
	passed := 0
	for i := range 10 * maxCauses {
		if _, ok := p.Allow(fmt.Sprint(i), time.Unix(1000, 0)); ok {
			passed++
		}
	}
	if passed != maxCauses+1 || len(p.causes) != maxCauses+1 {
		t.Errorf("%d passed, %d are kept, want %d of both", passed, len(p.causes), maxCauses+1)
	}
}
