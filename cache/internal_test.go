package cache

import (
	"testing"
	"time"
	"unsafe"
)

// TestShardLayout keeps shards from sharing cache lines: what is used of one
// ends 56 bytes before the next begins, so with fields aligned to 8 bytes no
// line holds parts of both.
func TestShardLayout(t *testing.T) {
	var s shard[[3]string]
	if n := unsafe.Sizeof(s); n != 128 {
		t.Errorf("a shard has %d bytes", n)
	}
	if end := unsafe.Offsetof(s.misses) + unsafe.Sizeof(s.misses); end > 64 {
		t.Errorf("a lookup writes %d bytes from the start", end)
	}
}

func TestDefaultShards(t *testing.T) {
	for _, tt := range []struct{ entries, cores, want int }{
		{1, 8, 1}, {64, 8, 1}, {127, 8, 1}, {128, 8, 2}, {1024, 1, 8}, {1024, 2, 16}, {1024, 64, 16},
		{1 << 20, 2, 16}, {1 << 20, 3, 16}, {1 << 20, 6, 32}, {1 << 20, 500, 256},
	} {
		if got := defaultShards(tt.entries, tt.cores); got != tt.want {
			t.Errorf("%d entries on %d cores: %d shards, want %d", tt.entries, tt.cores, got, tt.want)
		}
	}
}

func TestMark(t *testing.T) {
	const turn = 1<<46 - 1
	for _, q := range []queue{probation, main} {
		for hits := range uint64(MostHits + 2) {
			m := newMark(q, turn, min(hits, mostUses), min(hits, MostHits))
			if m.queue() != q || m.turn() != turn || m.uses() != min(hits, mostUses) || m.hits() != min(hits, MostHits) {
				t.Fatalf("%d hits: queue %d, turn %d, %d uses, %d hits", hits, m.queue(), m.turn(), m.uses(), m.hits())
			}
			if next := m.used(); next != newMark(q, turn, min(hits+1, mostUses), min(hits+1, MostHits)) {
				t.Fatalf("%d hits and one more: %x", hits, next)
			}
		}
	}
}

func TestUsesToStay(t *testing.T) {
	for _, tt := range []struct {
		cost, average int64
		want          uint64
	}{
		{1, 100, 1}, {100, 100, 1}, {399, 100, 1}, {400, 100, 2}, {3199, 100, 2}, {3200, 100, 3}, {25_600, 100, 4}, {7, 0, 2},
	} {
		if got := usesToStay(tt.cost, tt.average); got != tt.want {
			t.Errorf("%d bytes, %d on average: %d uses, want %d", tt.cost, tt.average, got, tt.want)
		}
	}
}

func TestAdapt(t *testing.T) {
	for _, tt := range []struct {
		about  string
		share  float64
		left   queue
		weight float64
		want   float64
	}{
		{"it had left probation: more for it", 0.5, probation, 0.0625, 0.75},
		{"it had left main: less", 0.5, main, 0.0625, 0.25},
		{"not more than the most", 0.85, probation, 0.5, mostShare},
		{"not less than the least", 0.1, main, 0.5, leastShare},
	} {
		if got := adapt(tt.share, tt.left, tt.weight); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.about, got, tt.want)
		}
	}
	if got := weight(10, 1000, 50); got != 0.02 {
		t.Errorf("a weight of %v, want that of one entry in 50", got)
	}
	if got := weight(100, 1000, 50); got != 0.1 {
		t.Errorf("a weight of %v, want that of 100 bytes in 1000", got)
	}
}

// TestSameHash: of two keys with one hash, which chance makes once in 2^64, one is
// not taken for the other, and the newer replaces the older.
func TestSameHash(t *testing.T) {
	var left []string
	c, err := New(Config[int]{Entries: 4, Bytes: 1 << 20, Shards: 1, OnEvict: func(key string, _ int, why Reason) { left = append(left, key+" "+why.String()) }})
	if err != nil {
		t.Fatal(err)
	}
	c.Set("a", 1, 0, time.Time{})
	s := &c.shards[0]
	_, e, _ := s.lists[probation].GetOldest()
	e.key = "another"
	if v, ok := c.Get("a", time.Time{}); ok {
		t.Errorf("found %d of another key", v)
	}
	if c.Remove("a") {
		t.Error("another key was removed")
	}
	c.Set("a", 2, 0, time.Time{})
	if v, ok := c.Get("a", time.Time{}); v != 2 || !ok || c.Len() != 1 {
		t.Errorf("got %d, %t, %d entries", v, ok, c.Len())
	}
	if len(left) != 1 || left[0] != "another replaced" {
		t.Errorf("left %q", left)
	}
}

// TestUnixNano keeps moments that no int64 has in their order.
func TestUnixNano(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		expires time.Time
		fresh   bool
	}{
		{time.Time{}, true}, {now.Add(1), true}, {now, false}, {now.Add(-1), false},
		{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), true}, {time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{time.Unix(now.Unix()+1, 0), true}, // as from the wire
	} {
		e := entry[int]{expires: unixNano(tt.expires)}
		if e.fresh(now) != tt.fresh {
			t.Errorf("what expires at %v is fresh: %t", tt.expires, !tt.fresh)
		}
	}
}
