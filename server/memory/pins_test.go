package memory_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/e0ac7cd4/hotpath/server/memory"
)

// TestTransitions makes each of the four changes to a body in each state of up to
// two senders and two entries: its bytes are reserved if and only if there are
// senders and no entries.
func TestTransitions(t *testing.T) {
	const size = 100
	for senders := range 3 {
		for entries := range 3 {
			for _, change := range []struct {
				name             string
				make             func(*memory.Ledger, *memory.Pins)
				senders, entries int
			}{
				{"nothing", func(*memory.Ledger, *memory.Pins) {}, 0, 0},
				{"Stored", (*memory.Ledger).Stored, 0, 1},
				{"Evicted", (*memory.Ledger).Evicted, 0, -1},
				{"Pin", (*memory.Ledger).Pin, 1, 0},
				{"Unpin", (*memory.Ledger).Unpin, -1, 0},
			} {
				after := [2]int{senders + change.senders, entries + change.entries}
				if after[0] < 0 || after[1] < 0 {
					continue
				}
				t.Run(fmt.Sprintf("%s with %d senders and %d entries", change.name, senders, entries), func(t *testing.T) {
					store := &plain{limit: 1000}
					l, p := memory.New(store, 1000), body(size)
					for range senders {
						l.Pin(p)
					}
					for range entries {
						l.Stored(p)
					}
					change.make(l, p)
					var want int64
					if after[0] > 0 && after[1] == 0 {
						want = size
					}
					if got := store.Reserved(); got != want || l.Stats().Lingering != want {
						t.Errorf("%d bytes reserved, %+v; want %d", got, l.Stats(), want)
					}
				})
			}
		}
	}
}

// TestMisuse: one call too many would be wrong for good.
func TestMisuse(t *testing.T) {
	for want, call := range map[string]func(*memory.Ledger, *memory.Pins){
		"memory: Evicted without Stored": (*memory.Ledger).Evicted,
		"memory: Unpin without Pin":      (*memory.Ledger).Unpin,
		"memory: Give of more than was taken": func(l *memory.Ledger, p *memory.Pins) {
			join(l, p).ticket.Give(1)
		},
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %q", got, want)
				}
			}()
			call(memory.New(&plain{limit: 1000}, 1000), body(1))
		}()
	}
}

// TestChangesRace makes changes to the same bodies from many goroutines, never
// more of one than of its opposite: in the end nothing is held, and then as much
// as what was left.
func TestChangesRace(t *testing.T) {
	const workers, rounds = 8, 5000
	store := &plain{limit: 1 << 20}
	l := memory.New(store, 1<<20)
	bodies := [3]*memory.Pins{body(1), body(10), body(100)}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 0))
			var pinned, stored [len(bodies)]int
			for range rounds {
				i := random.IntN(len(bodies))
				switch random.IntN(4) {
				case 0:
					l.Pin(bodies[i])
					pinned[i]++
				case 1:
					l.Stored(bodies[i])
					stored[i]++
				case 2:
					if pinned[i] > 0 {
						l.Unpin(bodies[i])
						pinned[i]--
					}
				case 3:
					if stored[i] > 0 {
						l.Evicted(bodies[i])
						stored[i]--
					}
				}
			}
			for i, p := range bodies {
				for range pinned[i] {
					l.Unpin(p)
				}
				for range stored[i] {
					l.Evicted(p)
				}
			}
		})
	}
	wg.Wait()
	if n := store.Reserved(); n != 0 || l.Stats() != (memory.Stats{}) {
		t.Errorf("%d bytes reserved, %+v, and nothing is held", n, l.Stats())
	}
	for _, p := range bodies {
		l.Pin(p)
	}
	if n := store.Reserved(); n != 111 {
		t.Errorf("%d bytes reserved, 111 linger", n)
	}
}

func BenchmarkPinUnpin(b *testing.B) {
	l, p := memory.New(&plain{limit: 1 << 20}, 1<<20), body(1000)
	l.Stored(p)
	for b.Loop() {
		l.Pin(p)
		l.Unpin(p)
	}
}

// BenchmarkPinUnpinLingering is with two changes of the cache's reservation.
func BenchmarkPinUnpinLingering(b *testing.B) {
	l, _ := onCache(b, 1<<20)
	p := body(1000)
	for b.Loop() {
		l.Pin(p)
		l.Unpin(p)
	}
}
