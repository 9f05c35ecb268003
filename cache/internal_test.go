package cache

import (
	"testing"
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
	if end := unsafe.Offsetof(s.evicted) + unsafe.Sizeof(s.evicted); end > 128-56 {
		t.Errorf("a shard uses %d bytes", end)
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
