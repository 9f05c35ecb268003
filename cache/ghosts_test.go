package cache

import (
	"math/rand/v2"
	"testing"
)

// TestGhosts: in a table that is large enough, what left lately is found once, by
// the queue that it left, and what left before that is not.
func TestGhosts(t *testing.T) {
	g := newGhosts()
	hash := func(i int) uint64 { return uint64(i) << 32 } // sets of its own
	for i := range 100 {
		g.add(hash(i), probation, 10)
	}
	g.add(hash(200), main, 10)
	for _, tt := range []struct {
		about string
		hash  uint64
		q     queue
		ok    bool
	}{
		{"the last", hash(99), probation, true},
		{"is found once", hash(99), 0, false},
		{"the tenth from the end", hash(90), probation, true},
		{"the eleventh is too old", hash(89), 0, false},
		{"one of main, whose age is counted apart", hash(200), main, true},
		{"one that never left", hash(300), 0, false},
		{"nothing, whose place looks like that of the key with hash 0", hash(0), 0, false},
	} {
		if q, ok := g.take(tt.hash, 10); q != tt.q || ok != tt.ok {
			t.Errorf("%s: %d, %t; want %d, %t", tt.about, q, ok, tt.q, tt.ok)
		}
	}
}

// TestGhostsMany: a table grows to what is to be kept and not further, most of that
// is found again, and hardly anything that never left.
func TestGhostsMany(t *testing.T) {
	const keep = 10_000
	g := newGhosts()
	random := rand.New(rand.NewPCG(1, 2))
	var last [2 * keep]uint64
	for n := range 5 * keep {
		q := queue(n % 2)
		hash := random.Uint64()
		last[n%len(last)] = hash
		g.add(hash, q, min(int64(n), keep))
	}
	if n := len(g.sets) * ghostPlaces; n != 1<<15 {
		t.Errorf("%d places for %d ghosts", n, 2*keep)
	}
	wrong := 0
	for range keep {
		if _, ok := g.take(random.Uint64(), keep); ok {
			wrong++
		}
	}
	if wrong > 10 {
		t.Errorf("%d of %d that never left are said to have", wrong, keep)
	}
	found := 0
	for _, hash := range last {
		if _, ok := g.take(hash, keep); ok {
			found++
		}
	}
	if found < len(last)*95/100 {
		t.Errorf("%d of the last %d are found", found, len(last))
	}
}

// TestGhostsTurnOver: the count of what left starts again after 2^31.
func TestGhostsTurnOver(t *testing.T) {
	g := newGhosts()
	g.left[main] = ghostTimes - 2
	for i := range 4 {
		g.add(uint64(i+1)<<32, main, 4)
	}
	for i := range 4 {
		if q, ok := g.take(uint64(i+1)<<32, 4); q != main || !ok {
			t.Errorf("ghost %d: %d, %t", i, q, ok)
		}
	}
}
