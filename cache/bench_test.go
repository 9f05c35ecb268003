package cache_test

import (
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/e0ac7cd4/hotpath/cache"
)

// Run with go test -bench . -cpu 1,2,4,8 ./cache

const (
	benchEntries = 1024
	benchKeys    = 4 * benchEntries
)

type benchValue [1024]byte

// store is what the benchmarks need of a cache.
type store interface {
	get(key string, now time.Time) (*benchValue, bool)
	set(key string, v *benchValue)
}

type hotpathStore struct{ *cache.Cache[*benchValue] }

func (s hotpathStore) get(key string, now time.Time) (*benchValue, bool) { return s.Get(key, now) }
func (s hotpathStore) set(key string, v *benchValue)                     { s.Set(key, v, 1024, benchNow.Add(time.Hour)) }

// benchNow is a moment as servers have it, with a monotonic clock.
var benchNow = time.Now()

// singleLock is golang-lru as it is: one lock, no bytes, no expiry.
type singleLock struct {
	*lru.Cache[string, *benchValue]
}

func (s singleLock) get(key string, _ time.Time) (*benchValue, bool) { return s.Get(key) }
func (s singleLock) set(key string, v *benchValue)                   { s.Add(key, v) }

func eachStore(b *testing.B, f func(b *testing.B, s store)) {
	b.Run("hotpath", func(b *testing.B) {
		f(b, hotpathStore{newCache(b, cache.Config[*benchValue]{Entries: benchEntries})})
	})
	b.Run("golang-lru", func(b *testing.B) {
		c, err := lru.New[string, *benchValue](benchEntries)
		if err != nil {
			b.Fatal(err)
		}
		f(b, singleLock{c})
	})
}

func benchNames() []string {
	names := make([]string, benchKeys)
	for i := range names {
		names[i] = "https://example.org/static/asset/" + strconv.Itoa(i)
	}
	return names
}

// BenchmarkGet is a cache that holds all it is asked for.
func BenchmarkGet(b *testing.B) {
	names := benchNames()
	eachStore(b, func(b *testing.B, s store) {
		for _, name := range names[:benchEntries] {
			s.set(name, &benchValue{})
		}
		var seed atomic.Uint64
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			i := int(seed.Add(1)) * 97
			for pb.Next() {
				if _, ok := s.get(names[i%benchEntries], benchNow); !ok {
					b.Error("miss")
				}
				i++
			}
		})
	})
}

// BenchmarkGetUsed is a full cache whose entries are used and others have passed
// through: most have gone on to main, so that a lookup asks one list or two.
func BenchmarkGetUsed(b *testing.B) {
	names := benchNames()
	eachStore(b, func(b *testing.B, s store) {
		for _, name := range names[:benchEntries] {
			s.set(name, &benchValue{})
			s.get(name, benchNow)
		}
		for _, name := range names[benchEntries : benchEntries+benchEntries/8] {
			s.set(name, &benchValue{})
		}
		var held []string
		for _, name := range names {
			if _, ok := s.get(name, benchNow); ok {
				held = append(held, name)
			}
		}
		var seed atomic.Uint64
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			i := int(seed.Add(1)) * 97
			for pb.Next() {
				if _, ok := s.get(held[i%len(held)], benchNow); !ok {
					b.Error("miss")
				}
				i++
			}
		})
	})
}

// BenchmarkZipf is a working set four times the cache, its popularity a Zipf
// law as that of web pages is; a miss is stored.
func BenchmarkZipf(b *testing.B) {
	names := benchNames()
	v := &benchValue{}
	eachStore(b, func(b *testing.B, s store) {
		var seed, hits atomic.Uint64
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			zipf := rand.NewZipf(rand.New(rand.NewPCG(seed.Add(1), 0)), 1.1, 4, benchKeys-1)
			draws := make([]uint16, 1<<14)
			for i := range draws {
				draws[i] = uint16(zipf.Uint64())
			}
			var n uint64
			for i := 0; pb.Next(); i++ {
				name := names[draws[i%len(draws)]]
				if _, ok := s.get(name, benchNow); ok {
					n++
				} else {
					s.set(name, v)
				}
			}
			hits.Add(n)
		})
		b.ReportMetric(float64(hits.Load())/float64(b.N), "hits/op")
	})
}

// BenchmarkSet stores new keys only: each evicts. It costs more than the plain
// list does, for it keeps two budgets, two queues and one order for all shards.
func BenchmarkSet(b *testing.B) {
	names := benchNames()
	v := &benchValue{}
	eachStore(b, func(b *testing.B, s store) {
		var seed atomic.Uint64
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			i := int(seed.Add(1)) * 97
			for pb.Next() {
				s.set(names[i%benchKeys], v)
				i++
			}
		})
	})
}

// BenchmarkReserve takes and gives back what is arriving, with room for it.
func BenchmarkReserve(b *testing.B) {
	c := newCache(b, cache.Config[*benchValue]{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if !c.Reserve(1 << 10) {
				b.Error("no room")
			}
			c.Release(1 << 10)
		}
	})
}
