//go:build linux && !race

package h2

import (
	"fmt"
	"testing"

	"github.com/e0ac7cd4/hotpath/server/access"
)

// TestHitsDoNotAllocate: nothing on the way of a hit, from the socket and back
// to it, allocates in the steady state, all metrics on, with the access log or
// without. Both ends of the connection are counted, and the log's writer. What
// comes once a second, with a new date, is less than one allocation a turn. The race detector empties pools at random, and a
// platform without a poller of ours has a pump that allocates.
func TestHitsDoNotAllocate(t *testing.T) {
	for _, tt := range []struct {
		perTurn int
		varied  bool
		log     access.Mode
	}{
		{32, false, access.Off}, {1, false, access.Off}, {32, true, access.Off},
		{32, false, access.Sampled}, {1, false, access.Sampled}, {32, true, access.Sampled},
		{32, false, access.All}, {1, false, access.All}, {32, true, access.All},
	} {
		t.Run(fmt.Sprintf("%d a turn, varied %v, log %s", tt.perTurn, tt.varied, tt.log), func(t *testing.T) {
			conn, _ := serveHits(t, access.Config{Mode: tt.log, Sample: 100})
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
