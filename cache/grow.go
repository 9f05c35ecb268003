package cache

// Grow counts n bytes more for the value under key, for memory that is added to
// it, and evicts other entries as needed. add is called once,
// under the entry's lock, with the value that is there, when there is room: it
// adds the memory, or reports false if it is for another value. So what leaves
// the cache leaves with all that was added. add must not call the cache.
//
// Grow reports false, and add has added nothing, if there is no value under key,
// n bytes do not fit, or add reported false. It does not look at expiry, and is no
// use of the value. Grow panics if n is negative.
func (c *Cache[V]) Grow(key string, n int64, add func(v V) bool) bool {
	mustNotBeNegative("Grow", n)
	var room [4]victim[V]
	gone, ok := c.grow(key, n, add, room[:0])
	c.notifyAll(gone)
	return ok
}

func (c *Cache[V]) grow(key string, n int64, add func(v V) bool, gone []victim[V]) ([]victim[V], bool) {
	hash := c.hash(key)
	s := &c.shards[c.index(hash)]

	c.filling.Lock()
	defer c.filling.Unlock()

	s.mu.Lock()
	for {
		e := s.find(hash, key)
		if e == nil || n > c.limitBytes-c.reserved.Load()-e.cost {
			s.mu.Unlock()
			return gone, false
		}
		missing, full := c.over(0, n)
		if !full {
			ok := add(e.value)
			if ok {
				e.cost += n
				c.holds(e.mark.queue(), 0, n)
				c.used.Add(n)
			}
			s.mu.Unlock()
			return gone, ok
		}
		keep := kept[V]{entry: e}
		keep.in[e.mark.queue()] = 1
		s.mu.Unlock()
		if v, ok := c.evict(missing, keep); ok {
			gone = append(gone, v)
		}
		s.mu.Lock()
	}
}
