package limit

import (
	"testing"
	"time"
)

func TestBudget(t *testing.T) {
	now := time.Unix(1000, 0)
	b := NewBudget(3, 2, now)
	spend := func(want bool) {
		t.Helper()
		if got := b.Spend(now); got != want {
			t.Errorf("spend at %v: %v, want %v", now.Sub(time.Unix(1000, 0)), got, want)
		}
	}
	for range 3 {
		spend(true)
	}
	spend(false)
	now = now.Add(499 * time.Millisecond)
	spend(false)
	now = now.Add(time.Millisecond)
	spend(true) // two a second
	spend(false)
	now = now.Add(time.Hour)
	for range 3 { // and never more than it began with
		spend(true)
	}
	spend(false)
	now = now.Add(-time.Minute) // a clock that goes back takes nothing
	spend(false)
}
