//go:build linux && !race

package h2

import (
	"fmt"
	"testing"
)

// TestHitsDoNotAllocate: nothing on the way of a hit, from the socket and back
// to it, allocates in the steady state, all metrics on. Both ends of the
// connection are counted. What comes once a second, with a new date, is less
// than one allocation a turn. The race detector empties pools at random, and a
// platform without a poller of ours has a pump that allocates.
func TestHitsDoNotAllocate(t *testing.T) {
	for _, tt := range []struct {
		perTurn int
		varied  bool
	}{{32, false}, {1, false}, {32, true}} {
		t.Run(fmt.Sprintf("%d a turn, varied %v", tt.perTurn, tt.varied), func(t *testing.T) {
			conn, _ := serveHits(t)
			c := newHitClient(t, conn, tt.perTurn, tt.varied)
			if n := testing.AllocsPerRun(2000, func() {
				if err := c.round(); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%v allocations for %d hits", n, tt.perTurn)
			}
		})
	}
}
