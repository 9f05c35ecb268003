package cache

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// MaxShards bounds the time of a look for the oldest entry, which reads
	// a word for each shard: 1.3 µs.
	MaxShards = 1024

	// shardsPerCore makes it unlikely (less than 1 in 8) that a lookup
	// meets another one in its shard, with one on every core.
	shardsPerCore = 8

	// minShardEntries keeps a small cache from being mostly locks.
	minShardEntries = 64

	// maxDefaultShards bounds what such a look spends on the shards' turns:
	// 0.3 µs, as long as the rest of a Set takes.
	maxDefaultShards = 256
)

// Config is what a cache may hold. Entries and Bytes are required.
type Config[V any] struct {
	// Entries is the most entries in the cache, 1 or more.
	Entries int

	// Bytes is the most bytes in the cache: for each entry the length of
	// its key, the size given at Set and EntryOverhead; and what is
	// reserved. 1 or more.
	Bytes int64

	// Shards is a power of two up to MaxShards. Zero means eight for each
	// of GOMAXPROCS, at least 64 entries for each shard. What is evicted
	// does not depend on it.
	Shards int

	// OnEvict, if not nil, is called once for each value that leaves
	// the cache, by the call that made it leave, after all locks are
	// released: it may call the cache. key stays valid.
	OnEvict func(key string, v V, why Reason)
}

// Cache is a bounded cache; see the package comment. [New] makes one.
type Cache[V any] struct {
	seed    maphash.Seed // keys are the peer's to choose
	shards  []shard[V]
	onEvict func(string, V, Reason)

	limitEntries int64
	limitBytes   int64

	_ [64]byte // a lookup reads the above, a Set writes the below

	// Totals over all shards. They rise only under filling. What entries
	// take falls under the lock of the shard that lost the entry, what is
	// reserved at any time.
	entries   atomic.Int64
	bytes     atomic.Int64 // of entries
	probation struct {     // of them, in probation
		entries atomic.Int64
		bytes   atomic.Int64
	}
	reserved atomic.Int64
	used     atomic.Int64 // bytes and reserved: what the limit is for

	rejected atomic.Uint64
	evicted  [reasons]atomic.Uint64

	// filling is held by Set, and taken before a shard's lock. It guards
	// what follows.
	filling sync.Mutex
	turn    uint64 // of the entry that joined a queue last
	clocks  [queues]clock
	ghosts  ghosts
	share   float64 // of probation
}

// New makes an empty cache. Its error names the field, the value and what is
// allowed.
func New[V any](c Config[V]) (*Cache[V], error) {
	if c.Entries < 1 {
		return nil, fmt.Errorf("cache: Entries is %d: allowed is 1 or more", c.Entries)
	}
	if c.Bytes < 1 {
		return nil, fmt.Errorf("cache: Bytes is %d: allowed is 1 or more", c.Bytes)
	}
	if c.Shards < 0 || c.Shards > MaxShards || c.Shards&(c.Shards-1) != 0 {
		return nil, fmt.Errorf("cache: Shards is %d: allowed is a power of two up to %d, or 0 for a number from GOMAXPROCS", c.Shards, MaxShards)
	}
	if c.Shards == 0 {
		c.Shards = defaultShards(c.Entries, runtime.GOMAXPROCS(0))
	}
	cache := &Cache[V]{
		seed:         maphash.MakeSeed(),
		shards:       make([]shard[V], c.Shards),
		onEvict:      c.OnEvict,
		limitEntries: int64(c.Entries),
		limitBytes:   c.Bytes,
		ghosts:       newGhosts(),
		share:        firstShare,
	}
	for q := range cache.clocks {
		cache.clocks[q] = newClock(c.Shards)
	}
	for i := range cache.shards {
		if err := cache.shards[i].init(c.Entries); err != nil {
			return nil, fmt.Errorf("cache: making a shard of %d entries: %w", c.Entries, err)
		}
	}
	return cache, nil
}

// defaultShards returns the power of two at or below what cores ask for and
// what entries allow.
func defaultShards(entries, cores int) int {
	n := min(shardsPerCore*cores, entries/minShardEntries, maxDefaultShards)
	return 1 << (bits.Len(uint(max(n, 1))) - 1)
}

