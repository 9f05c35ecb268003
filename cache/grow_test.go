package cache

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestGrow(t *testing.T) {
	var gone []string
	c, err := New(Config[string]{Entries: 100, Bytes: 10_000, Shards: 1, OnEvict: func(key, _ string, why Reason) { gone = append(gone, fmt.Sprint(key, " ", why)) }})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	add := func(string) bool { return true }
	base := int64(1 + EntryOverhead)
	for _, key := range []string{"a", "b", "c"} {
		if !c.Set(key, "v"+key, 1000, time.Time{}) {
			t.Fatal("not stored")
		}
	}
	if !c.Grow("a", 500, func(v string) bool { return v == "va" }) || c.Used() != 3*(1000+base)+500 || c.Bytes() != c.Used() {
		t.Errorf("%d bytes after a value has grown", c.Used())
	}
	if c.Grow("a", 500, func(string) bool { return false }) || c.Used() != 3*(1000+base)+500 {
		t.Errorf("%d bytes after a value has not taken it", c.Used())
	}
	if c.Grow("none", 1, func(string) bool { t.Error("add is called for no value"); return true }) {
		t.Error("what is not there grows")
	}
	if c.Grow("a", 10_000, func(string) bool { t.Error("add is called without room"); return true }) || len(gone) != 0 {
		t.Errorf("a value grows beyond the limit; gone are %q", gone)
	}
	// a is used by growing: others leave for it, the oldest first.
	if !c.Grow("a", 7900, add) || fmt.Sprint(gone) != "[b bytes c bytes]" {
		t.Errorf("gone are %q", gone)
	}
	if !c.Reserve(300) || c.Grow("a", 100, add) {
		t.Error("what is reserved is given to a value")
	}
	c.Release(300)
	if _, ok := c.Peek("a", now); !ok {
		t.Fatal("the value that grew has left")
	}
	c.Set("a", "new", 10, time.Time{})
	if c.Used() != 10+base {
		t.Errorf("%d bytes after what had grown was replaced", c.Used())
	}
	c.Purge()
	if c.Used() != 0 {
		t.Errorf("%d bytes in an empty cache", c.Used())
	}
}

// TestGrowConcurrently: nothing is lost or counted twice if values grow, are
// replaced and leave at once.
func TestGrowConcurrently(t *testing.T) {
	c, err := New(Config[int]{Entries: 50, Bytes: 30_000})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for g := range 4 {
		wait.Go(func() {
			for i := range 2000 {
				key := fmt.Sprint((i*7 + g) % 40)
				switch i % 4 {
				case 0:
					c.Set(key, i, int64(i%900), time.Time{})
				case 1:
					c.Remove(key)
				default:
					c.Grow(key, int64(i%300), func(int) bool { return i%5 != 0 })
				}
				if n := c.Used(); n > 30_000 {
					t.Errorf("%d bytes", n)
				}
			}
		})
	}
	wait.Wait()
	c.Purge()
	if n := c.Used(); n != 0 {
		t.Errorf("%d bytes in an empty cache", n)
	}
}
