package cache

import (
	"fmt"
	"time"
)

// Set stores v under key until expires; the zero time means for good. size is
// how many bytes v holds, as far as the limit is concerned. v becomes the most
// recently used; what was under key is replaced; and as many of the least
// recently used entries as needed are evicted before, so that the entry exceeds
// no limit.
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
	e := &entry[V]{key: key, value: v, expires: expires}
	at := c.index(key)
	var room [4]victim[V] // more than one is evicted only for a large value
	gone, ok := c.fill(at, e, size, reserved, room[:0])
	c.tellAll(gone)
	return ok
}

// victim is an entry that left to make room.
type victim[V any] struct {
	entry *entry[V]
	why   Reason
}

// fill makes room for e, stores it in shard at, and appends to gone what had to
// leave. An entry that is to be replaced stays until there is room, so that no
// lookup misses between the two. It reports false if e cannot be stored.
//
// Only the holder of filling adds entries and reservations. So what fits stays
// fitting until it is stored, and a key that was not there is still not there.
func (c *Cache[V]) fill(at int, e *entry[V], size, reserved int64, gone []victim[V]) ([]victim[V], bool) {
	c.filling.Lock()
	defer c.filling.Unlock()

	s := &c.shards[at]
	base := int64(len(e.key)) + EntryOverhead
	// Compared without adding to size, which could overflow.
	if size < 0 || size > c.limitBytes-base || !c.fits(base+size-reserved) {
		c.rejected.Add(1)
		s.mu.Lock()
		if old, ok := s.lru.Peek(e.key); ok {
			c.drop(s, old, Replaced)
			gone = append(gone, victim[V]{old, Replaced})
		}
		s.mu.Unlock()
		return gone, false
	}
	e.cost = base + size
	c.clock.tick()

	s.mu.Lock()
	old, replace := s.lru.Get(e.key)
	for {
		entries, bytes := int64(1), e.cost-reserved
		if replace {
			old.used = c.clock.now() // so that others go first
			entries, bytes = 0, bytes-old.cost
		}
		over, full := c.over(entries, bytes)
		if !full {
			break
		}
		s.mu.Unlock()
		if oldest := c.evict(over); oldest != nil {
			gone = append(gone, victim[V]{oldest, over})
		}
		s.mu.Lock()
		if replace {
			old, replace = s.lru.Get(e.key)
		}
	}
	if replace {
		// With its key: Add alone would keep the older string alive.
		c.drop(s, old, Replaced)
		gone = append(gone, victim[V]{old, Replaced})
	}
	e.used = c.clock.now()
	s.lru.Add(e.key, e)
	c.entries.Add(1)
	c.reserved.Add(-reserved)
	c.bytes.Add(e.cost)
	c.used.Add(e.cost - reserved)
	c.clock.filled(at, e.used)
	s.mu.Unlock()
	return gone, true
}

// over returns the limit that so many more entries and bytes would exceed.
func (c *Cache[V]) over(entries, bytes int64) (Reason, bool) {
	switch {
	case c.entries.Load()+entries > c.limitEntries:
		return Capacity, true
	case c.used.Load()+bytes > c.limitBytes:
		return Bytes, true
	}
	return 0, false
}

// evict removes the least recently used entry of all and returns it, or nil
// if there is none.
func (c *Cache[V]) evict(why Reason) *entry[V] {
	for {
		at, ok := c.clock.oldest()
		if !ok {
			return nil
		}
		if e := c.evictFrom(at, why); e != nil {
			return e
		}
	}
}

// evictFrom removes the oldest entry of a shard and returns it if it bears
// the mark that the clock expects, and corrects the clock in any case.
func (c *Cache[V]) evictFrom(at int, why Reason) *entry[V] {
	s := &c.shards[at]
	s.mu.Lock()
	defer s.mu.Unlock()
	_, e, ok := s.lru.GetOldest()
	if !ok {
		c.clock.emptied(at)
		return nil
	}
	if !c.clock.confirm(at, e.used) {
		return nil
	}
	s.lru.RemoveOldest()
	c.dropped(s, e, why)
	if _, next, ok := s.lru.GetOldest(); ok {
		c.clock.confirm(at, next.used)
	} else {
		c.clock.emptied(at)
	}
	return e
}
