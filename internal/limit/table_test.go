package limit

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

// names are so many different hashes.
func names(n int) []uint64 {
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]uint64, n)
	for i := range all {
		all[i] = r.Uint64()
	}
	return all
}

// TestTable: each name has a bucket of its own.
func TestTable(t *testing.T) {
	table, b := NewTable(8000), NewBucket(1, 3) // no set has more than its eight
	all := append(names(1000), 0)
	for i := range 5 {
		for _, name := range all {
			if ok := table.Take(name, b, 0); ok != (i < 3) {
				t.Fatalf("take %d of %x succeeds: %v", i, name, ok)
			}
		}
	}
	for _, name := range all {
		if !table.Take(name, b, int64(time.Second)) || table.Take(name, b, int64(time.Second)) {
			t.Fatalf("%x has not got one token back after a second", name)
		}
	}
	if table.Used() != int64(len(all)) || table.Evicted() != 0 {
		t.Errorf("%d places are taken and %d names have left, want %d and none", table.Used(), table.Evicted(), len(all))
	}
}

// oneSet is a table whose names all share a set.
func oneSet() *Table { return NewTable(ways / spare) }

// TestWhoLeaves: the rule, in a set of eight.
func TestWhoLeaves(t *testing.T) {
	b := NewBucket(1, 10)
	// spend makes names 1 to 8 take so many tokens each.
	spend := func(table *Table, takes ...int) {
		for i, n := range takes {
			for range n {
				table.Take(uint64(i+1), b, 0)
			}
		}
	}
	// left is how many tokens a name has.
	left := func(table *Table, name uint64, now int64) (n int) {
		for table.Take(name, b, now) {
			n++
		}
		return n
	}
	t.Run("a place whose bucket is full again is taken, and nothing is lost", func(t *testing.T) {
		table := oneSet()
		spend(table, 9, 9, 9, 2, 9, 9, 9, 9)
		now := int64(2 * time.Second)
		table.Take(99, b, now)
		if table.Evicted() != 0 || table.Used() != ways {
			t.Errorf("%d have left, %d places are taken", table.Evicted(), table.Used())
		}
		for _, name := range []uint64{1, 2, 3, 5, 6, 7, 8} {
			if n := left(table, name, now); n != 3 {
				t.Errorf("name %d has %d tokens, want 3", name, n)
			}
		}
		if n := left(table, 99, now); n != 9 {
			t.Errorf("the new name has %d tokens, want 9", n)
		}
	})
	t.Run("else the fullest one leaves", func(t *testing.T) {
		table := oneSet()
		spend(table, 9, 8, 7, 6, 5, 4, 3, 2)
		table.Take(99, b, 0)
		if table.Evicted() != 1 || table.Used() != ways {
			t.Errorf("%d have left, %d places are taken", table.Evicted(), table.Used())
		}
		if n := left(table, 7, 0); n != 7 {
			t.Errorf("name 7 has %d tokens, want 7: name 8 was fuller", n)
		}
	})
	t.Run("a client that is out of tokens stays, however many names come", func(t *testing.T) {
		table := oneSet()
		spend(table, 10)
		for name := uint64(100); name < 10_000; name++ {
			table.Take(name, b, 0)
			if table.Take(1, b, 0) {
				t.Fatalf("after %d other names it has a token", name-99)
			}
		}
	})
}

// A client that is out of tokens and has as many names as there are places, each
// used once, gets none back by them.
func TestNamesDoNotFreeAnother(t *testing.T) {
	const clients = 1 << 12
	table, b := NewTable(clients), NewBucket(1, 10)
	all := names(1 + spare*clients)
	for table.Take(all[0], b, 0) {
	}
	for _, name := range all[1:] {
		table.Take(name, b, 0)
	}
	if table.Evicted() == 0 {
		t.Fatal("nothing has left: this shows nothing")
	}
	if table.Take(all[0], b, 0) {
		t.Error("it has a token again")
	}
}

// TestTableMemory: a million names fit in 64 MiB with nearly nothing lost, and
// memory does not grow however many come.
func TestTableMemory(t *testing.T) {
	const clients, most = 1 << 20, 64 << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	table, b := NewTable(clients), NewBucket(1, 10)
	r := rand.New(rand.NewPCG(1, 2))
	for range clients {
		table.Take(r.Uint64(), b, 0)
	}
	if lost := table.Evicted(); lost > clients/100 {
		t.Errorf("%d of %d names have left, want less than one in 100", lost, clients)
	}
	for range 2 * clients {
		table.Take(r.Uint64(), b, 0)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d bytes for %d names", held, clients)
	if want := TableBytes(clients); held > most || held > want+want/16 || want > most {
		t.Errorf("%d bytes are held, %d announced, want at most %d", held, want, most)
	}
	if used, places := table.Used(), int64(len(table.sets)*ways); used > places {
		t.Errorf("%d of %d places are taken", used, places)
	}
	if n := testing.AllocsPerRun(1000, func() { table.Take(r.Uint64(), b, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	runtime.KeepAlive(table)
}

func TestTableSizes(t *testing.T) {
	if n := unsafe.Sizeof(set{}); n != 128 {
		t.Errorf("a set has %d bytes, want two cache lines", n)
	}
	for _, clients := range []int{1, 4, 5, 1000, 1 << 16} {
		if got, want := TableBytes(clients), int64(len(NewTable(clients).sets))*128; got != want {
			t.Errorf("a table for %d names takes %d bytes, %d are announced", clients, want, got)
		}
	}
}

// TestTableConcurrently: of a bucket that many goroutines take from, exactly its
// tokens are taken, also of one that is new to all of them.
func TestTableConcurrently(t *testing.T) {
	const goroutines, tokens, shared = 8, 1000, 50
	table, b := NewTable(1000), NewBucket(1, tokens)
	all := names(shared)
	var taken [shared]atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range tokens {
				for i, name := range all {
					if table.Take(name, b, 0) {
						taken[i].Add(1)
					}
				}
			}
		})
	}
	wg.Wait()
	for i := range taken {
		if n := taken[i].Load(); n != tokens {
			t.Errorf("name %d: %d tokens were taken, want %d", i, n, tokens)
		}
	}
}

// BenchmarkTable takes tokens for a million clients in turn, for one, and beside
// it a map behind a mutex.
func BenchmarkTable(b *testing.B) {
	bucket := NewBucket(1e6, 1e6) // of which none is ever empty
	for name, clients := range map[string]int{"1 client": 1, "1 million clients": 1 << 20} {
		all := names(clients)
		table := NewTable(1 << 20)
		for _, name := range all {
			table.Take(name, bucket, 0)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				table.Take(all[i&(clients-1)], bucket, int64(i)<<10)
			}
		})
		b.Run(name+", parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for i := rand.Int() & (clients - 1); pb.Next(); i++ {
					table.Take(all[i&(clients-1)], bucket, int64(i)<<10)
				}
			})
		})
		b.Run(name+", map", func(b *testing.B) {
			var mu sync.Mutex
			table := make(map[uint64]int64)
			for _, name := range all {
				table[name] = 0
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				mu.Lock()
				name := all[i&(clients-1)]
				table[name], _ = bucket.Take(table[name], int64(i)<<10)
				mu.Unlock()
			}
		})
	}
}
