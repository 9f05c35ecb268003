package memory

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// leastGarbage is what a small heap may hold of garbage, in bytes: the
// runtime's own least heap.
const leastGarbage = 4 << 20

// Shares of the live heap that garbage may have, in percent. Below the least, a
// heap of nothing but bodies would be collected for every few of them. The most
// is the runtime's default: above it a small heap would grow while large contents
// pass through, which leave little garbage, but some.
const (
	leastPercent = 5
	mostPercent  = 100
)

// LimitGarbage lets garbage be as much as the live heap that has pointers, while
// the runtime's default lets it be as much as all of it. Bodies are most of a
// full cache, and have none: to mark them costs nothing, however often, but with
// the default a cache of 64 MiB is a process of twice that. It stays in force
// until stop is called. GOGC in the environment takes precedence.
func LimitGarbage() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	g := &garbage{percent: 100}
	g.samples = [2]metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/heap:bytes"}}
	g.await()
	return func() {
		g.stopped.Store(true)
		debug.SetGCPercent(100)
	}
}

// garbage belongs to the goroutine that the runtime runs cleanups on.
type garbage struct {
	samples [2]metrics.Sample
	percent int
	stopped atomic.Bool
}

// await has adjust called after the next collection, and each that follows.
func (g *garbage) await() {
	mark := &struct{ *garbage }{g} // unreachable once this returns
	runtime.AddCleanup(mark, func(g *garbage) {
		if g.stopped.Load() {
			return
		}
		g.adjust()
		g.await()
	}, g)
}

func (g *garbage) adjust() {
	metrics.Read(g.samples[:])
	percent := garbagePercent(g.samples[0].Value.Uint64(), g.samples[1].Value.Uint64())
	// Each change stops the world for some microseconds.
	if math.Abs(float64(percent-g.percent)) > float64(g.percent)/8 {
		g.percent = percent
		debug.SetGCPercent(percent)
	}
}

// garbagePercent is the share for a live heap of which so many bytes have
// pointers.
func garbagePercent(live, scanned uint64) int {
	if live == 0 {
		return mostPercent
	}
	share := 100 * (float64(scanned) + leastGarbage) / float64(live)
	return int(min(max(share, leastPercent), mostPercent))
}
