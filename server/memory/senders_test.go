package memory_test

import (
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/server/memory"
)

var never time.Time

const mib = 1 << 20

// store puts a body of 8 MiB under key, as a fetch does: taken, then stored.
func store(l *memory.Ledger, c *cache.Cache[*memory.Pins], key string) (*memory.Pins, bool) {
	p := body(8 * mib)
	if !l.Take(8 * mib) {
		return nil, false
	}
	l.Stored(p)
	if !c.SetReserved(key, p, 8*mib, never, 8*mib) {
		l.Give(8 * mib)
		l.Evicted(p)
	}
	return p, true
}

// TestZeroWindows is 133 streams, each on another stored file of 8 MiB, in a
// cache of 64 MiB: none of them reads. What they hold stays within the limit,
// and the oldest of them are cut for the newer ones, each once. What others ask
// for all the time stays stored.
func TestZeroWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 64 * mib
		l, c := onCache(t, limit)
		var peers []*peer
		for i := range 15 {
			p := body(mib)
			l.Stored(p)
			c.Set(fmt.Sprint("popular", i), p, mib, never)
		}
		for i := range 133 {
			p, ok := store(l, c, strconv.Itoa(i))
			if !ok {
				t.Fatalf("stream %d: no room for its file", i)
			}
			s := &peer{atOnce: true}
			s.ticket = l.Join(s, p, time.Now())
			peers = append(peers, s)
			for i := range 15 {
				if _, ok := c.Get(fmt.Sprint("popular", i), time.Time{}); !ok {
					t.Fatalf("stream %d: popular file %d is gone", len(peers), i)
				}
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if s := l.Stats(); c.Used() > limit || s.Lingering > limit/2 {
				t.Fatalf("stream %d: %d bytes used, %d of them linger", i, c.Used(), s.Lingering)
			}
		}
		s := l.Stats()
		if s.Cuts < 120 || int(s.Cuts) != 133-s.Senders {
			t.Errorf("%+v: want all cut but those within the limit", s)
		}
		for i, p := range peers {
			if want := 1; i < int(s.Cuts) && p.cut() != want || p.cut() > want {
				t.Errorf("stream %d was cut %d times", i, p.cut())
			}
		}
		for _, p := range peers {
			p.ticket.Leave()
		}
		if c.Reserved() != 0 {
			t.Errorf("%d bytes reserved after all left", c.Reserved())
		}
	})
}

// TestWhoIsCut has no room for 100 bytes more, and names what is cut for them.
func TestWhoIsCut(t *testing.T) {
	type sender struct {
		size     int64 // of its body
		stored   bool  // an entry still holds it
		shared   bool  // it is the body of the sender before
		buffered int64
		moved    int
		age      time.Duration
		cut      bool
	}
	for _, tt := range []struct {
		about   string
		senders []sender
	}{
		{"the slowest", []sender{
			{size: 300, moved: 1 << 20, age: time.Minute}, {size: 300, moved: 1 << 10, age: time.Minute, cut: true},
		}},
		{"not one that has just begun", []sender{
			{size: 300, age: time.Second}, {size: 300, moved: 10_000, age: time.Hour, cut: true},
		}},
		{"not one whose body is stored: that would free nothing", []sender{
			{size: 300, stored: true, age: time.Hour}, {size: 300, moved: 1 << 20, age: time.Minute, cut: true}, {size: 300, moved: 1 << 30, age: time.Minute},
		}},
		{"of equally slow ones, that which frees most", []sender{
			{size: 150, age: time.Minute}, {size: 300, age: time.Minute, cut: true}, {size: 200, age: time.Minute},
		}},
		{"buffered output helps as well", []sender{
			{buffered: 300, age: time.Hour, cut: true}, {size: 300, age: time.Second},
		}},
		{"as many as it takes", []sender{
			{size: 60, age: time.Hour, cut: true}, {size: 490, moved: 1 << 30, age: time.Minute}, {size: 80, age: time.Hour, cut: true},
		}},
		{"one of several that send a body frees its share alone", []sender{
			{size: 160, moved: 1 << 30, age: time.Hour, cut: true}, {shared: true, age: time.Hour, cut: true}, {size: 300, moved: 1 << 40, age: time.Hour},
		}},
		{"1/64 of the limit more than it takes, for the bytes that come next", []sender{
			{size: 120, age: time.Hour, cut: true}, {size: 110, age: time.Hour, cut: true}, {size: 100, age: time.Hour},
		}},
		{"none if all together are not enough", []sender{
			{size: 50, age: time.Hour}, {buffered: 40, age: time.Hour},
		}},
	} {
		t.Run(tt.about, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const limit = 2000
				l := memory.New(&plain{limit: limit}, limit)
				var peers []*peer
				var p *memory.Pins
				for _, s := range tt.senders {
					if !s.shared {
						p = body(s.size)
					}
					if s.stored {
						l.Stored(p)
					}
					joined := &peer{}
					joined.ticket = l.Join(joined, p, time.Now().Add(-s.age))
					joined.ticket.Moved(s.moved)
					if !joined.ticket.Take(s.buffered) {
						t.Fatal("no room for output")
					}
					peers = append(peers, joined)
				}
				held := l.Stats().Lingering + l.Stats().Buffered
				if !l.Take(limit - held) {
					t.Fatal("no room for what is not held")
				}
				for range 3 { // the second and third find that enough is on its way
					if l.Take(100) {
						t.Fatal("there is room")
					}
				}
				for i, s := range tt.senders {
					if want := map[bool]int{true: 1}[s.cut]; peers[i].cut() != want {
						t.Errorf("sender %d was cut %d times, want %d", i, peers[i].cut(), want)
					}
				}
				for _, p := range peers {
					p.ticket.Leave()
				}
				if s := l.Stats(); s.Lingering != 0 || s.Buffered != 0 || s.Senders != 0 || s.Arriving != limit-held {
					t.Errorf("after all left: %+v", s)
				}
				if held > 0 && !l.Take(held) {
					t.Error("what was held is not free")
				}
			})
		})
	}
}

