package missed

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSlowest: the paths with the longest fetches come first, however many others pass
// by, with the time that they take mostly.
func TestSlowest(t *testing.T) {
	var s Slowest
	for i := range 1000 {
		s.Note("a", fmt.Sprint("h/", i), time.Duration(i%50)*time.Millisecond, noon)
		if i%100 == 0 {
			s.Note("a", "h/slow", 2*time.Second, noon)
			s.Note("a", "h/slow", time.Second, noon)
			s.Note("b", "h/slow", 900*time.Millisecond, noon)
		}
	}
	want := []SlowPath{{"a", "h/slow", 2000, 1500, 20}, {"b", "h/slow", 900, 900, 10}}
	top := s.Top(3, noon)
	if len(top) != 3 || top[0] != want[0] || top[1] != want[1] || top[2].Longest != 49 {
		t.Errorf("%+v, want %+v and one of 49 ms", top, want)
	}
	if n := len(s.Top(1000, noon)); n != slowPlaces {
		t.Errorf("%d paths, want %d", n, slowPlaces)
	}
}

// TestSlowestPeriods: what is reported is of one to two periods.
func TestSlowestPeriods(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration
		paths int
	}{{0, 1}, {period, 1}, {2*period - 1, 1}, {2 * period, 0}} {
		var s Slowest
		s.Note("a", "h/", time.Second, noon)
		if n := len(s.Top(10, noon.Add(tt.after))); n != tt.paths {
			t.Errorf("after %v: %d paths, want %d", tt.after, n, tt.paths)
		}
	}
	var s Slowest
	s.Note("a", "h/", time.Second, noon)
	s.Note("a", "h/", 3*time.Second, noon.Add(period))
	if top := s.Top(10, noon.Add(period)); len(top) != 1 || top[0] != (SlowPath{"a", "h/", 3000, 2000, 2}) {
		t.Errorf("%+v, want both periods", top)
	}
}

// TestSlowestBounds: what clients send is kept to its bounds, and by many at once.
func TestSlowestBounds(t *testing.T) {
	var s Slowest
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 500 {
				s.Note("s", fmt.Sprint("h/", w, i, strings.Repeat("x", 10_000)), time.Duration(i), noon)
			}
		})
	}
	all.Wait()
	for _, p := range s.Top(1000, noon) {
		if len(p.Path) > maxPath {
			t.Fatalf("%d bytes of a path", len(p.Path))
		}
	}
}
