package cache

// kept is an entry that is not to be evicted, since it is about to be replaced or
// to grow.
type kept[V any] struct {
	entry *entry[V] // nil: none
	in    [queues]int64
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

// evict removes the entry that is worth the least, for room of the kind that is
// missing. It reports false if there is none, or if lookups have removed what
// there was. filling is held.
func (c *Cache[V]) evict(missing Reason, keep kept[V]) (gone victim[V], ok bool) {
	for moves := 0; ; {
		q := c.loser(missing, keep)
		at, found := c.clocks[q].oldest()
		if !found {
			return gone, false
		}
		s := &c.shards[at]
		s.mu.Lock()
		hash, e, found := s.lists[q].GetOldest()
		switch {
		case !found:
			c.clocks[q].emptied(at)
		case !c.clocks[q].confirm(at, e.mark.turn()):
		case e == keep.entry:
			c.move(s, at, hash, e, q, e.mark.uses())
			s.mu.Unlock()
			return gone, false // there may be no other
		default:
			to, uses, stays := c.next(e, missing)
			if stays && moves < mostMoves {
				c.move(s, at, hash, e, to, uses)
				moves++
				break
			}
			gone = c.drop(s, hash, e, missing)
			c.passed(s, at, q)
			c.ghosts.add(hash, q, c.ghostsKept())
			s.mu.Unlock()
			return gone, true
		}
		s.mu.Unlock()
	}
}

// loser returns the queue that is to lose an entry: probation if it takes more
// than its share of what is missing.
func (c *Cache[V]) loser(missing Reason, keep kept[V]) queue {
	entries, part, all := c.probation.entries.Load(), c.probation.bytes.Load(), c.bytes.Load()
	if missing == Capacity {
		part, all = entries, c.entries.Load()
	}
	switch {
	case entries <= keep.in[probation]:
		return main
	case c.entries.Load()-entries <= keep.in[main]:
		return probation
	case float64(part) > c.share*float64(all):
		return probation
	}
	return main
}

// next decides about the oldest entry of a queue: where it goes on, with how
// many uses, if it stays.
func (c *Cache[V]) next(e *entry[V], missing Reason) (to queue, uses uint64, stays bool) {
	uses = e.mark.uses()
	if e.mark.queue() == probation {
		return main, 0, uses > 0
	}
	price := uint64(1)
	switch {
	case c.share > shortLived:
		uses = min(uses, 1)
	case missing == Bytes:
		price = usesToStay(e.cost, c.bytes.Load()/max(c.entries.Load(), 1))
	}
	if uses < price {
		return main, 0, false
	}
	return main, uses - price, true
}

// move makes e, the oldest of its queue in a shard whose lock is held, the newest
// of a queue.
func (c *Cache[V]) move(s *shard[V], at int, hash uint64, e *entry[V], to queue, uses uint64) {
	from := e.mark.queue()
	if from == to {
		s.lists[to].Get(hash)
	} else {
		s.lists[from].Remove(hash)
		s.lists[to].Add(hash, e)
		c.probation.entries.Add(-1)
		c.probation.bytes.Add(-e.cost)
	}
	c.join(at, e, to, uses)
	c.passed(s, at, from)
}

// join gives e the next turn in a queue.
func (c *Cache[V]) join(at int, e *entry[V], q queue, uses uint64) {
	c.turn++
	e.mark = newMark(q, c.turn, uses, e.mark.hits())
	c.clocks[q].joined(at, c.turn)
}

// passed notes which entry of a shard is the oldest of a queue now.
func (c *Cache[V]) passed(s *shard[V], at int, q queue) {
	if _, e, ok := s.lists[q].GetOldest(); ok {
		c.clocks[q].confirm(at, e.mark.turn())
	} else {
		c.clocks[q].emptied(at)
	}
}

// ghostsKept is how many keys that left are remembered: half as many as there
// are entries.
func (c *Cache[V]) ghostsKept() int64 { return max(c.entries.Load()/2, 1) }
