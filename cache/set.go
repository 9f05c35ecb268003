package cache

import (
	"fmt"
	"time"
)

// Set stores v under key until expires; the zero time means for good. size is
// how many bytes v holds, as far as the limit is concerned. What was under key is
// replaced, which is a use; and as many other entries as needed are evicted
// before, so that the entry exceeds no limit.
//
// Set reports false, and counts a rejection, if the entry (key, size and
// [EntryOverhead]) and all that is reserved are together over the byte limit, or
// size is negative. What was under key is then removed all the same: a lookup
// never finds what v was to replace.
func (c *Cache[V]) Set(key string, v V, size int64, expires time.Time) bool {
	return c.SetReserved(key, v, size, expires, 0)
}

// SetReserved is Set for a value whose memory is reserved already, all of it or
// a part: reserved bytes become the entry's, what the entry does not need of
// them is released, and only what it needs beyond makes others leave. At no
// moment both or neither are counted.
//
// If it reports false, the reservation stays, and is still the caller's to
// release. SetReserved panics if reserved is negative or more than all that is
// reserved.
func (c *Cache[V]) SetReserved(key string, v V, size int64, expires time.Time, reserved int64) bool {
	mustNotBeNegative("SetReserved", reserved)
	if all := c.reserved.Load(); reserved > all {
		panic(fmt.Sprintf("cache: SetReserved with %d bytes: only %d are reserved", reserved, all))
	}
	var room [4]victim[V] // more than one is evicted only for a large value
	gone, ok := c.fill(entry[V]{key: key, value: v, expires: unixNano(expires)}, size, reserved, room[:0])
	c.notifyAll(gone)
	return ok
}

// fill makes room for e, stores it, and appends to gone what had to leave. An
// entry that is to be replaced stays until there is room, so that no lookup
// misses between the two. It reports false if e cannot be stored.
//
// Only the holder of filling adds entries and reservations. So what fits stays
// fitting until it is stored, and a key that was not there is still not there.
func (c *Cache[V]) fill(e entry[V], size, reserved int64, gone []victim[V]) ([]victim[V], bool) {
	hash := c.hash(e.key)
	at := c.index(hash)
	s := &c.shards[at]

	c.filling.Lock()
	defer c.filling.Unlock()

	base := int64(len(e.key)) + EntryOverhead
	// Compared without adding to size, which could overflow.
	if size < 0 || size > c.limitBytes-base || !c.fits(base+size-reserved) {
		c.rejected.Add(1)
		s.mu.Lock()
		if old := s.find(hash, e.key); old != nil {
			gone = append(gone, c.drop(s, hash, old, Replaced))
		}
		s.mu.Unlock()
		return gone, false
	}
	e.cost = base + size

	s.mu.Lock()
	old := s.at(hash) // of another key, if two have the same hash: it gives way, too
	for {
		entries, bytes := int64(1), e.cost-reserved
		var keep kept[V]
		if old != nil {
			entries, bytes = 0, bytes-old.cost
			keep.entry = old
			keep.in[old.mark.queue()] = 1
		}
		missing, full := c.over(entries, bytes)
		if !full {
			break
		}
		s.mu.Unlock()
		if v, ok := c.evict(missing, keep); ok {
			gone = append(gone, v)
		}
		s.mu.Lock()
		if old != nil {
			old = s.at(hash)
		}
	}
	defer s.mu.Unlock()
	c.reserved.Add(-reserved)
	if old != nil {
		gone = append(gone, c.left(old, Replaced))
		c.holds(old.mark.queue(), 0, e.cost-old.cost)
		c.used.Add(e.cost - old.cost - reserved)
		e.mark, e.place = old.mark.used(), old.place
		*old = e
		return gone, true
	}
	c.add(s, at, hash, e)
	c.used.Add(e.cost - reserved)
	return gone, true
}

// add stores a new entry, for which there is room: in main, if its key left
// lately, for then it was used again.
func (c *Cache[V]) add(s *shard[V], at int, hash uint64, e entry[V]) {
	q := probation
	if from, ok := c.ghosts.take(hash, c.ghostsKept()); ok {
		q = main
		c.share = adapt(c.share, from, weight(e.cost, c.limitBytes, c.limitEntries))
	}
	stored := new(entry[V])
	*stored = e
	c.join(at, stored, q, 0)
	s.lists[q].Add(hash, stored)
	s.roll.join(stored)
	c.holds(q, 1, e.cost)
}
