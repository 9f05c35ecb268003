package cache

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// shard is a part of the cache under one lock. What a lookup writes lies at its
// start, on one cache line if the allocator aligns it; the padding makes it
// 128 bytes, so that no two shards' fields share a line however it is aligned.
type shard[V any] struct {
	mu      sync.Mutex
	lru     *simplelru.LRU[string, *entry[V]]
	hits    uint64
	misses  uint64
	evicted [reasons]uint64
	_       [128 - 72]byte
}

// init makes the shard empty. Its list may grow to the whole cache's limit:
// the cache evicts, never the list.
func (s *shard[V]) init(limit int) (err error) {
	s.lru, err = simplelru.NewLRU[string, *entry[V]](limit, nil)
	return err
}

// EntryOverhead is how many bytes count for an entry next to its key and size:
// the list's node (80), the entry (64, with a V of one word), its slots in the
// map (29 when a map is fullest, 57 after it grew) and what the allocator rounds
// up. Measured as live heap, with Go 1.26 on 64 bits, after 4 million Sets of
// random keys of 4 to 60 bytes in caches of 16 to 230 MiB: 199 to 221 bytes for
// an entry. What a larger V takes beyond a word belongs into size.
const EntryOverhead = 224

// entry is what a shard holds. All but used is immutable.
type entry[V any] struct {
	key     string
	value   V
	cost    int64 // bytes that count against the limit
	expires time.Time
	used    uint64 // the clock's mark of the last use, under the shard's lock
}

// fresh reports whether now lies before the expiry.
func (e *entry[V]) fresh(now time.Time) bool {
	return e.expires.IsZero() || now.Before(e.expires)
}