func (c *Cache[V]) hash(key string) uint64 { return maphash.String(c.seed, key) }

func (c *Cache[V]) index(hash uint64) int { return int(hash & uint64(len(c.shards)-1)) }

// Get returns the value under key if it is fresh at now: now is before its
// expiry. That is a use. A value that is not fresh is removed, and counted as
// expired and as a miss.
func (c *Cache[V]) Get(key string, now time.Time) (V, bool) {
	hash := c.hash(key)
	s := &c.shards[c.index(hash)]
	s.mu.Lock()
	e := s.find(hash, key)
	if e == nil {
		s.misses++
		s.mu.Unlock()
		var none V
		return none, false
	}
	if e.fresh(now) {
		e.mark = e.mark.used()
		s.hits++
		v := e.value
		s.mu.Unlock()
		return v, true
	}
	s.misses++
	gone := c.drop(s, hash, e, Expired)
	s.mu.Unlock()
	c.notify(gone)
	var none V
	return none, false
}

// Peek returns the value under key if it is fresh at now. It is no use and
// changes no counts, and removes nothing.
func (c *Cache[V]) Peek(key string, now time.Time) (V, bool) {
	hash := c.hash(key)
	s := &c.shards[c.index(hash)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(hash, key); e != nil && e.fresh(now) {
		return e.value, true
	}
	var none V
	return none, false
}

// Hits is how often Get has returned what is stored under key, up to MostHits; 0 if
// nothing is. It is no use itself.
func (c *Cache[V]) Hits(key string) uint64 {
	hash := c.hash(key)
	s := &c.shards[c.index(hash)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(hash, key); e != nil {
		return e.mark.hits()
	}
	return 0
}

// Remove removes the value under key and reports whether there was one.
func (c *Cache[V]) Remove(key string) bool {
	hash := c.hash(key)
	s := &c.shards[c.index(hash)]
	s.mu.Lock()
	e := s.find(hash, key)
	if e == nil {
		s.mu.Unlock()
		return false
	}
	gone := c.drop(s, hash, e, Removed)
	s.mu.Unlock()
	c.notify(gone)
	return true
}

// Purge removes all values, shard after shard: one that is set meanwhile may
// stay.
func (c *Cache[V]) Purge() {
	for i := range c.shards {
		s := &c.shards[i]
		var gone []victim[V]
		s.mu.Lock()
		for _, list := range s.lists {
			for {
				hash, e, ok := list.GetOldest()
				if !ok {
					break
				}
				gone = append(gone, c.drop(s, hash, e, Removed))
			}
		}
		s.mu.Unlock()
		c.notifyAll(gone)
	}
}

// drop removes e from s, whose lock is held.
func (c *Cache[V]) drop(s *shard[V], hash uint64, e *entry[V], why Reason) victim[V] {
	q := e.mark.queue()
	s.lists[q].Remove(hash)
	s.roll.leave(e)
	c.holds(q, -1, -e.cost)
	c.used.Add(-e.cost)
	return c.left(e, why)
}

// holds notes what q holds more.
func (c *Cache[V]) holds(q queue, entries, bytes int64) {
	c.entries.Add(entries)
	c.bytes.Add(bytes)
	if q == probation {
		c.probation.entries.Add(entries)
		c.probation.bytes.Add(bytes)
	}
}

// victim is a value that left.
type victim[V any] struct {
	key   string
	value V
	why   Reason
}

// left counts that what e holds leaves.
func (c *Cache[V]) left(e *entry[V], why Reason) victim[V] {
	c.evicted[why].Add(1)
	return victim[V]{e.key, e.value, why}
}

// notify calls OnEvict. No lock is held.
func (c *Cache[V]) notify(gone victim[V]) {
	if c.onEvict != nil {
		c.onEvict(gone.key, gone.value, gone.why)
	}
}

// notifyAll calls OnEvict for each that left. No lock is held.
func (c *Cache[V]) notifyAll(gone []victim[V]) {
	for _, g := range gone {
		c.notify(g)
	}
}
