package h2

import (
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
)

func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		from window
		add  int64
		want window
		ok   bool
	}{
		{0, 1, 1, true},
		{0, frame.MaxWindow, frame.MaxWindow, true},
		{1, frame.MaxWindow, 1, false},
		{frame.MaxWindow, 1, frame.MaxWindow, false},
		{frame.MaxWindow, 0, frame.MaxWindow, true},
		{0, -frame.MaxWindow, -frame.MaxWindow, true},
		{-10, frame.MaxWindow, frame.MaxWindow - 10, true},
	} {
		w := tt.from
		if ok := w.add(tt.add); ok != tt.ok || w != tt.want {
			t.Errorf("%d+%d is %d, %v; want %d, %v", tt.from, tt.add, w, ok, tt.want, tt.ok)
		}
	}
	w := window(5)
	if w.take(6) || !w.take(5) || w.take(1) || !w.take(0) || w != 0 {
		t.Errorf("take leaves %d", w)
	}
	if w = -3; w.room() != 0 || w.take(0) {
		t.Errorf("a negative window has room")
	}
}

// TestCredit: increments are announced by the half window, and none is lost.
func TestCredit(t *testing.T) {
	c := newCredit(100)
	sent, announced := 0, 0
	for range 1000 {
		if !c.left.take(7) {
			t.Fatalf("no credit after %d bytes, %d of them announced", sent, announced)
		}
		sent += 7
		n := c.free(7)
		if n != 0 && n < 50 {
			t.Errorf("an increment of %d for a window of 100", n)
		}
		announced += n
	}
	if sent-announced >= 50 {
		t.Errorf("%d of %d bytes announced", announced, sent)
	}
}

func TestBudget(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newBudget(3, 2, now)
	spend := func(want bool) {
		t.Helper()
		if got := b.spend(now); got != want {
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
