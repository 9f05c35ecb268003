package cache

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// shard is a part of the cache under one lock. What a lookup writes lies at its
// start, on one cache line where the allocator aligns it; the padding makes it
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

// entry is what a shard holds. All but used is immutable.
type entry[V any] struct {
	key     string
	value   V
	cost    int64 // bytes that count against the budget
	expires time.Time
	used    uint64 // the clock's mark of the last use, under the shard's lock
}

// fresh reports whether now lies before the expiry.
func (e *entry[V]) fresh(now time.Time) bool {
	return e.expires.IsZero() || now.Before(e.expires)
}
