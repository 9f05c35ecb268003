package cache_test

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
)

// TestConcurrent checks that the limits hold at every moment, that no value is
// lost or reported twice, and that the totals are those of the entries.
func TestConcurrent(t *testing.T) {
	const (
		entries, bytes = 100, 80 * cache.EntryOverhead
		workers, calls = 8, 4000
		keys           = 300
	)
	for _, shards := range []int{1, 16} {
		t.Run(strconv.Itoa(shards)+" shards", func(t *testing.T) {
			var stored, evicted [workers * calls]atomic.Int32 // by value
			c := newCache(t, cache.Config[int]{Entries: entries, Bytes: bytes, Shards: shards,
				OnEvict: func(_ string, v int, _ cache.Reason) { evicted[v].Add(1) }})
			size := func(v int) int64 {
				if v%50 == 0 {
					return bytes * 3 / 5 // two of these do not fit together
				}
				return int64(v % cache.EntryOverhead)
			}

			var wg sync.WaitGroup
			for w := range workers {
				wg.Go(func() {
					random := rand.New(rand.NewPCG(uint64(w), 0))
					for i := range calls {
						v := w*calls + i
						key := strconv.Itoa(random.IntN(keys))
						switch random.IntN(20) {
						case 0:
							c.Remove(key)
						case 1:
							c.Peek(key, t0)
						case 2:
							if i%500 == 0 {
								c.Purge()
							}
							c.Stats()
							if n := int64(random.IntN(bytes / workers)); c.Reserve(n) {
								c.Release(n)
							}
						case 9, 10:
							arrived := random.Int64N(min(size(v), bytes/workers/2) + 1)
							if !c.Reserve(arrived) {
								t.Errorf("no room for %d bytes, with few reserved", arrived)
							}
							if c.SetReserved(key, v, size(v), t0.Add(10*time.Second), arrived) {
								stored[v].Add(1)
							} else {
								c.Release(arrived)
							}
						case 3, 4, 5, 6, 7, 8:
							expires := t0.Add(time.Duration(1+random.IntN(9)) * time.Second)
							if c.Set(key, v, size(v), expires) {
								stored[v].Add(1)
							}
						default:
							c.Get(key, t0.Add(time.Duration(random.IntN(9))*time.Second))
						}
						if n, used := c.Len(), c.Used(); n > entries || used > bytes || n < 0 || used < 0 {
							t.Errorf("%d entries, %d bytes used", n, used)
						}
					}
				})
			}
			wg.Wait()

			var n int
			var b int64
			kept := make(map[int]bool)
			for k := range keys {
				key := strconv.Itoa(k)
				if v, ok := c.Peek(key, t0); ok {
					n++
					b += int64(len(key)) + size(v) + cache.EntryOverhead
					kept[v] = true
				}
			}
			if n != c.Len() || b != c.Bytes() {
				t.Errorf("found %d entries of %d bytes, counted %d of %d", n, b, c.Len(), c.Bytes())
			}
			if c.Reserved() != 0 || c.Used() != b {
				t.Errorf("%d bytes reserved, %d used by entries of %d", c.Reserved(), c.Used(), b)
			}
			for v := range stored {
				want := stored[v].Load()
				if kept[v] {
					want--
				}
				if evicted[v].Load() != want {
					t.Errorf("value %d: stored %d times, kept %t, evicted %d times", v, stored[v].Load(), kept[v], evicted[v].Load())
				}
			}
		})
	}
}

// TestReplacedNeverMisses holds a reader against a writer of the same key, in a
// cache that must evict each time, with room for that key and two more.
func TestReplacedNeverMisses(t *testing.T) {
	c := newCache(t, cache.Config[int]{Bytes: 1000 + 3*cache.EntryOverhead, Shards: 4})
	c.Set("key", 0, 100, never)
	var done atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for last := 0; !done.Load(); {
			v, ok := c.Get("key", t0)
			if !ok || v < last {
				t.Errorf("got %d, %t after %d", v, ok, last)
				return
			}
			last = v
		}
	})
	for i := 1; i < 2000; i++ {
		c.Set("key", i, int64(100+i%2*300), never)
		c.Set(strconv.Itoa(i), i, 250, never)
		c.Set(strconv.Itoa(-i), i, 250, never)
	}
	done.Store(true)
	wg.Wait()
}
