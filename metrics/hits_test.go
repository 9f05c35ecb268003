package metrics

import (
	"testing"
	"time"
)

func TestAddHits(t *testing.T) {
	m := NewHotpath(Options{})
	s := m.Stripe()
	var hits Hits
	for _, status := range []int{200, 206, 304, 404, 500} {
		hits.Count(m, s, H1, status, nil)
	}
	m.AddHits(s, H1, &hits, time.Now())
	m.AddHits(s, H1, &hits, time.Now()) // nothing is left
	for class, want := range map[Class]uint64{Class1xx: 0, Class2xx: 2, Class3xx: 1, Class4xx: 1, Class5xx: 1} {
		if got := m.Requests.Value(H1, class, Hit); got != want {
			t.Errorf("class %d: %d requests, want %d", class, got, want)
		}
	}
	if got := m.RequestDuration.Count(Hit); got != 5 {
		t.Errorf("%d durations, want 5", got)
	}
	hits.Refuse()
	hits.Count(m, s, H1, 200, nil)
	m.AddHits(s, H1, &hits, time.Now())
	m.AddHits(s, H1, &hits, time.Now()) // nothing is left
	if n, d := m.Requests.Value(H1, Class4xx, Bypass), m.RequestDuration.Count(Bypass); n != 1 || d != 1 {
		t.Errorf("%d requests and %d durations of those that were refused, want 1 each", n, d)
	}
	if n := testing.AllocsPerRun(100, func() {
		hits.Count(m, s, H2, 200, nil)
		m.AddHits(s, H2, &hits, time.Now())
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestHitsOfTallies: hits of a turn are counted in the tally of each, and all of them
// in the instruments.
func TestHitsOfTallies(t *testing.T) {
	m := NewHotpath(Options{})
	s := m.Stripe()
	one, two := NewTally(), NewTally()
	var hits Hits
	for range 3 { // turns
		for _, hit := range []struct {
			status int
			of     *Tally
		}{{200, one}, {200, one}, {404, two}, {200, one}, {200, nil}, {404, two}} {
			hits.Count(m, s, H2, hit.status, hit.of)
		}
		m.AddHits(s, H2, &hits, time.Now())
	}
	for name, tt := range map[string]struct{ got, want Tallied }{
		"the first":  {one.Value(), Tallied{Hits: 9}},
		"the second": {two.Value(), Tallied{Hits: 6, ClientErrors: 6}},
	} {
		if tt.got != tt.want {
			t.Errorf("%s has %+v, want %+v", name, tt.got, tt.want)
		}
	}
	if ok, missing := m.Requests.Value(H2, Class2xx, Hit), m.Requests.Value(H2, Class4xx, Hit); ok != 12 || missing != 6 {
		t.Errorf("%d and %d requests, want 12 and 6", ok, missing)
	}
	if n := m.RequestDuration.Count(Hit); n != 18 {
		t.Errorf("%d durations, want 18", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		hits.Count(m, s, H2, 200, one)
		hits.Count(m, s, H2, 200, two)
		m.AddHits(s, H2, &hits, time.Now())
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
