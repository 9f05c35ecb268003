package cache_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
)

var (
	t0    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	never time.Time
)

// filled is a configuration with what a test does not care about.
func filled[V any](c cache.Config[V]) cache.Config[V] {
	c.Entries, c.Bytes = cmp.Or(c.Entries, 1024), cmp.Or(c.Bytes, 256<<20)
	return c
}

func newCache[V any](t testing.TB, c cache.Config[V]) *cache.Cache[V] {
	t.Helper()
	made, err := cache.New(filled(c))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// gone is what OnEvict was called with.
type gone struct {
	key   string
	value int
	why   cache.Reason
}

func recorded(c cache.Config[int], into *[]gone) cache.Config[int] {
	c.OnEvict = func(key string, v int, why cache.Reason) { *into = append(*into, gone{key, v, why}) }
	return c
}

func TestNewShards(t *testing.T) {
	c := newCache(t, cache.Config[int]{})
	if n := c.Shards(); n < 1 || n > 16 {
		t.Errorf("%d shards, fewer than 64 entries for each", n)
	}
	if n := newCache(t, cache.Config[int]{Entries: 10}).Shards(); n != 1 {
		t.Errorf("%d shards for 10 entries", n)
	}
}

func TestNewErrors(t *testing.T) {
	for _, tt := range []struct {
		config cache.Config[int]
		want   string
	}{
		{cache.Config[int]{Bytes: 1}, "Entries is 0: allowed is 1 or more"},
		{cache.Config[int]{Entries: -1, Bytes: 1}, "Entries is -1: allowed is 1 or more"},
		{cache.Config[int]{Entries: 1}, "Bytes is 0: allowed is 1 or more"},
		{cache.Config[int]{Entries: 1, Bytes: -5}, "Bytes is -5: allowed is 1 or more"},
		{filled(cache.Config[int]{Shards: -2}), "Shards is -2: allowed is a power of two up to 1024"},
		{filled(cache.Config[int]{Shards: 3}), "Shards is 3: allowed is a power of two"},
		{filled(cache.Config[int]{Shards: 2048}), "Shards is 2048: allowed is a power of two"},
	} {
		_, err := cache.New(tt.config)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New(%+v) = %v, want an error with %q", tt.config, err, tt.want)
		}
	}
}

func TestOrder(t *testing.T) {
	var left []gone
	c := newCache(t, recorded(cache.Config[int]{Entries: 3, Shards: 1}, &left))
	for i, key := range []string{"a", "b", "c"} {
		c.Set(key, i, 0, never)
	}
	c.Get("a", t0)
	c.Peek("b", t0)         // no use
	c.Set("d", 3, 0, never) // a is used and goes on to main
	c.Set("c", 4, 0, never) // a use
	c.Set("e", 5, 0, never) // c goes on, too, and a, not used in main, leaves
	c.Set("a", 6, 0, never) // was there lately: into main, and d leaves
	c.Set("f", 7, 0, never) // main has two now: e leaves
	want := []gone{{"b", 1, cache.Capacity}, {"c", 2, cache.Replaced}, {"a", 0, cache.Capacity}, {"d", 3, cache.Capacity}, {"e", 5, cache.Capacity}}
	if !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}

// TestOrderAcrossShards: what was not used leaves in the order in which it came,
// whatever shards the keys fall in.
func TestOrderAcrossShards(t *testing.T) {
	const n = 64
	var left []gone
	c := newCache(t, recorded(cache.Config[int]{Entries: n, Shards: 16}, &left))
	key := strconv.Itoa
	for i := range n {
		c.Set(key(i), i, 0, never)
	}
	for i := range n / 4 { // the first quarter is used
		c.Get(key(i), t0)
		c.Set(key(0), 0, 0, never)
	}
	left = nil
	for i := range n / 2 {
		c.Set(key(n+i), n+i, 0, never)
	}
	for i, g := range left {
		if want := (gone{key(n/4 + i), n/4 + i, cache.Capacity}); g != want {
			t.Fatalf("eviction %d is %v, want %v", i, g, want)
		}
	}
	if len(left) != n/2 || c.Len() != n {
		t.Errorf("%d evicted, %d left", len(left), c.Len())
	}
}

