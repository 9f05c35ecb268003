package memory_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/server/memory"
)

// TestEvictionsChain evicts a hundred thousand bodies, each of which a stream
// sends: an eviction that frees nothing evicts the next, and so on to the last.
func TestEvictionsChain(t *testing.T) {
	const n = 100_000
	limit := int64(n * (cache.EntryOverhead + 1000 + 8))
	l, c := onCache(t, limit)
	for i := range n {
		p := body(1000)
		l.Stored(p)
		if !c.Set(fmt.Sprintf("%08d", i), p, 1000, never) {
			t.Fatal("not stored")
		}
		l.Pin(p)
	}
	if c.Len() != n || l.Stats().Lingering != 0 {
		t.Fatalf("%d entries, %+v", c.Len(), l.Stats())
	}
	if !l.Take(limit - n*1000) {
		t.Error("no room, though overhead alone leaves enough")
	}
	if c.Len() != 0 || l.Stats().Lingering != n*1000 || c.Used() != limit {
		t.Errorf("%d entries, %d of %d bytes used, %+v", c.Len(), c.Used(), limit, l.Stats())
	}
}

// TestRace has fetches, sends and cuts on many goroutines: the limit is exceeded
// by what Sets under way store at most, and in the end nothing is held.
func TestRace(t *testing.T) {
	const (
		limit           = 1 << 20
		workers, rounds = 8, 2000
		largest         = limit / 32
	)
	l, c := onCache(t, limit)
	var wg sync.WaitGroup
	var twice sync.Map // peers by cuts
	// Slow ones from the beginning: what lingers is near half of the limit all the
	// time, however the workers take turns.
	var slow []*peer
	for range 9 {
		p := body(limit / 16)
		l.Stored(p)
		slow = append(slow, join(l, p))
		l.Evicted(p)
	}
	for w := range workers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 0))
			var open []*peer
			for range rounds {
				switch random.IntN(3) {
				case 0:
					n := random.Int64N(largest)
					if !l.Take(n) {
						break
					}
					p := body(n)
					l.Stored(p)
					s := join(l, p)
					if !c.SetReserved(strconv.Itoa(random.IntN(100)), p, n, never, n) {
						l.Give(n)
						l.Evicted(p)
					}
					open = append(open, s)
				case 1:
					if p, ok := c.Get(strconv.Itoa(random.IntN(100)), time.Time{}); ok {
						open = append(open, join(l, p))
					}
				case 2:
					if len(open) > 0 {
						s := open[random.IntN(len(open))]
						s.ticket.Moved(1000)
						if s.ticket.Take(100) && random.IntN(2) == 0 {
							s.ticket.Give(100)
						}
					}
				}
				open = slices.DeleteFunc(open, func(s *peer) bool {
					cuts := s.cut()
					if cuts > 1 {
						twice.Store(s, cuts)
					}
					if cuts == 0 && random.IntN(50) > 0 {
						return false
					}
					s.ticket.Leave()
					return true
				})
				if used := c.Used(); used > limit+2*workers*largest {
					t.Errorf("%d of %d bytes used", used, limit)
				}
			}
			for _, s := range open {
				s.ticket.Leave()
			}
		})
	}
	wg.Wait()
	for _, s := range slow {
		if cuts := s.cut(); cuts > 1 {
			twice.Store(s, cuts)
		}
		s.ticket.Leave()
	}
	twice.Range(func(_, cuts any) bool {
		t.Errorf("a sender was cut %d times", cuts)
		return true
	})
	s := l.Stats()
	if s.Cuts == 0 {
		t.Error("no sender was cut: the test is too easy")
	}
	s.Cuts = 0
	if s != (memory.Stats{}) || c.Reserved() != 0 {
		t.Errorf("%+v, %d bytes reserved, and nothing is held", s, c.Reserved())
	}
	c.Purge()
	if c.Used() != 0 {
		t.Errorf("%d bytes used", c.Used())
	}
}

// TestEntriesThatAreSentStay: slow senders of all that is stored do not have all
// of it evicted for one more body. When what lingers is half of the limit, senders
// are cut, and what those free on their way is room enough.
func TestEntriesThatAreSentStay(t *testing.T) {
	l, c := onCache(t, 64*mib)
	var peers []*peer
	for i := range 7 {
		p, ok := store(l, c, strconv.Itoa(i))
		if !ok {
			t.Fatal("no room")
		}
		peers = append(peers, join(l, p))
	}
	if _, ok := store(l, c, "one more"); !ok {
		t.Fatal("no room for one more")
	}
	if n := c.Len(); n < 2 {
		t.Errorf("%d of 8 entries are left", n)
	}
	for _, p := range peers {
		if p.cut() > 0 {
			p.ticket.Leave()
		}
	}
	if s := l.Stats(); c.Used() > 64*mib || s.Lingering > 32*mib || c.Len() < 2 {
		t.Errorf("%d bytes used, %d entries, %+v, when those that were cut have left", c.Used(), c.Len(), s)
	}
}

// TestLargeBodiesCollect expects the room for a large body to be collected before
// it is used, and that for a small one not to be.
func TestLargeBodiesCollect(t *testing.T) {
	l := memory.New(&plain{limit: 64 << 20}, 64<<20)
	collections := func(n int64) uint32 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if !l.TakeSpare(n) {
			t.Fatalf("no room for %d bytes", n)
		}
		runtime.ReadMemStats(&after)
		l.Give(n)
		return after.NumForcedGC - before.NumForcedGC
	}
	if got := collections(4<<20 - 1); got != 0 {
		t.Errorf("%d collections for a small body", got)
	}
	if got := collections(4 << 20); got != 1 {
		t.Errorf("%d collections for a large body, want 1", got)
	}
}
