package proxy

import (
	"slices"
	"testing"
	"time"
)

// well is an upstream without trouble.
func well(seed uint64) candidate { return candidate{seed: mix(seed), usable: true, weight: 100} }

func TestChoose(t *testing.T) {
	three := []candidate{well(1), well(2), well(3)}
	with := func(change func(c []candidate)) []candidate {
		c := slices.Clone(three)
		change(c)
		return c
	}
	sequence := func(policy Balance, all []candidate, count int) (got []int) {
		for n := range count {
			got = append(got, choose(policy, all, uint64(n)))
		}
		return got
	}
	for _, c := range []struct {
		name   string
		policy Balance
		all    []candidate
		want   []int
	}{
		{"each in turn", RoundRobin, three, []int{0, 1, 2, 0, 1, 2}},
		{"without one, the others share alike", RoundRobin, with(func(c []candidate) { c[1].usable = false }), []int{0, 2, 0, 2, 0, 2}},
		{"one that is full is left out", RoundRobin, with(func(c []candidate) { c[0].full = true }), []int{1, 2, 1, 2, 1, 2}},
		{"if all are full, all wait alike", RoundRobin, with(func(c []candidate) { c[0].full, c[1].full, c[2].full = true, true, true }), []int{0, 1, 2, 0, 1, 2}},
		{"none is usable", RoundRobin, []candidate{{weight: 100}}, []int{-1}},
		{"no weight left is a whole turn", RoundRobin, []candidate{{usable: true, weight: 0}}, []int{0}},
		{"the fewest", LeastConn, with(func(c []candidate) { c[0].inflight, c[1].inflight, c[2].inflight = 5, 3, 4 }), []int{1, 1, 1}},
		{"equals take turns", LeastConn, three, []int{0, 1, 2, 0}},
		{"the fewest is full", LeastConn, with(func(c []candidate) { c[0].inflight, c[1].full, c[2].inflight = 5, true, 4 }), []int{2, 2}},
		{"half the weight counts double", LeastConn, with(func(c []candidate) {
			c[0].inflight, c[0].weight, c[1].inflight, c[2].inflight = 3, 50, 6, 8
		}), []int{1, 1}},
	} {
		if got := sequence(c.policy, c.all, len(c.want)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestSlowStartShare: what a starting upstream gets is its weight's part of its
// turns, and what it does not get goes to the next one.
func TestSlowStartShare(t *testing.T) {
	all := []candidate{well(1), well(2)}
	all[0].weight = 25
	var got [2]int
	for n := range uint64(20000) {
		got[choose(RoundRobin, all, n)]++
	}
	if got[0] != 2500 {
		t.Errorf("with a quarter of the weight it got %d of 10000 turns", got[0])
	}
	for part, want := range map[time.Duration]int{0: 10, -time.Second: 10, 5 * time.Second: 55, 10 * time.Second: 100, time.Hour: 100} {
		if w := ramp(part, 10*time.Second); w != want {
			t.Errorf("after %v of 10 s: %d, want %d", part, w, want)
		}
	}
}

// TestRendezvous: keys spread evenly; without an upstream only its keys move, and
// with it again they come back.
func TestRendezvous(t *testing.T) {
	all := []candidate{well(1), well(2), well(3), well(4)}
	const keys = 10000
	var before [keys]int
	var count [4]int
	for k := range keys {
		before[k] = choose(Hash, all, mix(uint64(k)))
		count[before[k]]++
	}
	for i, n := range count {
		if n < keys/4*9/10 || n > keys/4*11/10 {
			t.Errorf("upstream %d has %d of %d keys", i, n, keys)
		}
	}
	all[2].usable = false
	for k := range keys {
		now := choose(Hash, all, mix(uint64(k)))
		if before[k] != 2 && now != before[k] || now == 2 {
			t.Fatalf("key %d moved from %d to %d", k, before[k], now)
		}
	}
	all[2].usable, all[2].weight = true, 50
	moved := 0
	for k := range keys {
		if now := choose(Hash, all, mix(uint64(k))); now != before[k] {
			if before[k] != 2 {
				t.Fatalf("key %d moved from %d to %d", k, before[k], now)
			}
			moved++
		}
	}
	if moved == 0 || moved == count[2] {
		t.Errorf("with half the weight %d of %d keys are elsewhere", moved, count[2])
	}
}

func TestHashBy(t *testing.T) {
	for _, c := range []struct {
		by         HashBy
		a, b       string
		sameClient bool
		same       bool
	}{
		{ByKey, "/a?1", "/a?1", false, true},
		{ByKey, "/a?1", "/a?2", true, false},
		{ByPath, "/a?1", "/a?2", false, true},
		{ByPath, "/a", "/b", true, false},
		{ByClient, "/a", "/b", true, true},
		{ByClient, "/a", "/a", false, false},
	} {
		p := &Proxy{config: Config{Balance: Hash, HashBy: c.by}}
		a, b := get(c.a), get(c.b)
		if !c.sameClient {
			b.Client = otherClient
		}
		if got := p.number(a) == p.number(b); got != c.same {
			t.Errorf("%s: %s and %s, the same client %v: same %v", c.by, c.a, c.b, c.sameClient, got)
		}
	}
}

func TestBudget(t *testing.T) {
	b := newBudget(Retry{Percent: 10, Burst: 2})
	spent := func(tries int) (n int) {
		for range tries {
			if b.spend() {
				n++
			}
		}
		return n
	}
	if n := spent(5); n != 2 {
		t.Errorf("%d retries at the start, want the burst of 2", n)
	}
	for range 9 {
		b.earn()
	}
	if n := spent(5); n != 0 {
		t.Errorf("%d retries for nine fetches at 10 %%", n)
	}
	for range 100 {
		b.earn()
	}
	if n := spent(50); n != 2 {
		t.Errorf("%d retries after a hundred fetches, want no more than the burst", n)
	}
	if b := newBudget(Retry{Percent: -1, Burst: 10}); b.spend() {
		t.Error("a retry without a budget")
	}
}

func TestFailures(t *testing.T) {
	at := func(seconds ...float64) (ejects []bool) {
		f := newFailures(Passive{Failures: 3, Window: 10 * time.Second})
		for _, s := range seconds {
			ejects = append(ejects, f.add(time.Unix(1000, 0).Add(time.Duration(s*float64(time.Second)))))
		}
		return ejects
	}
	for _, c := range []struct {
		name    string
		seconds []float64
		want    []bool
	}{
		{"three at once", []float64{0, 0, 0}, []bool{false, false, true}},
		{"three within the window", []float64{0, 5, 10}, []bool{false, false, true}},
		{"slower than the window", []float64{0, 6, 12, 18}, []bool{false, false, false, false}},
		{"the last three count", []float64{0, 20, 21, 22}, []bool{false, false, false, true}},
		{"it begins anew", []float64{0, 1, 2, 3, 4, 5}, []bool{false, false, true, false, false, true}},
	} {
		if got := at(c.seconds...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if f := newFailures(Passive{Failures: -1}); f.add(time.Now()) {
		t.Error("ejected although it is off")
	}
}
