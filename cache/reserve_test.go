package cache_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
)

// TestReserve plays calls on a cache with room for four units, each the least
// that an entry takes.
func TestReserve(t *testing.T) {
	type call struct {
		what     string
		n        int64 // units
		ok       bool
		over     int64 // units
		entries  int
		reserved int64 // units
	}
	const reserve, force, release, set = "Reserve", "ForceReserve", "Release", "Set"
	for _, tt := range []struct {
		about string
		calls []call
		left  string // keys
	}{
		{"what is reserved evicts the least recently used", []call{
			{set, 0, true, 0, 1, 0}, {set, 0, true, 0, 2, 0}, {set, 0, true, 0, 3, 0}, {reserve, 3, true, 0, 1, 3},
		}, "ab"},
		{"what does not fit beside other reservations evicts nothing", []call{
			{reserve, 2, true, 0, 0, 2}, {set, 0, true, 0, 1, 2}, {reserve, 3, false, 0, 1, 2}, {reserve, 2, true, 0, 0, 4},
		}, "a"},
		{"an amount near the largest integer does not overflow", []call{
			{set, 0, true, 0, 1, 0}, {reserve, math.MaxInt64 / unit, false, 0, 1, 0},
		}, ""},
		{"nothing fits always, even over the limit", []call{
			{force, 5, true, 1, 0, 5}, {reserve, 0, true, 0, 0, 5}, {force, 0, true, 1, 0, 5},
		}, ""},
		{"forced beyond the limit, entries go, and say how much is missing", []call{
			{set, 0, true, 0, 1, 0}, {force, 4, true, 0, 0, 4}, {force, 2, true, 2, 0, 6}, {reserve, 1, false, 0, 0, 6},
			{set, 0, false, 0, 0, 6}, {release, 3, true, 0, 0, 3}, {set, 0, true, 0, 1, 3},
		}, "a"},
		{"forced within the limit, entries stay", []call{
			{set, 0, true, 0, 1, 0}, {force, 3, true, 0, 1, 3},
		}, ""},
		{"an entry that does not fit beside reservations evicts nothing", []call{
			{set, 0, true, 0, 1, 0}, {reserve, 3, true, 0, 1, 3}, {set, 1, false, 0, 1, 3}, {set, 0, true, 0, 1, 3},
		}, "a"},
	} {
		t.Run(tt.about, func(t *testing.T) {
			for _, shards := range []int{1, 4} {
				var left []gone
				c := newCache(t, recorded(cache.Config[int]{Bytes: 4 * unit, Shards: shards}, &left))
				keys := "abcdefgh"
				for i, call := range tt.calls {
					ok, over := true, int64(0)
					switch n := call.n * unit; call.what {
					case reserve:
						ok = c.Reserve(n)
					case force:
						c.ForceReserve(n)
						over = trim(c)
					case release:
						c.Release(n)
					case set:
						ok = c.Set(keys[:1], i, n, never)
						keys = keys[1:]
					}
					if ok != call.ok || over != call.over*unit {
						t.Errorf("call %d: %t, %d over; want %t, %d", i, ok, over, call.ok, call.over*unit)
					}
					if s := c.Stats(); s.Entries != call.entries || s.Reserved != call.reserved*unit || c.Used() != s.Bytes+s.Reserved {
						t.Errorf("call %d: %d entries, %d reserved, %d used; want %d, %d", i, s.Entries, s.Reserved, c.Used(), call.entries, call.reserved*unit)
					}
				}
				var evicted strings.Builder
				for _, g := range left {
					evicted.WriteString(g.key)
					if g.why != cache.Bytes {
						t.Errorf("%s left: %v, want bytes", g.key, g.why)
					}
				}
				if evicted.String() != tt.left {
					t.Errorf("%q left, want %q", evicted.String(), tt.left)
				}
			}
		})
	}
}

// TestSetReserved stores beside an entry of one unit, in a cache of four, a value
// for which two units are reserved.
func TestSetReserved(t *testing.T) {
	for _, tt := range []struct {
		about    string
		units    int64 // that the new entry takes
		stored   bool
		bytes    int64 // units
		reserved int64 // units
		left     []gone
	}{
		{"exactly what is reserved: nothing leaves", 2, true, 3, 0, nil},
		{"less: the rest is released", 1, true, 2, 0, nil},
		{"more, for which there is room", 3, true, 4, 0, nil},
		{"more, for which another entry leaves", 4, true, 4, 0, []gone{{"a", 1, cache.Bytes}}},
		{"more than the limit: the reservation stays", 5, false, 1, 2, nil},
	} {
		var left []gone
		c := newCache(t, recorded(cache.Config[int]{Bytes: 4 * unit, Shards: 4}, &left))
		c.Set("a", 1, 0, never)
		c.Reserve(2 * unit)
		if stored := c.SetReserved("b", 2, (tt.units-1)*unit, never, 2*unit); stored != tt.stored {
			t.Errorf("%s: stored = %t", tt.about, stored)
		}
		if s := c.Stats(); s.Bytes != tt.bytes*unit || s.Reserved != tt.reserved*unit || c.Used() != s.Bytes+s.Reserved {
			t.Errorf("%s: %d bytes, %d reserved, %d used", tt.about, s.Bytes, s.Reserved, c.Used())
		}
		if !slices.Equal(left, tt.left) {
			t.Errorf("%s: left %v, want %v", tt.about, left, tt.left)
		}
	}
}

