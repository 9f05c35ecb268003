package flow

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/frame"
)

func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		from Window
		add  int64
		want Window
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
		if ok := w.Add(tt.add); ok != tt.ok || w != tt.want {
			t.Errorf("%d+%d is %d, %v; want %d, %v", tt.from, tt.add, w, ok, tt.want, tt.ok)
		}
	}
	w := Window(5)
	if w.Take(6) || !w.Take(5) || w.Take(1) || !w.Take(0) || w != 0 {
		t.Errorf("take leaves %d", w)
	}
	if w = -3; w.Room() != 0 || w.Take(0) {
		t.Errorf("a negative window has room")
	}
}

// TestCredit: increments are announced by the half window, and none is lost.
func TestCredit(t *testing.T) {
	c := NewCredit(100)
	sent, announced := 0, 0
	for range 1000 {
		if !c.Take(7) {
			t.Fatalf("no credit after %d bytes, %d of them announced", sent, announced)
		}
		sent += 7
		n := c.Free(7)
		if n != 0 && n < 50 {
			t.Errorf("an increment of %d for a window of 100", n)
		}
		announced += n
	}
	if sent-announced >= 50 {
		t.Errorf("%d of %d bytes announced", announced, sent)
	}
}
