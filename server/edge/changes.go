package edge

import (
	"hash/maphash"
	"sync"
	"time"
)

// changes remembers when requests changed resources (RFC 9111 §4.4), and when they were
// purged by their URL, so that a fetch that began before is not stored after it, and not joined.
//
// It holds the hashes of their keys: if two are the same, a response more is
// fetched. All methods are safe for concurrent use.
type changes struct {
	seed maphash.Seed

	mu    sync.Mutex
	at    map[uint64]time.Time
	floor time.Time // what began before it may have missed a change
}

// maxChanges is how many are remembered, 100 KiB: those of some seconds, at a
// rate of unsafe requests that few origins bear. Beyond it, what is being
// fetched at the moment is not stored.
const maxChanges = 4096

func newChanges() *changes {
	return &changes{seed: maphash.MakeSeed(), at: make(map[uint64]time.Time)}
}

// note remembers that the resource under key changes now.
func (c *changes) note(key string) {
	h := maphash.String(c.seed, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if _, known := c.at[h]; !known && len(c.at) >= maxChanges {
		clear(c.at)
		c.floor = now
	}
	c.at[h] = now
}

// last is when the resource under key changed last, as far as it is remembered.
func (c *changes) last(key string) (at time.Time, ok bool) {
	h := maphash.String(c.seed, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok = c.at[h]
	return at, ok
}

// since reports whether the resource under key may have changed since began.
func (c *changes) since(key string, began time.Time) bool {
	h := maphash.String(c.seed, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := c.at[h]
	return known && !at.Before(began) || c.floor.After(began)
}