// TestEveryWayOut checks that a value that leaves is reported once, whichever
// call makes it leave.
func TestEveryWayOut(t *testing.T) {
	for _, tt := range []struct {
		about string
		out   func(c *cache.Cache[int])
		why   cache.Reason
	}{
		{"a lookup after its expiry", func(c *cache.Cache[int]) { c.Get("a", t0.Add(time.Second)) }, cache.Expired},
		{"removed", func(c *cache.Cache[int]) { c.Remove("a") }, cache.Removed},
		{"purged", func(c *cache.Cache[int]) { c.Purge() }, cache.Removed},
		{"replaced", func(c *cache.Cache[int]) { c.Set("a", 2, 0, never) }, cache.Replaced},
		{"replaced by a value too large", func(c *cache.Cache[int]) { c.Set("a", 2, 2*unit, never) }, cache.Replaced},
		{"replaced by a value of a negative size", func(c *cache.Cache[int]) { c.Set("a", 2, -1, never) }, cache.Replaced},
		{"replaced by a larger value, for which it must go first", func(c *cache.Cache[int]) { c.Set("a", 2, unit, never) }, cache.Replaced},
		{"more entries than allowed", func(c *cache.Cache[int]) { c.Set("b", 2, 0, never); c.Set("c", 2, 0, never) }, cache.Capacity},
		{"more bytes than allowed", func(c *cache.Cache[int]) { c.Set("b", 2, unit, never) }, cache.Bytes},
		{"room reserved", func(c *cache.Cache[int]) { c.Reserve(2 * unit) }, cache.Bytes},
		{"room reserved by force", func(c *cache.Cache[int]) { c.ForceReserve(2 * unit); trim(c) }, cache.Bytes},
		{"an entry of reserved room", func(c *cache.Cache[int]) { c.Reserve(unit); c.SetReserved("b", 2, unit, never, unit) }, cache.Bytes},
	} {
		for _, shards := range []int{1, 2} {
			var left []gone
			c := newCache(t, recorded(cache.Config[int]{Entries: 2, Bytes: 2 * unit, Shards: shards}, &left))
			c.Set("a", 1, 0, t0.Add(time.Second))
			tt.out(c)
			c.Remove("a") // what took its place, if anything did
			c.Purge()
			first := slices.DeleteFunc(slices.Clone(left), func(g gone) bool { return g.value != 1 })
			if want := []gone{{"a", 1, tt.why}}; !slices.Equal(first, want) {
				t.Errorf("%s, %d shards: left %v, want %v", tt.about, shards, first, want)
			}
			for i, g := range left {
				if slices.Contains(left[:i], g) {
					t.Errorf("%s, %d shards: %v left twice", tt.about, shards, g)
				}
			}
		}
	}
}

// TestReserveMisuse: an amount that cannot be right would make the limit wrong
// for good, so it panics.
func TestReserveMisuse(t *testing.T) {
	for _, tt := range []struct {
		call func(c *cache.Cache[int])
		want string
	}{
		{func(c *cache.Cache[int]) { c.Reserve(-1) }, "cache: Reserve of -1 bytes: allowed is 0 or more"},
		{func(c *cache.Cache[int]) { c.ForceReserve(-2) }, "cache: ForceReserve of -2 bytes: allowed is 0 or more"},
		{func(c *cache.Cache[int]) { c.Release(-3) }, "cache: Release of -3 bytes: allowed is 0 or more"},
		{func(c *cache.Cache[int]) { c.Release(11) }, "cache: Release of 11 bytes: more than are reserved"},
		{func(c *cache.Cache[int]) { c.SetReserved("k", 1, 1, never, 11) }, "cache: SetReserved with 11 bytes: only 10 are reserved"},
		{func(c *cache.Cache[int]) { c.SetReserved("k", 1, 1, never, -1) }, "cache: SetReserved of -1 bytes: allowed is 0 or more"},
	} {
		func() {
			c := newCache(t, cache.Config[int]{})
			c.Reserve(10)
			defer func() {
				if got := recover(); got != tt.want {
					t.Errorf("panic %v, want %q", got, tt.want)
				}
			}()
			tt.call(c)
		}()
	}
}

// TestReserveAllocations: a reservation that evicts nothing costs no garbage.
func TestReserveAllocations(t *testing.T) {
	c := newCache(t, cache.Config[int]{OnEvict: func(string, int, cache.Reason) {}})
	if n := testing.AllocsPerRun(100, func() {
		c.Reserve(10)
		c.ForceReserve(10)
		c.Trim()
		c.Release(20)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// trim evicts until the limit holds or there is nothing left.
func trim(c *cache.Cache[int]) (over int64) {
	for {
		evicted, over := c.Trim()
		if !evicted {
			return over
		}
	}
}

// TestTrim: OnEvict reserves what is evicted and still in use, so that more has to
// leave, until a value does that is not in use.
func TestTrim(t *testing.T) {
	const n = 10
	var c *cache.Cache[int]
	c = newCache(t, cache.Config[int]{Bytes: n * unit, Shards: 1, OnEvict: func(_ string, v int, _ cache.Reason) {
		if v < n/2 {
			c.ForceReserve(unit)
		}
	}})
	for i := range n {
		c.Set(strconv.Itoa(i), i, 0, never)
	}
	if evicted, over := c.Trim(); evicted || over != 0 || c.Len() != n {
		t.Errorf("within the limit: %t, %d over, %d entries left", evicted, over, c.Len())
	}
	c.ForceReserve(1)
	for i := range n/2 + 1 {
		if evicted, over := c.Trim(); !evicted || over != 0 || c.Len() != n-1-i {
			t.Errorf("beyond it: %t, %d over, %d entries left", evicted, over, c.Len())
		}
	}
	if evicted, over := c.Trim(); evicted || over != 0 || c.Len() != n/2-1 {
		t.Errorf("when one left that was not in use: %t, %d over, %d entries left", evicted, over, c.Len())
	}
}