func TestBytes(t *testing.T) {
	for _, shards := range []int{1, 8} {
		t.Run(fmt.Sprint(shards, " shards"), func(t *testing.T) {
			var left []gone
			const each = cache.EntryOverhead
			c := newCache(t, recorded(cache.Config[int]{Bytes: 2*each + 100, Shards: shards}, &left))
			steps := []struct {
				key    string
				size   int64
				stored bool
				bytes  int64
				left   []gone
			}{
				{"a", 9, true, each + 10, nil},
				{"b", 89, true, 2*each + 100, nil},
				{"c", 9, true, 2*each + 100, []gone{{"a", 0, cache.Bytes}}},
				{"c", 10, true, each + 11, []gone{{"b", 1, cache.Bytes}, {"c", 2, cache.Replaced}}},
				{"d", each + 99, true, 2*each + 100, []gone{{"c", 3, cache.Bytes}}}, // the whole limit
				{"d", 1, true, each + 2, []gone{{"d", 4, cache.Replaced}}},
				{"e", each + 100, false, each + 2, nil}, // with its key one over
				{"e", -1, false, each + 2, nil},
				{"e", math.MaxInt64, false, each + 2, nil},
				{"d", each + 100, false, 0, []gone{{"d", 5, cache.Replaced}}}, // not stored, but replaced
			}
			for i, s := range steps {
				left = nil
				if stored := c.Set(s.key, i, s.size, never); stored != s.stored {
					t.Errorf("step %d: stored = %t", i, stored)
				}
				if c.Bytes() != s.bytes {
					t.Errorf("step %d: %d bytes, want %d", i, c.Bytes(), s.bytes)
				}
				if !slices.Equal(left, s.left) {
					t.Errorf("step %d: left %v, want %v", i, left, s.left)
				}
			}
			if n := c.Stats().Rejected; n != 4 {
				t.Errorf("%d rejected, want 4", n)
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	var left []gone
	c := newCache(t, recorded(cache.Config[int]{}, &left))
	c.Set("a", 1, 0, t0.Add(time.Second))
	c.Set("for good", 2, 0, never)
	if v, ok := c.Get("a", t0.Add(time.Second-1)); v != 1 || !ok {
		t.Errorf("before expiry: %d, %t", v, ok)
	}
	if v, ok := c.Peek("a", t0.Add(time.Second)); v != 0 || ok {
		t.Errorf("Peek at expiry: %d, %t", v, ok)
	}
	if c.Len() != 2 || left != nil {
		t.Errorf("Peek removed: %d entries, left %v", c.Len(), left)
	}
	if v, ok := c.Get("a", t0.Add(time.Second)); v != 0 || ok {
		t.Errorf("at expiry: %d, %t", v, ok)
	}
	if want := []gone{{"a", 1, cache.Expired}}; !slices.Equal(left, want) || c.Len() != 1 || c.Bytes() != 8+cache.EntryOverhead {
		t.Errorf("left %v, want %v; %d entries of %d bytes", left, want, c.Len(), c.Bytes())
	}
	if _, ok := c.Get("for good", t0.AddDate(1000, 0, 0)); !ok {
		t.Error("the zero expiry expired")
	}
	s := c.Stats()
	if s.Hits != 2 || s.Misses != 1 || s.Evicted[cache.Expired] != 1 {
		t.Errorf("stats = %+v", s)
	}
}

func TestRemoveAndPurge(t *testing.T) {
	var left []gone
	c := newCache(t, recorded(cache.Config[int]{Shards: 4}, &left))
	for i := range 10 {
		c.Set(strconv.Itoa(i), i, 5, never)
	}
	if !c.Remove("3") || c.Remove("3") || c.Remove("x") {
		t.Error("Remove does not report what was there")
	}
	if want := []gone{{"3", 3, cache.Removed}}; !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
	c.Purge()
	if c.Len() != 0 || c.Bytes() != 0 || len(left) != 10 {
		t.Errorf("after Purge: %d entries, %d bytes, %d evicted", c.Len(), c.Bytes(), len(left))
	}
	if s := c.Stats(); s.Evicted[cache.Removed] != 10 {
		t.Errorf("stats = %+v", s)
	}
	c.Set("again", 1, 1, never)
	if v, ok := c.Get("again", t0); v != 1 || !ok {
		t.Error("nothing can be set after Purge")
	}
}

// TestOnEvictMayUseCache would deadlock if a lock were held.
func TestOnEvictMayUseCache(t *testing.T) {
	var c *cache.Cache[int]
	again := 0
	c = newCache(t, cache.Config[int]{Entries: 1, Shards: 1, OnEvict: func(key string, _ int, why cache.Reason) {
		c.Get(key, t0)
		c.Stats()
		if why == cache.Capacity && again < 3 {
			again++
			c.Set(key, again, 0, never)
		}
	}})
	c.Set("a", 0, 0, never)
	c.Set("b", 0, 0, never)
	c.Purge()
	if again != 3 || c.Len() != 0 {
		t.Errorf("called back %d times, %d entries", again, c.Len())
	}
}

func TestBorrowedKey(t *testing.T) {
	c := newCache(t, cache.Config[int]{})
	c.Set("key", 7, 0, never)
	buf := []byte("key")
	if v, ok := c.Get(string(buf), t0); v != 7 || !ok {
		t.Error("not found by another string of the same bytes")
	}
}

func TestReasonString(t *testing.T) {
	for r, want := range map[cache.Reason]string{
		cache.Capacity: "capacity", cache.Bytes: "bytes", cache.Expired: "expired",
		cache.Replaced: "replaced", cache.Removed: "removed", -1: "Reason(-1)", 5: "Reason(5)",
	} {
		if r.String() != want {
			t.Errorf("%d is %q, want %q", int(r), r, want)
		}
	}
}

func TestAllocations(t *testing.T) {
	c := newCache(t, cache.Config[*int]{OnEvict: func(string, *int, cache.Reason) {}})
	c.Set("key", new(int), 10, t0.Add(time.Hour))
	for name, f := range map[string]func(){
		"hit":  func() { c.Get("key", t0) },
		"miss": func() { c.Get("no such key", t0) },
		"peek": func() { c.Peek("key", t0) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	// The entry and its list node.
	if n := testing.AllocsPerRun(100, func() { c.Set("key", nil, 10, never) }); n > 2 {
		t.Errorf("set: %v allocations", n)
	}
	old := make([]string, 101)
	for i := range old {
		old[i] = strconv.Itoa(i)
		c.Set(old[i], nil, 0, t0)
	}
	i := 0
	if n := testing.AllocsPerRun(100, func() { c.Get(old[i], t0); i++ }); n != 0 {
		t.Errorf("expiry: %v allocations", n)
	}
	if n := c.Stats().Evicted[cache.Expired]; n != 101 {
		t.Errorf("%d expired", n)
	}
}
