package policy

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
)

// hotpath is the cache itself.
type hotpath struct{ cache *cache.Cache[struct{}] }

// keyLength is that of the keys, IDs in binary.
const keyLength = 8

// Overhead is the part of a cost that is not the object's size: what the cache
// counts beside it, for all policies alike.
const Overhead = cache.EntryOverhead + keyLength

func newHotpath(limit int64) hotpath {
	c, err := cache.New(cache.Config[struct{}]{Entries: math.MaxInt, Bytes: limit, Shards: 1})
	if err != nil {
		panic(err) // a limit of 1 or more is no error
	}
	return hotpath{c}
}

func (h hotpath) Access(id uint64, cost int64) bool {
	key := string(binary.LittleEndian.AppendUint64(nil, id))
	if _, ok := h.cache.Get(key, time.Time{}); ok {
		return true
	}
	h.cache.Set(key, struct{}{}, cost-Overhead, time.Time{})
	return false
}
