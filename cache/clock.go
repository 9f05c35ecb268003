package cache

import (
	"math"
	"sync/atomic"
)

// clock orders uses across shards. It ticks at each Set; each use marks its
// entry with the tick. Within a shard the list is in order of marks, as marks
// are given under the shard's lock, so a shard's oldest entry bears its lowest.
//
// marks hold, for each shard, a lower bound of that mark. A lookup does not
// touch them, for it can only raise a shard's lowest mark. An eviction takes the
// shard with the lowest bound, and if the shard's oldest entry turns out to
// bear a higher mark, notes that and looks again. So it locks only shards that
// may hold the victim, mostly one.
type clock struct {
	ticks atomic.Uint64
	marks []uint64 // guarded by Cache.filling
}

// nothing is the bound of an empty shard: later than any use.
const nothing = math.MaxUint64

func newClock(shards int) clock {
	marks := make([]uint64, shards)
	for i := range marks {
		marks[i] = nothing
	}
	return clock{marks: marks}
}

func (c *clock) tick() { c.ticks.Add(1) }

// now returns the mark of a use.
func (c *clock) now() uint64 { return c.ticks.Load() }

// filled notes an entry stored with mark, which no entry of the shard exceeds.
func (c *clock) filled(shard int, mark uint64) {
	c.marks[shard] = min(c.marks[shard], mark)
}

func (c *clock) emptied(shard int) { c.marks[shard] = nothing }

// oldest returns the shard with the lowest bound, false if all are empty.
func (c *clock) oldest() (shard int, ok bool) {
	lowest := uint64(nothing)
	for i, m := range c.marks {
		if m < lowest {
			shard, lowest = i, m
		}
	}
	return shard, lowest != nothing
}

// confirm reports whether the mark of a shard's oldest entry is the bound
// that is noted, and makes it the bound.
func (c *clock) confirm(shard int, mark uint64) bool {
	known := c.marks[shard]
	c.marks[shard] = mark
	return known == mark
}