// TestHalf: what senders hold may take half of the limit, though the rest is
// empty.
func TestHalf(t *testing.T) {
	l := memory.New(&plain{limit: 1000}, 1000)
	first := join(l, body(300))
	second := join(l, body(200))
	if first.cut()+second.cut() != 0 {
		t.Error("cut at half of the limit")
	}
	third := join(l, nil)
	if !third.ticket.Take(1) {
		t.Error("output is refused: there is room, and others are cut")
	}
	if first.cut() != 1 || second.cut() != 0 || third.cut() != 0 {
		t.Errorf("beyond half %d, %d, %d cut: want the first, which frees most", first.cut(), second.cut(), third.cut())
	}
	if s := l.Stats(); s != (memory.Stats{Lingering: 500, Buffered: 1, Senders: 3, Cuts: 1}) {
		t.Errorf("%+v", s)
	}
}

// TestHalfOfWhatIsUsable: what is set aside is no room for senders.
func TestHalfOfWhatIsUsable(t *testing.T) {
	l := memory.New(&plain{limit: 1000}, 1000)
	p := join(l, body(401))
	if p.cut() != 0 {
		t.Error("cut below half of the limit")
	}
	l.SetAside(200)
	if p.cut() != 1 {
		t.Error("not cut beyond half of what is left of the limit")
	}
	p.ticket.Leave()
	l.SetAside(0)
	if s := l.Stats(); s != (memory.Stats{Cuts: 1}) {
		t.Errorf("%+v after all was given back", s)
	}
}

// TestCutLeavesAtOnce: Cut may call the ledger, as an eviction may.
func TestCutLeavesAtOnce(t *testing.T) {
	l := memory.New(&plain{limit: 1000}, 1000)
	for i := range 10 {
		p := &peer{atOnce: true}
		l.Join(p, body(300), time.Now())
		if s := l.Stats(); s.Lingering > 500 {
			t.Errorf("after %d: %+v", i, s)
		}
	}
	if s := l.Stats(); s.Senders != 1 || s.Cuts != 9 {
		t.Errorf("%+v", s)
	}
}

// TestShareGrows: a body that two send is free when both are gone, so the second
// is cut when the first has left and its bytes are still missing.
func TestShareGrows(t *testing.T) {
	l := memory.New(&plain{limit: 1000}, 1000)
	shared := body(600)
	slow := join(l, shared)
	fast := join(l, nil)
	l.Pin(shared) // a sender that is not registered
	slow.ticket.Leave()
	if n := l.Stats().Lingering; n != 600 {
		t.Errorf("%d bytes linger, 600 are pinned", n)
	}
	last := join(l, shared)
	if slow.cut() != 1 || last.cut() != 1 || fast.cut() != 0 {
		t.Errorf("cut %d, %d, %d times", slow.cut(), last.cut(), fast.cut())
	}
	l.Unpin(shared)
	last.ticket.Leave()
	if s := l.Stats(); s.Lingering != 0 || s.Cuts != 2 {
		t.Errorf("%+v", s)
	}
}

// TestTicketAfterLeave: a handler may write while its stream ends.
func TestTicketAfterLeave(t *testing.T) {
	store := &plain{limit: 1000}
	l := memory.New(store, 1000)
	s := join(l, body(100))
	if !s.ticket.Take(50) || !s.ticket.Take(30) {
		t.Error("no room")
	}
	s.ticket.Give(20)
	if n := store.Reserved(); n != 160 {
		t.Errorf("%d bytes reserved: 100 linger and 60 are buffered", n)
	}
	s.ticket.Leave()
	if s.ticket.Take(10) {
		t.Error("Take after Leave")
	}
	s.ticket.Give(10)
	s.ticket.Leave()
	if n := store.Reserved(); n != 0 || l.Stats() != (memory.Stats{}) {
		t.Errorf("%d bytes reserved, %+v", n, l.Stats())
	}
}

