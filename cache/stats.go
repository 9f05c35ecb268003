package cache

import "strconv"

// Reason is why a value left the cache.
type Reason int

const (
	Capacity Reason = iota // room was needed: the limit of entries
	Bytes                  // room was needed: the limit of bytes
	Expired                // a Get found it past its expiry
	Replaced               // a Set under its key, stored or rejected
	Removed                // Remove or Purge

	reasons = int(Removed) + 1
)

var reasonNames = [reasons]string{"capacity", "bytes", "expired", "replaced", "removed"}

// String returns the reason in one lower-case word.
func (r Reason) String() string {
	if r < 0 || int(r) >= reasons {
		return "Reason(" + strconv.Itoa(int(r)) + ")"
	}
	return reasonNames[r]
}

// Stats are counts since the cache was made, and what it holds.
type Stats struct {
	Hits     uint64
	Misses   uint64 // nothing under the key, or expired
	Rejected uint64 // values that were not stored: too large for what is not reserved

	// Evicted counts the values that left, by Reason:
	// Evicted[cache.Expired] are those that a Get found expired.
	Evicted [reasons]uint64

	Entries  int
	Bytes    int64 // of the entries, EntryOverhead included
	Reserved int64 // bytes reserved next to them
}

// Stats adds up the shards, one after the other: what happens meanwhile may or
// may not be counted.
func (c *Cache[V]) Stats() Stats {
	t := Stats{Rejected: c.rejected.Load()}
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		t.Hits += s.hits
		t.Misses += s.misses
		s.mu.Unlock()
	}
	for why := range t.Evicted {
		t.Evicted[why] = c.evicted[why].Load()
	}
	t.Entries, t.Bytes, t.Reserved = c.Len(), c.Bytes(), c.Reserved()
	return t
}

// Len returns how many entries there are, expired ones included.
func (c *Cache[V]) Len() int { return int(c.entries.Load()) }

// Bytes returns how many bytes of the limit the entries take.
func (c *Cache[V]) Bytes() int64 { return c.bytes.Load() }

// Limits returns the most entries and bytes that the cache may hold.
func (c *Cache[V]) Limits() (entries int, bytes int64) {
	return int(c.limitEntries), c.limitBytes
}

// Shards returns how many shards there are.
func (c *Cache[V]) Shards() int { return len(c.shards) }
