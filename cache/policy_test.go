package cache_test

import (
	"strconv"
	"testing"

	"github.com/e0ac7cd4/hotpath/cache"
)

// TestScan: what was used stays through a scan of ten times what the cache holds.
func TestScan(t *testing.T) {
	const entries = 1000
	for _, limit := range []cache.Config[int]{
		{Entries: entries},
		{Bytes: entries * (cache.EntryOverhead + 10)},
	} {
		for _, shards := range []int{1, 16} {
			limit.Shards = shards
			c := newCache(t, limit)
			used := entries / 2
			for i := range used {
				c.Set(strconv.Itoa(i), i, 0, never)
				c.Get(strconv.Itoa(i), t0)
			}
			for i := range 10 * entries {
				c.Set("scan"+strconv.Itoa(i), i, 0, never)
			}
			kept := 0
			for i := range used {
				if _, ok := c.Peek(strconv.Itoa(i), t0); ok {
					kept++
				}
			}
			// An eviction looks at 64 entries at most; the scan's first
			// ones find those that came before it, all used.
			if kept < used-used/64 {
				t.Errorf("limits of %d entries and %d bytes, %d shards: %d of %d used entries are left", limit.Entries, limit.Bytes, shards, kept, used)
			}
		}
	}
}

// TestAllUsed: an eviction has an end if all were used as often as can be counted.
func TestAllUsed(t *testing.T) {
	const entries = 10_000
	var left []gone
	c := newCache(t, recorded(cache.Config[int]{Entries: entries}, &left))
	for i := range entries {
		c.Set(strconv.Itoa(i), i, 0, never)
	}
	for range 3 {
		for i := range entries {
			c.Get(strconv.Itoa(i), t0)
		}
	}
	c.Set("one more", 0, 0, never)
	if len(left) != 1 || left[0].value > 100 {
		t.Errorf("left %v, want one of the first hundred", left)
	}
}

// TestReplacedStays: a new value under a key that is used keeps what is known of
// the key, and is where the older one was.
func TestReplacedStays(t *testing.T) {
	var left []gone
	c := newCache(t, recorded(cache.Config[int]{Entries: 3}, &left))
	c.Set("a", 1, 0, never)
	c.Get("a", t0)
	c.Set("b", 2, 0, never)
	c.Set("a", 3, 0, never)
	for i := range 10 {
		c.Set(strconv.Itoa(i), i, 0, never)
	}
	if v, ok := c.Peek("a", t0); v != 3 || !ok {
		t.Errorf("got %d, %t after ten others; left %v", v, ok, left)
	}
}
