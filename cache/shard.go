package cache

import (
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// shard is a part of the cache under one lock. What a lookup writes lies at its
// start, on one cache line if the allocator aligns it; the padding makes it
// 128 bytes, so that no two shards' fields share a line however it is aligned.
type shard[V any] struct {
	mu sync.Mutex

	// lists have the entries of each queue by the hashes of their keys: a
	// key is hashed once for its shard, both lists and the ghosts, and a
	// map of numbers takes less room than one of strings.
	lists  [queues]*simplelru.LRU[uint64, *entry[V]]
	hits   uint64
	misses uint64
	roll   roll[V]
	_      [128 - 64]byte
}

// init makes the shard empty. Its lists may grow to the whole cache's limit:
// the cache evicts, never the list.
func (s *shard[V]) init(limit int) (err error) {
	for q := range s.lists {
		if s.lists[q], err = simplelru.NewLRU[uint64, *entry[V]](limit, nil); err != nil {
			return err
		}
	}
	return nil
}

// at returns the entry under a hash, nil if there is none. Most hits are in
// main; as long as that is empty, asking it costs next to nothing.
func (s *shard[V]) at(hash uint64) *entry[V] {
	if e, ok := s.lists[main].Peek(hash); ok {
		return e
	}
	e, _ := s.lists[probation].Peek(hash)
	return e
}

// find returns the entry under a key, nil if there is none.
func (s *shard[V]) find(hash uint64, key string) *entry[V] {
	if e := s.at(hash); e != nil && e.key == key {
		return e
	}
	return nil
}

// EntryOverhead is how many bytes count for an entry next to its key and size:
// the list's node (80), the entry (64, with a V of one word), its place in the roll (8
// to 10), its slots in the maps of both queues (19 to 39 in each), its ghost (8 to 16)
// and what the allocator rounds up. Measured as live heap, with Go 1.26 on 64 bits, at
// every tenth of 4 million Sets of random keys of 8 and 33 bytes in caches of 16 to
// 230 MiB: 177 to 218 bytes for an entry if none is used, so that the map of main
// stays empty, and 177 to 241 if three of four are. What a larger V takes beyond a
// word belongs into size.
const EntryOverhead = 248

// entry is what a shard holds. It changes under the shard's lock.
type entry[V any] struct {
	key     string
	value   V
	cost    int64 // bytes that count against the limit; see Grow
	expires int64 // see unixNano
	place   int   // in the roll
	mark    mark
}

// fresh reports whether now lies before the expiry.
func (e *entry[V]) fresh(now time.Time) bool {
	return e.expires == forever || now.UnixNano() < e.expires
}

// forever is the expiry of what never expires.
const forever = math.MaxInt64

// unixNano is an expiry in a third of a time.Time's bytes: the zero time, and what is
// too late to be counted in ns, are forever. Like a time.Time without a monotonic clock
// it is by the wall clock, as what origins say is.
func unixNano(at time.Time) int64 {
	switch s := at.Unix(); {
	case at.IsZero(), s >= math.MaxInt64/int64(time.Second):
		return forever
	case s <= math.MinInt64/int64(time.Second):
		return math.MinInt64
	}
	return at.UnixNano()
}

// mark is an entry's queue, its turn there, how often it was used in it, up to
// mostUses, and how often since it was stored, up to MostHits: from the lowest bit two
// of uses, one of the queue, 15 of hits, the turn. In one word they keep the entry in
// its size class. With 100,000 turns a second the last is reached after 22 years.
type mark uint64

const (
	mostUses   = 3
	queueShift = 2
	hitsShift  = 3
	turnShift  = 18

	// MostHits is how many hits of an entry are counted.
	MostHits = 1<<(turnShift-hitsShift) - 1
)

func newMark(q queue, turn, uses, hits uint64) mark {
	return mark(turn<<turnShift | hits<<hitsShift | uint64(q)<<queueShift | uses)
}

func (m mark) uses() uint64 { return uint64(m & mostUses) }
func (m mark) queue() queue { return queue(m >> queueShift & 1) }
func (m mark) hits() uint64 { return uint64(m >> hitsShift & MostHits) }
func (m mark) turn() uint64 { return uint64(m >> turnShift) }

// used is the mark after one more use.
func (m mark) used() mark {
	if m.uses() < mostUses {
		m++
	}
	if m.hits() < MostHits {
		m += 1 << hitsShift
	}
	return m
}
