package cache_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/e0ac7cd4/hotpath/cache"
)

// TestHeapWithinLimit fills a cache several times over with values of 16 bytes
// under random keys: overhead is all there is. What is live must stay within
// 1.05 of the limit, whether all are in probation or most have gone on to main,
// so that the maps of both have grown.
func TestHeapWithinLimit(t *testing.T) {
	const limit = 36 << 20
	for _, shards := range []int{1, 16} {
		for _, used := range []bool{false, true} {
			const keyLen = 33
			t.Run(fmt.Sprintf("%d shards, used %t", shards, used), func(t *testing.T) {
				before := liveHeap()
				c := newCache(t, cache.Config[*[16]byte]{Entries: 1 << 30, Bytes: limit, Shards: shards})
				random := rand.New(rand.NewPCG(1, uint64(keyLen)))
				key := make([]byte, keyLen)
				for i := range 500_000 {
					binary.LittleEndian.PutUint64(key, random.Uint64())
					c.Set(string(key), new([16]byte), 16, never)
					if used && i%4 != 0 {
						c.Get(string(key), t0)
					}
				}
				used := liveHeap() - before
				if c.Used() < limit*99/100 {
					t.Errorf("only %d of %d bytes counted", c.Used(), int64(limit))
				}
				if used > limit*105/100 {
					t.Errorf("%d bytes live in a cache of %d: %d for an entry", used, int64(limit), used/int64(c.Len()))
				}
				runtime.KeepAlive(c)
			})
		}
	}
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
