package cache

import (
	"fmt"
	"math/rand/v2"
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

// TestAllWhileOthersLeave yields what stays, though each that is yielded takes another
// one with it, of the places that are looked at later or were before.
func TestAllWhileOthersLeave(t *testing.T) {
	const n = 10 * listed
	c, err := New(Config[int]{Entries: n, Bytes: 1 << 20, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		c.Set(fmt.Sprint(i), i, 1, time.Time{})
	}
	seen := make(map[string]int)
	for key, v := range c.All() {
		seen[key]++
		if v%2 == 0 {
			c.Remove(fmt.Sprint((v + n/2) % n)) // an even one, too
		}
	}
	for i := 1; i < n; i += 2 {
		if seen[fmt.Sprint(i)] == 0 {
			t.Errorf("%d was never yielded", i)
		}
	}
	checkRoll(t, c)
}

// TestRoll expects each entry in its place, whatever is set, replaced and removed.
func TestRoll(t *testing.T) {
	c, err := New(Config[int]{Entries: 50, Bytes: 1 << 20, Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	now := time.Now()
	for i := range 5000 {
		key := fmt.Sprint(random.IntN(80))
		switch random.IntN(4) {
		case 0:
			c.Remove(key)
		case 1:
			c.Get(key, now)
		default:
			c.Set(key, i, 1, now.Add(time.Duration(random.IntN(3)-1)))
		}
		checkRoll(t, c)
	}
	c.Purge()
	checkRoll(t, c)
}

// TestRollGivesRoomBack keeps no room for 100,000 entries that have left.
func TestRollGivesRoomBack(t *testing.T) {
	const n = 100 * leastRoom
	c, err := New(Config[int]{Entries: n, Bytes: 1 << 30, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		c.Set(fmt.Sprint(i), i, 1, time.Time{})
	}
	c.Purge()
	if room := cap(c.shards[0].roll); room > 2*leastRoom {
		t.Errorf("an empty roll has room for %d", room)
	}
	checkRoll(t, c)
}

// checkRoll expects the entries of each shard's lists, and no others, in its roll.
func checkRoll(t *testing.T, c *Cache[int]) {
	t.Helper()
	for i := range c.shards {
		s := &c.shards[i]
		n := 0
		for _, list := range s.lists {
			for _, e := range list.Values() {
				if n++; e.place >= len(s.roll) || s.roll[e.place] != e {
					t.Fatalf("%q is not in its place, %d of %d", e.key, e.place, len(s.roll))
				}
			}
		}
		if n != len(s.roll) {
			t.Fatalf("%d entries, %d in the roll", n, len(s.roll))
		}
	}
}
