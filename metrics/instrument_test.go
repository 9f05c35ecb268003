package metrics

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// exposed compares what a scrape shows of the named families.
func exposed(t *testing.T, set *Set, want string, names ...string) {
	t.Helper()
	if err := testutil.CollectAndCompare(set, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

func TestCounter(t *testing.T) {
	set := NewSet(4)
	c := NewCounter(set, "c_total", "Help.")
	for s := range Stripe(10) { // more than there are
		c.Add(s, uint64(s))
	}
	c.Add(1<<32-1, 5)
	if c.Value() != 50 {
		t.Errorf("value %d, want 50", c.Value())
	}
	exposed(t, set, `
# HELP c_total Help.
# TYPE c_total counter
c_total 50
`)
}

func TestGauge(t *testing.T) {
	set := NewSet(4)
	g := NewGauge(set, "g", "Help.")
	g.Add(0, 10)
	g.Add(1, -12) // lowered elsewhere than raised
	g.Add(2, 1)
	l := NewLevel(set, "l", "Help.")
	l.Set(9)
	l.Set(-3)
	by := NewLevels(set, "by", "Help.", "name")
	by.Set(map[string]int64{"gone": 1})
	by.Set(map[string]int64{"x": 2, "y": -3})
	if g.Value() != -1 || l.Value() != -3 {
		t.Errorf("gauge %d, level %d", g.Value(), l.Value())
	}
	exposed(t, set, `
# HELP by Help.
# TYPE by gauge
by{name="x"} 2
by{name="y"} -3
# HELP g Help.
# TYPE g gauge
g -1
# HELP l Help.
# TYPE l gauge
l -3
`)
}

func TestVecs(t *testing.T) {
	set := NewSet(2)
	ab := Label{"ab", []string{"a", "b"}}
	xyz := Label{"xyz", []string{"x", "y", "z"}}
	pq := Label{"pq", []string{"p", "q"}}
	v1 := NewCounterVec[uint8](set, "v1_total", "Help.", ab)
	v2 := NewCounterVec2[uint8, uint8](set, "v2_total", "Help.", ab, xyz)
	v3 := NewCounterVec3[uint8, uint8, uint8](set, "v3_total", "Help.", ab, xyz, pq)
	g := NewGaugeVec[uint8](set, "vg", "Help.", ab)

	v1.Add(1, 1, 7)
	n := uint64(0)
	for a := range uint8(2) {
		for b := range uint8(3) {
			n++
			v2.Add(Stripe(n), a, b, n)
			for c := range uint8(2) {
				v3.Add(Stripe(n), a, b, c, 10*n+uint64(c))
			}
		}
	}
	g.Add(0, 0, 2)
	g.Add(1, 0, -5)

	if v1.Value(1) != 7 || v2.Value(1, 2) != 6 || v3.Value(1, 2, 1) != 61 || g.Value(0) != -3 {
		t.Error("values:", v1.Value(1), v2.Value(1, 2), v3.Value(1, 2, 1), g.Value(0))
	}
	exposed(t, set, `
# HELP v1_total Help.
# TYPE v1_total counter
v1_total{ab="a"} 0
v1_total{ab="b"} 7
# HELP v2_total Help.
# TYPE v2_total counter
v2_total{ab="a",xyz="x"} 1
v2_total{ab="a",xyz="y"} 2
v2_total{ab="a",xyz="z"} 3
v2_total{ab="b",xyz="x"} 4
v2_total{ab="b",xyz="y"} 5
v2_total{ab="b",xyz="z"} 6
# HELP v3_total Help.
# TYPE v3_total counter
v3_total{ab="a",pq="p",xyz="x"} 10
v3_total{ab="a",pq="p",xyz="y"} 20
v3_total{ab="a",pq="p",xyz="z"} 30
v3_total{ab="a",pq="q",xyz="x"} 11
v3_total{ab="a",pq="q",xyz="y"} 21
v3_total{ab="a",pq="q",xyz="z"} 31
v3_total{ab="b",pq="p",xyz="x"} 40
v3_total{ab="b",pq="p",xyz="y"} 50
v3_total{ab="b",pq="p",xyz="z"} 60
v3_total{ab="b",pq="q",xyz="x"} 41
v3_total{ab="b",pq="q",xyz="y"} 51
v3_total{ab="b",pq="q",xyz="z"} 61
# HELP vg Help.
# TYPE vg gauge
vg{ab="a"} -3
vg{ab="b"} 0
`)
}

func TestFuncs(t *testing.T) {
	set := NewSet(1)
	reads := 0
	NewCounterFunc(set, "f_total", "Help.", func() uint64 { reads++; return uint64(reads) })
	NewGaugeFunc(set, "fg", "Help.", func() int64 { return -8 })
	NewCounterVecFunc(set, "fv_total", "Help.", Label{"l", []string{"x", "y"}},
		func(i Side) uint64 { return 10 + uint64(i) })
	if reads != 0 {
		t.Error("read before a scrape")
	}
	exposed(t, set, `
# HELP f_total Help.
# TYPE f_total counter
f_total 1
# HELP fg Help.
# TYPE fg gauge
fg -8
# HELP fv_total Help.
# TYPE fv_total counter
fv_total{l="x"} 10
fv_total{l="y"} 11
`)
}

func TestConcurrent(t *testing.T) {
	const workers, calls = 8, 2000
	m := NewHotpath(Options{Stripes: 4})
	scraped := make(chan struct{})
	go func() { // scrapes must not disturb
		defer close(scraped)
		for range 20 {
			if n := testutil.CollectAndCount(m); n == 0 {
				t.Error("nothing collected")
			}
		}
	}()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			s := m.Stripe()
			for i := range calls {
				m.Requests.Add(s, H2, Class2xx, Hit, 2)
				m.RequestDuration.ObserveN(s, Hit, time.Duration(i)*time.Microsecond, 3)
				m.Connections.Add(s, StateH2, 1)
				m.Connections.Add(m.Stripe(), StateH2, -1)
				m.SentBytes.Add(s, 100)
			}
		})
	}
	wg.Wait()
	<-scraped
	for what, pair := range map[string][2]uint64{
		"requests":    {m.Requests.Value(H2, Class2xx, Hit), 2 * workers * calls},
		"durations":   {m.RequestDuration.Count(Hit), 3 * workers * calls},
		"connections": {uint64(m.Connections.Value(StateH2)), 0},
		"bytes":       {m.SentBytes.Value(), 100 * workers * calls},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %d, want %d", what, pair[0], pair[1])
		}
	}
}

func TestAllocations(t *testing.T) {
	m := NewHotpath(Options{})
	s := m.Stripe()
	for what, f := range map[string]func(){
		"Counter":      func() { m.SentBytes.Add(s, 1) },
		"Gauge":        func() { m.StreamsOpen.Add(s, -1) },
		"CounterVec":   func() { m.LimitBreaches.Add(s, LimitBodySize, 1) },
		"CounterVec2":  func() { m.ProtocolErrors.Add(s, Cancel, ScopeStream, 1) },
		"CounterVec3":  func() { m.Requests.Add(s, H2, Class2xx, Hit, 1) },
		"GaugeVec":     func() { m.Connections.Add(s, StateH1, 1) },
		"Histogram":    func() { m.OriginFetchDuration.ObserveN(s, time.Millisecond, 1) },
		"HistogramVec": func() { m.RequestDuration.ObserveN(s, Miss, time.Millisecond, 1) },
		"Level":        func() { m.Draining.Set(1) },
		"Stripe":       func() { m.Stripe() },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}
