package memory

import (
	"math"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"
)

const mib = 1 << 20

func TestGarbagePercent(t *testing.T) {
	for _, tt := range []struct {
		about         string
		live, scanned int64
		configuration int64
		want          int
	}{
		{"nothing is known", 0, 0, 0, 400},
		{"a server that has just started", 4 * mib, 3 * mib, 0, 250},
		{"all of it has pointers", 40 * mib, 40 * mib, 0, 110},
		{"a cache full of bodies", 72 * mib, 4 * mib, 0, 13},
		{"half of it", 40 * mib, 16 * mib, 0, 50},
		{"a huge one", 1024 * mib, 4 * mib, 0, 5},
		{"a configuration of few sites", 4 * mib, 3 * mib, 1 * mib, 250},
		{"of 1,000", 16 * mib, 12 * mib, 12 * mib, 200},
		{"of 1,000, and many connections", 140 * mib, 136 * mib, 12 * mib, 100},
		{"what was there already when it began is no configuration", 20 * mib, 20 * mib, 400 * mib, 200},
	} {
		if got := garbagePercent(tt.live, tt.scanned, least(tt.configuration)); got != tt.want {
			t.Errorf("%s: %d %%, want %d", tt.about, got, tt.want)
		}
	}
}

func TestAside(t *testing.T) {
	for _, tt := range []struct {
		about                       string
		limit, scanned, least, want int64
	}{
		{"the default, empty", 256 * mib, 0, 10 * mib, 50 * mib},
		{"the default, full of small bodies", 256 * mib, 80 * mib, 10 * mib, 70 * mib},
		{"the default, with a large configuration", 256 * mib, 12 * mib, 32 * mib, 75 * mib},
		{"large bodies", 64 * mib, 8 * mib, 10 * mib, 24 * mib},
		{"never more than three eighths", 64 * mib, 32 * mib, 10 * mib, 24 * mib},
		{"a small cache", 1 * mib, 0, 10 * mib, 384 << 10},
		{"the largest", math.MaxInt64, 0, 10 * mib, math.MaxInt64/8 + 18*mib},
	} {
		if got := aside(tt.limit, tt.scanned, tt.least); got != tt.want {
			t.Errorf("%s: %d of %d with %d of pointers, want %d", tt.about, got, tt.limit, tt.scanned, tt.want)
		}
	}
}

func TestLowered(t *testing.T) {
	for _, tt := range []struct {
		about              string
		limit, total, want int64
	}{
		{"the first", 0, 80 * mib, 80 * mib},
		{"more connections", 80 * mib, 96 * mib, 96 * mib},
		{"a few less", 96 * mib, 95 * mib, 95 * mib},
		{"all of them gone", 96 * mib, 64 * mib, 93 * mib},
	} {
		if got := lowered(tt.limit, tt.total); got != tt.want {
			t.Errorf("%s: %d after %d, want %d", tt.about, got, tt.limit, tt.want)
		}
	}
}

func TestTotal(t *testing.T) {
	for _, tt := range []struct {
		about                string
		limit, stacks, other int64
		want                 int64
	}{
		{"a small cache has what the runtime needs", 1 * mib, 1 * mib, 1 * mib, 32 * mib},
		{"an empty server", 64 * mib, 1 * mib, 2 * mib, 66 * mib},
		{"25,000 connections", 256 * mib, 100 * mib, 200 * mib, 654 * mib},
		{"no limit", math.MaxInt64, 1 * mib, 1 * mib, 1 << 62},
	} {
		if got := total(tt.limit, tt.stacks, tt.other); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.about, got, tt.want)
		}
	}
}

// bodies is a store that holds what it is said to.
type bodies struct{ used, reserved atomic.Int64 }

func (b *bodies) Reserve(n int64) bool { b.reserved.Add(n); return true }
func (b *bodies) ForceReserve(n int64) { b.reserved.Add(n) }
func (b *bodies) Trim() (bool, int64)  { return false, 0 }
func (b *bodies) Release(n int64)      { b.reserved.Add(-n) }
func (b *bodies) Reserved() int64      { return b.reserved.Load() }
func (b *bodies) Used() int64          { return b.used.Load() + b.reserved.Load() }

// TestOther expects what the ledger counts, and what the allocator adds to it,
// not to be taken for connections; and a collection that came before something
// was given back not to be believed.
func TestOther(t *testing.T) {
	s := new(bodies)
	c := &collector{ledger: New(s, 64*mib)}
	c.ledger.SetAside(8 * mib)
	for _, tt := range []struct {
		about            string
		used, live, want int64
	}{
		{"bodies alone", 32 * mib, 34 * mib, 0},
		{"and connections, since this collection", 32 * mib, 44 * mib, 0},
		{"and the next", 32 * mib, 44 * mib, 0},
		{"a body is given back after it", 16 * mib, 44 * mib, 0},
		{"connections alone are left", 0, 10 * mib, 10 * mib},
		{"an old figure is forgotten", 0, 12 * mib, 10 * mib},
	} {
		s.used.Store(tt.used)
		if got := c.other(tt.live); got != tt.want {
			t.Errorf("%s: %d MiB, want %d", tt.about, got/mib, tt.want/mib)
		}
	}
}

// TestLimitGarbage expects the share to follow what the heap is made of, the
// runtime's limit to be that of the ledger, and all to be as before afterwards.
func TestLimitGarbage(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(512 * mib))
	s := new(bodies)
	l := New(s, 256*mib)
	stop := LimitGarbage(l)
	if got := l.Stats().Aside; got != 50*mib {
		t.Errorf("%d bytes are set aside, want 50 MiB", got)
	}
	body := make([]byte, 128*mib)
	s.used.Store(int64(len(body)))
	within(t, func(percent int, limit int64) bool { return percent < 30 && limit >= 254*mib && limit < 300*mib }, "a heap of bodies")
	runtime.KeepAlive(body)
	body = nil
	s.used.Store(0)
	within(t, func(percent int, limit int64) bool { return percent > 60 }, "a heap without bodies")
	stop()
	if percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1); percent != 100 || limit != 512*mib || s.reserved.Load() != 0 {
		t.Errorf("%d %%, limit %d, %d bytes set aside after stop; want 100, 512 MiB, 0", percent, limit, s.reserved.Load())
	}
	t.Setenv("GOGC", "50")
	LimitGarbage(l)()
	if percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1); percent != 100 || limit != 512*mib || s.reserved.Load() != 0 {
		t.Errorf("%d %%, limit %d, %d bytes set aside: GOGC was given", percent, limit, s.reserved.Load())
	}
}

// within waits until share and limit are as expected after some collections.
func within(t *testing.T, ok func(percent int, limit int64) bool, what string) {
	t.Helper()
	percent, limit := 0, int64(0)
	for range 100 {
		runtime.GC()
		time.Sleep(time.Millisecond) // cleanups have a goroutine of their own
		percent, limit = debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
		debug.SetGCPercent(percent)
		if ok(percent, limit) {
			return
		}
	}
	t.Errorf("%s: %d %%, limit %d", what, percent, limit)
}
