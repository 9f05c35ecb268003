package cache

import "math"

// clock orders the entries of a queue across shards. Each entry that joins a
// queue gets the next turn. Within a shard the list is in order of turns, as
// entries join at one end and leave at the other, so a shard's oldest entry
// bears its lowest.
//
// turns hold, for each shard, a lower bound of that turn. What leaves the middle
// of a list, or its end without the clock, can only raise it. An eviction takes
// the shard with the lowest bound, and if the shard's oldest entry turns out to
// bear a later turn, notes that and looks again. So it locks only shards that may
// hold the oldest entry, mostly one.
type clock struct {
	turns []uint64 // guarded by Cache.filling
}

// nothing is the bound of an empty shard: later than any turn.
const nothing = math.MaxUint64

func newClock(shards int) clock {
	turns := make([]uint64, shards)
	for i := range turns {
		turns[i] = nothing
	}
	return clock{turns: turns}
}

// joined notes that an entry joined a shard, with a turn later than all others.
func (c *clock) joined(shard int, turn uint64) {
	c.turns[shard] = min(c.turns[shard], turn)
}

func (c *clock) emptied(shard int) { c.turns[shard] = nothing }

// oldest returns the shard with the lowest bound, false if all are empty.
func (c *clock) oldest() (shard int, ok bool) {
	lowest := uint64(nothing)
	for i, t := range c.turns {
		if t < lowest {
			shard, lowest = i, t
		}
	}
	return shard, lowest != nothing
}

// confirm reports whether the turn of a shard's oldest entry is the bound that
// is noted, and makes it the bound.
func (c *clock) confirm(shard int, turn uint64) bool {
	known := c.turns[shard]
	c.turns[shard] = turn
	return known == turn
}
