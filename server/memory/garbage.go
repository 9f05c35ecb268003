package memory

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
)

// What may be garbage beside as much as there is live with pointers, and what may be
// in any case, in bytes. The one is the runtime's own least heap. The other is for a
// small heap: a request that is sent to an upstream leaves 10 KiB, and a collection
// looks at the stacks of all goroutines. With 12 MiB idle connections take more, 13.0 KiB each in place of 12.6.
const (
	moreGarbage  = 4 << 20
	leastGarbage = 10 << 20
)

// What the configuration takes of the heap may have twice as much garbage beside it,
// beyond the first of it and up to the most, in bytes: it is never freed, and to mark
// it is most of a collection while there are few connections. 1,000 sites with their
// certificates have 12 MiB of pointers, which made a handshake cost 1.06 times as much.
const (
	smallConfiguration = 1 << 20
	largeConfiguration = 16 << 20
)

// Shares of the live heap that garbage may have, in percent. Below the least, a
// heap of nothing but bodies would be collected for every few of them. The most
// bounds what a heap of next to nothing may grow to: the runtime's own least heap
// is 4 MiB for each 100 %.
const (
	leastPercent = 5
	mostPercent  = 400
)

// runtimePercent is the runtime's default.
const runtimePercent = 100

// slower is the part of the runtime's limit, as a divisor, that it may fall by from one
// collection to the next. If it fell with what connections take, it would at times be
// less than what is in use: then the next collection begins at once, the goroutine that
// begins it sweeps for all, 80 ms, and each that needs memory first gives some back to the
// system.
const slower = 32

// leastTotal is the least that the runtime is held to, in bytes: with less, it
// would collect all the time.
const leastTotal = 32 << 20

// rounding is the part of what the ledger counts that the allocator adds, as a
// divisor: its size classes are up to an eighth apart.
const rounding = 16

// LimitGarbage has the process keep to the ledger's limit, and not only what is
// live in it. It stays in force until stop is called; GOGC in the environment
// takes precedence. After each collection it decides three things:
//
//   - A part of the limit is set aside for what the runtime holds beside what is
//     counted: garbage, the holes that it leaves, tables.
//   - Garbage may be a little more than the live heap that has pointers, while the
//     runtime's default lets it be as much as all of it. Bodies are most of a full
//     cache, and have none: to mark them costs nothing, however often. What there is
//     at the first collection counts as the configuration's.
//   - The runtime's own limit, above which it collects more often and gives free
//     memory back at once, is the ledger's limit and what connections take. It is
//     never above the one that was set before, and it falls slowly: by a 32nd with
//     each collection, of which there is one in two minutes at least.
//
// docs/benchmarks.md has what each of them is worth.
func LimitGarbage(l *Ledger) (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	c := &collector{ledger: l, most: debug.SetMemoryLimit(-1)}
	for i, name := range []string{"/gc/heap/live:bytes", "/gc/scan/heap:bytes", "/memory/classes/heap/stacks:bytes"} {
		c.samples[i].Name = name
	}
	l.SetAside(aside(l.limit, 0, leastGarbage))
	c.await()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stopped = true
		l.SetAside(0)
		debug.SetGCPercent(runtimePercent)
		debug.SetMemoryLimit(c.most)
	}
}

// collector is what is known from one collection to the next. It is used on the
// goroutine that the runtime runs cleanups on, until it is stopped.
type collector struct {
	mu      sync.Mutex
	stopped bool
	ledger  *Ledger
	samples [3]metrics.Sample
	most    int64    // the runtime's limit without us
	least   int64    // garbage that there may be in any case
	others  [4]int64 // see other
	limit   int64    // the runtime's, as it was set last
	cycles  int      // collections that were looked at
}

// await has adjust called after the next collection, and each that follows.
func (c *collector) await() {
	mark := &struct{ *collector }{c} // unreachable once this returns
	runtime.AddCleanup(mark, func(c *collector) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.stopped {
			c.adjust()
			c.await()
		}
	}, c)
}

func (c *collector) adjust() {
	metrics.Read(c.samples[:])
	live, scanned, stacks := c.sample(0), c.sample(1), c.sample(2)
	if c.cycles == 0 {
		c.least = least(scanned)
	}
	debug.SetGCPercent(garbagePercent(live, scanned, c.least))
	l := c.ledger
	c.limit = lowered(c.limit, total(l.limit, stacks, c.other(live)))
	debug.SetMemoryLimit(min(c.most, c.limit))
	// Each change may evict.
	if n := aside(l.limit, scanned, c.least); n-l.aside.Load() > l.limit/64 || l.aside.Load()-n > l.limit/64 {
		l.SetAside(n)
	}
}

func (c *collector) sample(i int) int64 {
	return int64(min(c.samples[i].Value.Uint64(), math.MaxInt64))
}

// other is the live heap that the ledger does not count: mostly connections. What
// is counted may have changed since the collection, so it is the least of the
// last few.
func (c *collector) other(live int64) int64 {
	l := c.ledger
	counted := l.store.Used() - l.aside.Load()
	c.others[c.cycles%len(c.others)] = max(live-counted-counted/rounding, 0)
	c.cycles++
	return slices.Min(c.others[:min(c.cycles, len(c.others))])
}

// least is the garbage that there may be in any case beside a configuration of which
// so many bytes have pointers.
func least(configuration int64) int64 {
	return leastGarbage + 2*(min(max(configuration, smallConfiguration), largeConfiguration)-smallConfiguration)
}

// garbagePercent is the share for a live heap of which so many bytes have
// pointers.
func garbagePercent(live, scanned, least int64) int {
	if live == 0 {
		return mostPercent
	}
	share := 100 * float64(max(scanned+moreGarbage, least)) / float64(live)
	return int(min(max(share, leastPercent), mostPercent))
}

// aside is the part of a limit that is for what the runtime holds beside what
// is counted. 8 MiB are its tables and the holes that the least garbage leaves among
// small objects; an eighth is what the allocator rounds up, and its
// tables for each page. To mark what has pointers is the price of a collection:
// the more that is, the more garbage there has to be room for. Never more than
// three eighths.
func aside(limit, scanned, least int64) int64 {
	return min(limit/8+8<<20+least+scanned/4, limit/8*3)
}

// lowered is the runtime's limit after one, if total is what it should be.
func lowered(limit, total int64) int64 { return max(total, limit-limit/slower) }

// programPages is what becomes resident of the program itself when it is at work,
// in bytes.
const programPages = 2 << 20

// total is the runtime's limit: that of the ledger, and what connections take,
// with half as much again for the garbage that they make.
func total(limit, stacks, other int64) int64 {
	sum := float64(limit) - programPages + float64(stacks) + 1.5*float64(other)
	return int64(min(max(sum, leastTotal), 1<<62))
}
