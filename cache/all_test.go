package cache

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestAll yields every entry once, used or not, and counts as no use; what changes
// meanwhile changes nothing that is yielded.
func TestAll(t *testing.T) {
	c, err := New(Config[int]{Entries: 1000, Bytes: 1 << 20, Shards: 4})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i := range 100 {
		c.Set(fmt.Sprint(i), i, 1, time.Time{})
		if i%3 == 0 {
			c.Get(fmt.Sprint(i), now)
		}
	}
	before := c.Stats()
	var changing sync.WaitGroup
	defer changing.Wait()
	changing.Go(func() {
		for i := range 1000 {
			c.Set(fmt.Sprint(i%100), i%100, 1, time.Time{})
		}
	})
	seen := make(map[string]int)
	for key, v := range c.All() {
		if fmt.Sprint(v) != key {
			t.Errorf("%q has %d", key, v)
		}
		seen[key]++
		c.Set(key, v, 1, time.Time{}) // no lock is held
	}
	if after := c.Stats(); after.Hits != before.Hits || after.Misses != before.Misses {
		t.Errorf("hits and misses were %d and %d, and are %d and %d", before.Hits, before.Misses, after.Hits, after.Misses)
	}
	if len(seen) != 100 {
		t.Errorf("%d keys, want 100", len(seen))
	}
	for range c.All() {
		break
	}
}
