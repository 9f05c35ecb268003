package cache

import "fmt"

// Reserve takes n bytes of the limit for memory outside the cache, such as a
// value that is still arriving, and evicts the least recently used entries as
// needed, so that the limit is not exceeded. It reports false, and neither
// reserves nor evicts anything, if n bytes do not fit even into a cache without
// entries: n and all other reservations together are over the limit. Zero bytes
// always fit.
//
// What is reserved is given back with [Cache.Release] or becomes an entry with
// [Cache.SetReserved]. Reserve panics if n is negative.
func (c *Cache[V]) Reserve(n int64) bool {
	mustNotBeNegative("Reserve", n)
	if n == 0 {
		return true
	}
	var room [4]victim[V]
	gone, ok := c.reserve(n, room[:0])
	c.tellAll(gone)
	return ok
}

func (c *Cache[V]) reserve(n int64, gone []victim[V]) ([]victim[V], bool) {
	c.filling.Lock()
	defer c.filling.Unlock()
	if !c.fits(n) {
		return gone, false
	}
	gone = c.makeRoom(n, gone)
	c.reserved.Add(n)
	c.used.Add(n)
	return gone, true
}

// ForceReserve is Reserve for memory that is in use already, so that it is too
// late to refuse: it always counts n, evicts the least recently used entries
// while the limit is exceeded, and returns by how many bytes it still is: 0 if
// there was room. While it is exceeded there are no entries, and neither Reserve
// nor Set takes anything. ForceReserve(0) reserves nothing and returns the same.
func (c *Cache[V]) ForceReserve(n int64) (over int64) {
	mustNotBeNegative("ForceReserve", n)
	var room [4]victim[V]
	gone, over := c.forceReserve(n, room[:0])
	c.tellAll(gone)
	return over
}

func (c *Cache[V]) forceReserve(n int64, gone []victim[V]) ([]victim[V], int64) {
	c.filling.Lock()
	defer c.filling.Unlock()
	c.reserved.Add(n)
	c.used.Add(n)
	gone = c.makeRoom(0, gone)
	return gone, max(c.used.Load()-c.limitBytes, 0)
}

// Release gives back n bytes that were reserved. It panics if n is negative or
// more than all that is reserved.
func (c *Cache[V]) Release(n int64) {
	mustNotBeNegative("Release", n)
	// used falls first: it is never less than what is reserved.
	c.used.Add(-n)
	if c.reserved.Add(-n) < 0 {
		panic(fmt.Sprintf("cache: Release of %d bytes: more than are reserved", n))
	}
}

// Reserved returns how many bytes of the limit are reserved.
func (c *Cache[V]) Reserved() int64 { return c.reserved.Load() }

// Used returns how many bytes of the limit entries and reservations take: the
// sum of Bytes and Reserved, read at one moment.
func (c *Cache[V]) Used() int64 { return c.used.Load() }

// fits reports whether n bytes more would fit if there were no entries. filling
// is held, so what fits stays fitting: reservations grow only under it.
func (c *Cache[V]) fits(n int64) bool { return n <= c.limitBytes-c.reserved.Load() }

// makeRoom evicts until n bytes more fit or there are no entries. filling is
// held.
func (c *Cache[V]) makeRoom(n int64, gone []victim[V]) []victim[V] {
	for c.used.Load() > c.limitBytes-n {
		oldest := c.evict(Bytes)
		if oldest == nil {
			break
		}
		gone = append(gone, victim[V]{oldest, Bytes})
	}
	return gone
}

func mustNotBeNegative(method string, n int64) {
	if n < 0 {
		panic(fmt.Sprintf("cache: %s of %d bytes: allowed is 0 or more", method, n))
	}
}