// TestTake: what does not fit is refused and not counted; entries make room.
func TestTake(t *testing.T) {
	l, c := onCache(t, 64*mib)
	for i := range 7 {
		if _, ok := store(l, c, strconv.Itoa(i)); !ok {
			t.Fatalf("body %d is refused", i)
		}
	}
	for _, tt := range []struct {
		n        int64
		ok       bool
		entries  int
		arriving int64
	}{
		{65 * mib, false, 7, 0},
		{24 * mib, true, 4, 24 * mib},
		{41 * mib, false, 4, 24 * mib},
		{40 * mib, true, 0, 64 * mib},
		{1, false, 0, 64 * mib},
	} {
		if ok := l.Take(tt.n); ok != tt.ok || c.Len() != tt.entries || l.Stats().Arriving != tt.arriving {
			t.Errorf("Take(%d) = %t, %d entries, %+v; want %t, %d, %d", tt.n, ok, c.Len(), l.Stats(), tt.ok, tt.entries, tt.arriving)
		}
	}
	l.Give(64 * mib)
	if c.Used() != 0 {
		t.Errorf("%d bytes used after all was given back", c.Used())
	}
}

// TestSetAside: what is set aside is taken from entries, and given back to them.
func TestSetAside(t *testing.T) {
	l, c := onCache(t, 64*mib)
	for i := range 7 {
		store(l, c, strconv.Itoa(i)) // 8 MiB each
	}
	for _, tt := range []struct {
		aside   int64
		entries int
	}{
		{8*mib - 1<<16, 7}, // beside seven bodies
		{24 * mib, 4},
		{4 * mib, 4},
		{32 * mib, 3},
	} {
		l.SetAside(tt.aside)
		if s := l.Stats(); c.Len() != tt.entries || s.Aside != tt.aside || s.Arriving != 0 {
			t.Errorf("with %d set aside: %d entries, %+v; want %d", tt.aside, c.Len(), s, tt.entries)
		}
	}
	if l.Take(33 * mib) {
		t.Error("what is set aside was taken")
	}
	if !l.Take(32 * mib) {
		t.Error("what is not set aside was refused")
	}
}

// TestTakeSpare: no sender is cut for a body that could be stored, and a large
// one is refused while much is sent that nothing stores.
func TestTakeSpare(t *testing.T) {
	l := memory.New(&plain{limit: 64 * mib}, 64*mib)
	first := join(l, body(15*mib))
	if !l.TakeSpare(mib) {
		t.Error("a body is refused, and there is room")
	}
	if l.TakeSpare(49 * mib) {
		t.Error("a body is taken for which there is no room")
	}
	second := join(l, body(2*mib))
	if l.TakeSpare(mib) {
		t.Error("a large body is taken, while a quarter of the limit lingers")
	}
	if !l.TakeSpare(mib - 1) {
		t.Error("a small body is refused")
	}
	if first.cut()+second.cut() != 0 {
		t.Error("a sender was cut")
	}
	if l.Take(49 * mib); first.cut()+second.cut() == 0 {
		t.Error("no sender was cut for what must be")
	}
}

// TestSlowSendersGiveWayToBodies: those that read slowly do not keep large bodies
// from being stored for long, and those that read fast are not cut for them.
func TestSlowSendersGiveWayToBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memory.New(&plain{limit: 64 * mib}, 64*mib)
		crawling, fast := join(l, body(10*mib)), join(l, body(10*mib))
		crawling.atOnce, fast.atOnce = true, true
		time.Sleep(10 * time.Second)
		crawling.ticket.Moved(100 << 10)
		fast.ticket.Moved(8 * mib)
		if l.TakeSpare(mib) {
			t.Error("a large body is taken, while a quarter of the limit lingers")
		}
		if crawling.cut() != 1 || fast.cut() != 0 {
			t.Errorf("the slow sender was cut %d times, the fast one %d; want 1, 0", crawling.cut(), fast.cut())
		}
		if !l.TakeSpare(mib) {
			t.Error("the next is refused, though the slow one has left")
		}
	})
}

func BenchmarkJoinLeave(b *testing.B) {
	l, p := memory.New(&plain{limit: 1 << 40}, 1<<40), body(1000)
	l.Stored(p)
	now := time.Now()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		s := &peer{}
		for pb.Next() {
			l.Join(s, p, now).Leave()
		}
	})
}

func BenchmarkTakeGive(b *testing.B) {
	l, _ := onCache(b, 1<<30)
	t := join(l, nil).ticket
	for b.Loop() {
		t.Take(1000)
		t.Give(1000)
	}
}
