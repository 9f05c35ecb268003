package cache

import "fmt"

// Reserve takes n bytes of the limit for memory outside the cache, such as a
// value that is still arriving, and evicts entries as needed, so that the limit is not exceeded. It reports false, and neither
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
	c.notifyAll(gone)
	return ok
}

func (c *Cache[V]) reserve(n int64, gone []victim[V]) ([]victim[V], bool) {
	c.filling.Lock()
	defer c.filling.Unlock()
	if !c.fits(n) {
		return gone, false
	}
	for c.used.Load() > c.limitBytes-n {
		if v, ok := c.evict(Bytes, kept[V]{}); ok {
			gone = append(gone, v)
		}
	}
	c.reserved.Add(n)
	c.used.Add(n)
	return gone, true
}

// ForceReserve counts n bytes as reserved that are in use already, so that it is
// too late to refuse: the limit may be exceeded. It evicts nothing and calls
// nothing, so that a caller may count under a lock of its own and evict without
// it: [Cache.Trim] is to follow. ForceReserve panics if n is negative.
func (c *Cache[V]) ForceReserve(n int64) {
	mustNotBeNegative("ForceReserve", n)
	c.filling.Lock()
	defer c.filling.Unlock()
	c.reserved.Add(n)
	c.used.Add(n)
}

// Trim evicts an entry if the limit is exceeded, and reports
// whether it did; if not, over is by how many bytes the limit is exceeded with no
// entry left, 0 if it is not. While it is exceeded neither Reserve nor Set takes
// anything but what evictions make room for.
//
// It is one entry a call, for the caller to look between any two: if OnEvict
// reserves by force what it is called for, because that is still in use, the
// eviction freed nothing.
func (c *Cache[V]) Trim() (evicted bool, over int64) {
	gone, evicted, over := c.trim()
	if evicted {
		c.notify(gone)
	}
	return evicted, over
}

func (c *Cache[V]) trim() (gone victim[V], evicted bool, over int64) {
	c.filling.Lock()
	defer c.filling.Unlock()
	for {
		over := c.used.Load() - c.limitBytes
		if over <= 0 {
			return gone, false, 0
		}
		if c.entries.Load() == 0 {
			return gone, false, over
		}
		if gone, evicted = c.evict(Bytes, kept[V]{}); evicted {
			return gone, true, 0
		}
	}
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

func mustNotBeNegative(method string, n int64) {
	if n < 0 {
		panic(fmt.Sprintf("cache: %s of %d bytes: allowed is 0 or more", method, n))
	}
}
