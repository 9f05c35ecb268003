package policy

import (
	"math/rand/v2"
	"testing"
)

// TestPolicies: each holds what fits, finds it, and evicts when it is full; what
// is larger than the limit is not stored.
func TestPolicies(t *testing.T) {
	const cost = Overhead + 100
	for _, p := range All {
		c := p.Make(10 * cost)
		for round := range 2 {
			for id := range uint64(10) {
				if hit := c.Access(id, cost); hit != (round > 0) {
					t.Errorf("%s: object %d in round %d: hit = %t", p.Name, id, round, hit)
				}
			}
		}
		for range 2 {
			if c.Access(1000, 11*cost) {
				t.Errorf("%s: stored more than fits", p.Name)
			}
		}
		random := rand.New(rand.NewPCG(1, 2))
		hits := 0
		for range 10_000 {
			if c.Access(random.Uint64N(40), cost) {
				hits++
			}
		}
		// Ten of forty fit, and all are as popular.
		if hits < 2000 || hits > 3000 {
			t.Errorf("%s: %d hits of 10,000, want a quarter", p.Name, hits)
		}
	}
}
