package attack

import (
	"fmt"
	"testing"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// TestSequences: whatever the targets, their origins and the connections, every
// request of the attack belongs to exactly one connection, one of its target's
// origin, and every connection sees all of its origin's targets.
func TestSequences(t *testing.T) {
	const limit = 10_000
	for _, origins := range []string{"a", "aa", "aaaa", "aaaaaa", "ab", "aab", "abcab", "aaabbbccc"} {
		for _, connections := range []int{3, 4, 6, 7, 12} {
			t.Run(fmt.Sprintf("%s on %d", origins, connections), func(t *testing.T) {
				cfg := Config{Connections: connections}
				for i, o := range origins {
					cfg.Targets = append(cfg.Targets, vegeta.Target{Method: "GET", URL: fmt.Sprintf("https://%c/%d", o, i)})
				}
				requests, _, err := cfg.requests()
				if err != nil {
					t.Fatal(err)
				}
				owner := make(map[uint64]bool)
				all := 0
				for _, g := range cfg.groups(requests) {
					all += g.lanes
					for lane := range g.lanes {
						checkSequence(t, origins, g, lane, limit, owner)
					}
				}
				if all != connections {
					t.Errorf("%d connections are shared out", all)
				}
				if len(owner) != limit {
					t.Errorf("%d of %d requests belong to a connection", len(owner), limit)
				}
			})
		}
	}
}

func checkSequence(t *testing.T, origins string, g *group, lane int, limit uint64, owner map[uint64]bool) {
	t.Helper()
	s := newSequence(len(origins), g.positions, g.lanes, lane)
	seen := make(map[uint64]bool)
	below := s.below(limit)
	for count := uint64(0); ; count++ {
		n, position := s.next()
		if n >= limit {
			if count != below {
				t.Errorf("%d requests below %d, below says %d", count, limit, below)
			}
			break
		}
		if owner[n] {
			t.Fatalf("request %d belongs to two connections", n)
		}
		owner[n], seen[position] = true, true
		if position != n%uint64(len(origins)) || origins[position] != g.origin.Host[0] {
			t.Fatalf("request %d is for target %d of %s, on a connection to %s", n, position, origins, g.origin.Host)
		}
	}
	if len(seen) != len(g.positions) {
		t.Errorf("a connection to %s sends %d of %d targets", g.origin.Host, len(seen), len(g.positions))
	}
}
