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
		hits.Count(status)
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
	hits.Count(200)
	m.AddHits(s, H1, &hits, time.Now())
	m.AddHits(s, H1, &hits, time.Now()) // nothing is left
	if n, d := m.Requests.Value(H1, Class4xx, Bypass), m.RequestDuration.Count(Bypass); n != 1 || d != 1 {
		t.Errorf("%d requests and %d durations of those that were refused, want 1 each", n, d)
	}
	if n := testing.AllocsPerRun(100, func() {
		hits.Count(200)
		m.AddHits(s, H2, &hits, time.Now())
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
