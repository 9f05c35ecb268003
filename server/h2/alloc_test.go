//go:build linux && !race

package h2

import (
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"unsafe"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/perclient"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// TestHitsDoNotAllocate: nothing on the way of a hit, from the socket and back
// to it, allocates in the steady state, all metrics on, with the access log or
// without; but a body that outlasts its turn has its stream. Both ends of the
// connection are counted, and the log's writer. What comes once a second, with
// a new date, is less than one allocation a turn. The race detector empties
// pools at random, and a platform without a poller of ours has a pump that
// allocates.
func TestHitsDoNotAllocate(t *testing.T) {
	for _, tt := range []struct {
		perTurn int
		varied  bool
		body    int
		want    float64
	}{
		{32, false, hitBody, 0},
		{1, false, hitBody, 0},
		{32, true, hitBody, 0},
		{1, false, 2 * maxData, 1},
		{1, true, 2 * maxData, 1},
	} {
		for _, mode := range []access.Mode{access.Off, access.Errors, access.Sampled, access.All} {
			t.Run(fmt.Sprintf("%d of %d bytes a turn, varied %v, log %s", tt.perTurn, tt.body, tt.varied, mode), func(t *testing.T) {
				conn, _ := serveHits(t, access.Config{Mode: mode, Sample: 100}, tt.body)
				c := newHitClient(t, conn, tt.perTurn, tt.varied, tt.body)
				if n := testing.AllocsPerRun(2000, func() {
					if err := c.round(); err != nil {
						t.Fatal(err)
					}
				}); n != tt.want {
					t.Errorf("%v allocations for %d hits, want %v", n, tt.perTurn, tt.want)
				}
			})
		}
	}
}

// TestTracedSitesDoNotAllocate: nor do hits that are not traced while others are.
// One in 1,000 that is has its span made by the log's writer, which the mean over
// turns of one hit rounds away.
func TestTracedSitesDoNotAllocate(t *testing.T) {
	for _, tt := range []struct {
		perTurn int
		share   float64
	}{{1, 0.001}, {32, 1e-9}} {
		for _, mode := range []access.Mode{access.Off, access.Errors, access.Sampled} {
			for _, varied := range []bool{false, true} {
				tracer := traces.New("test", metrics.NewHotpath(metrics.Options{}), slog.New(slog.DiscardHandler))
				tracer.Set(traces.Config{Endpoint: "http://127.0.0.1:9", Sample: tt.share, Trust: client.Networks{netip.MustParsePrefix("::/0")}})
				conn, _ := serveHits(t, access.Config{Mode: mode, Sample: 100, Traces: tracer}, hitBody)
				c := newHitClient(t, conn, tt.perTurn, varied, hitBody)
				if n := testing.AllocsPerRun(2000, func() {
					if err := c.round(); err != nil {
						t.Fatal(err)
					}
				}); n != 0 {
					t.Errorf("%d a turn, share %v, log %s, varied %v: %v allocations", tt.perTurn, tt.share, mode, varied, n)
				}
				if err := tracer.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// TestLimitedHitsDoNotAllocate: nor does a limit of the client that they keep to.
func TestLimitedHitsDoNotAllocate(t *testing.T) {
	for _, varied := range []bool{false, true} {
		for _, by := range []string{"", "user-agent"} {
			conn, m := serveLimited(t, access.Config{Mode: access.Errors}, hitBody, perclient.Config{Requests: 1_000_000, IPv4: 32, IPv6: 64, By: by, Clients: 1000})
			c := newHitClient(t, conn, 32, varied, hitBody)
			if n := testing.AllocsPerRun(1000, func() {
				if err := c.round(); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("varied %v, by %q: %v allocations for 32 hits", varied, by, n)
			}
			if n := m.Limited.Value(metrics.LimitedRequests, metrics.LimitRefuse); n > 0 {
				t.Errorf("%d were refused", n)
			}
		}
	}
}

// TestConnFitsItsSizeClass: the allocator's classes are 1,152 and 1,280 bytes
// (runtime/sizeclasses.go), and its header takes eight.
func TestConnFitsItsSizeClass(t *testing.T) {
	if size := unsafe.Sizeof(Conn{}); size > 1152-8 {
		t.Errorf("a connection has %d bytes, and takes another eighth of memory", size)
	}
}
