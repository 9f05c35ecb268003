package memory

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestGarbagePercent(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		about         string
		live, scanned uint64
		want          int
	}{
		{"nothing is known", 0, 0, 100},
		{"a server that has just started", 4 * mib, 3 * mib, 100},
		{"all of it has pointers", 40 * mib, 40 * mib, 100},
		{"a cache full of bodies", 72 * mib, 4 * mib, 11},
		{"half of it", 40 * mib, 16 * mib, 50},
		{"a huge one", 1024 * mib, 4 * mib, 5},
	} {
		if got := garbagePercent(tt.live, tt.scanned); got != tt.want {
			t.Errorf("%s: %d %%, want %d", tt.about, got, tt.want)
		}
	}
}

// TestLimitGarbage expects the share to follow what the heap is made of, and to
// be the default afterwards.
func TestLimitGarbage(t *testing.T) {
	t.Setenv("GOGC", "")
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	stop := LimitGarbage()
	body := make([]byte, 128<<20)
	within(t, func(percent int) bool { return percent < 30 }, "a heap of bodies")
	runtime.KeepAlive(body)
	body = nil
	within(t, func(percent int) bool { return percent > 60 }, "a heap without bodies")
	stop()
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("%d %% after stop, want 100", got)
	}
	t.Setenv("GOGC", "50")
	LimitGarbage()()
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("%d %%: GOGC was given", got)
	}
}

// within waits until the share is as expected after some collections.
func within(t *testing.T, ok func(int) bool, what string) {
	t.Helper()
	percent := 0
	for range 100 {
		runtime.GC()
		time.Sleep(time.Millisecond) // cleanups have a goroutine of their own
		percent = debug.SetGCPercent(100)
		debug.SetGCPercent(percent)
		if ok(percent) {
			return
		}
	}
	t.Errorf("%s: %d %%", what, percent)
}
