package cache

import "time"

// Set stores v under key until expires; the zero time means for good. size is
// how many bytes v holds, as far as the budget is concerned. v becomes the most
// recently used; what was under key is replaced; and as many of the least
// recently used entries as needed are evicted before, so that no limit is ever
// exceeded.
//
// Set reports false, and counts a rejection, where key and size together are
// over the whole cache's byte limit or size is negative. What was under key is
// then removed all the same: a lookup never finds what v was to replace.
func (c *Cache[V]) Set(key string, v V, size int64, expires time.Time) bool {
	// size is compared first: added to the key's length it could overflow.
	if size < 0 || size > c.limitBytes || int64(len(key))+size > c.limitBytes {
		c.rejected.Add(1)
		c.reject(key)
		return false
	}
	e := &entry[V]{key: key, value: v, cost: int64(len(key)) + size, expires: expires}
	at := c.index(key)
	var room [4]victim[V] // more than one is evicted only for a large value
	for _, gone := range c.fill(at, e, room[:0]) {
		c.tell(gone.entry, gone.why)
	}
	return true
}

// reject removes what a value that cannot be stored was to replace.
func (c *Cache[V]) reject(key string) {
	s := &c.shards[c.index(key)]
	s.mu.Lock()
	old, ok := s.lru.Peek(key)
	if ok {
		c.drop(s, old, Replaced)
	}
	s.mu.Unlock()
	if ok {
		c.tell(old, Replaced)
	}
}

// victim is an entry that left to make room.
type victim[V any] struct {
	entry *entry[V]
	why   Reason
}

// fill makes room for e, stores it in shard at, and appends to gone what had to
// leave. An entry that is to be replaced stays until there is room, so that no
// lookup misses between the two.
//
// Only the holder of filling adds entries. So what fits stays fitting until it
// is stored, and a key that was not there is still not there.
func (c *Cache[V]) fill(at int, e *entry[V], gone []victim[V]) []victim[V] {
	c.filling.Lock()
	defer c.filling.Unlock()
	c.clock.tick()

	s := &c.shards[at]
	s.mu.Lock()
	old, replace := s.lru.Get(e.key)
	for {
		entries, bytes := int64(1), e.cost
		if replace {
			old.used = c.clock.now() // so that others go first
			entries, bytes = 0, e.cost-old.cost
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
	c.bytes.Add(e.cost)
	c.clock.filled(at, e.used)
	s.mu.Unlock()
	return gone
}

// over returns the limit that so many more entries and bytes would exceed.
func (c *Cache[V]) over(entries, bytes int64) (Reason, bool) {
	switch {
	case c.entries.Load()+entries > c.limitEntries:
		return Capacity, true
	case c.bytes.Load()+bytes > c.limitBytes:
		return Bytes, true
	}
	return 0, false
}

// evict removes the least recently used entry of all and returns it, or nil
// where the cache emptied meanwhile.
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

// evictFrom removes the oldest entry of a shard and returns it where it bears
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
