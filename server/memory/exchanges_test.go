package memory_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/server/memory"
)

// TestExchanges: those in progress take half of the limit at most, with the text
// of their requests, though the rest is empty, and what others hold counts.
func TestExchanges(t *testing.T) {
	const limit = 20 * memory.ExchangeBytes
	store := &plain{limit: limit}
	l := memory.New(store, limit)
	var causes []memory.Cause
	var connections []*memory.Share
	// begin is the first of a connection.
	begin := func(n int64) bool {
		s := l.Share()
		connections = append(connections, s)
		return s.Begin(n)
	}
	l.Watch(func(c memory.Cause) { causes = append(causes, c) })
	for i := range 5 {
		if !begin(memory.ExchangeBytes) {
			t.Fatalf("exchange %d, which counts for two, is refused", i)
		}
	}
	if begin(0) {
		t.Error("one is let in beyond half of the limit")
	}
	connections[0].End(memory.ExchangeBytes)
	let := 0
	for range 3 {
		if begin(0) {
			let++
		}
	}
	if let != 2 {
		t.Error("the room of one with as much text again is not that of two without")
	}
	if n := store.Reserved(); n != limit/2 {
		t.Errorf("%d bytes are reserved, want %d", n, limit/2)
	}
	connections[6].End(0)
	if !l.Take(limit / 2) {
		t.Error("the other half is not there for others")
	}
	if !begin(0) {
		t.Error("there is room, and an exchange is refused")
	}
	connections[len(connections)-1].End(0)
	if !l.Take(memory.ExchangeBytes) || l.Take(1) || begin(0) {
		t.Error("an exchange is let in if nothing is left")
	}
	want := []memory.Cause{memory.Exchanges, memory.Exchanges, memory.Full, memory.Full, memory.Exchanges}
	if !slices.Equal(causes, want) {
		t.Errorf("reported %v, want %v", causes, want)
	}
}

// crowd is a connection that takes all that it gets, in exchanges of a kibibyte of
// request.
type crowd struct {
	ledger *memory.Ledger
	share  *memory.Share
	held   []*waiter // in the order in which they began
	text   int64     // bytes of a request
	cut    int
	slow   bool // what is cut ends when the test ends it
}

const crowdBytes = 1 << 10

// crowded has room for so many exchanges of crowds.
func crowded(exchanges int64) *memory.Ledger {
	limit := 2 * exchanges * (memory.ExchangeBytes + crowdBytes)
	return memory.New(&plain{limit: limit}, limit)
}

// waiter is an exchange of a crowd.
type waiter struct {
	crowd  *crowd
	ticket *memory.Ticket
}

func newCrowd(l *memory.Ledger) *crowd { return &crowd{ledger: l, share: l.Share(), text: crowdBytes} }

// take begins n exchanges at most, and returns how many were refused.
func (c *crowd) take(n int) (refused int) {
	for range n {
		if !c.share.Begin(c.text) {
			refused++
			continue
		}
		w := &waiter{crowd: c}
		w.ticket = c.share.Join(w, c.text, time.Now())
		c.held = append(c.held, w)
	}
	return refused
}

func (w *waiter) Cut(t *memory.Ticket) {
	c := w.crowd
	c.cut++
	t.Leave()
	if !c.slow {
		c.end(slices.Index(c.held, w), 1)
	}
}

// end ends n exchanges from the i-th on.
func (c *crowd) end(i, n int) {
	for _, w := range c.held[i : i+n] {
		w.ticket.Leave()
		c.share.End(c.text)
	}
	c.held = slices.Delete(c.held, i, i+n)
}

// pass lets so much time pass that others may be cut again.
func pass() { time.Sleep(50 * time.Millisecond) }

// TestShares: of connections that come one after the other and take all that they get,
// each comes to have its share at least, and one that needs less is never refused.
func TestShares(t *testing.T) {
	const room = 1600
	for _, greedy := range []int{1, 2, 7, 50, 400} {
		synctest.Test(t, func(t *testing.T) {
			l := crowded(room)
			all := make([]*crowd, greedy)
			for i := range all {
				all[i] = newCrowd(l)
				all[i].take(1000)
			}
			modest := newCrowd(l)
			refused := 0
			for i := range 400 {
				pass()
				n := modest.take(2)
				if i >= 200 { // before, they come to have their shares
					refused += n
				}
				for _, c := range all {
					c.take(20)
				}
				modest.end(0, len(modest.held))
			}
			if refused > 0 || modest.cut > 0 {
				t.Errorf("beside %d the modest one was refused %d times, and cut %d", greedy, refused, modest.cut)
			}
			fair := room * 15 / 16 / (greedy + 1)
			if greedy == 1 {
				fair = 1000 // it needs no more
			}
			for i, c := range all {
				if len(c.held) < fair-1 {
					t.Errorf("connection %d of %d has %d exchanges, want %d", i, greedy, len(c.held), fair)
				}
				c.end(0, len(c.held))
			}
			if s := l.Stats(); s.Arriving != 0 || s.Senders != 0 {
				t.Errorf("after all have ended: %+v", s)
			}
		})
	}
}

// TestShareAlone: a connection may have all but the last eighth, and nothing of it is cut
// while the others need no more than a sixteenth.
func TestShareAlone(t *testing.T) {
	l := crowded(1600)
	alone, other := newCrowd(l), newCrowd(l)
	if alone.take(2000); len(alone.held) != 1400 {
		t.Errorf("it has %d of 1,600, want 1,400", len(alone.held))
	}
	newest := alone.held[1399]
	if refused := other.take(100); refused > 0 || alone.cut > 0 {
		t.Errorf("another was refused %d times, and %d were cut for it", refused, alone.cut)
	}
	if refused := other.take(1); refused > 0 || alone.cut != 1 {
		t.Errorf("beyond a sixteenth another was refused %d times, and %d were cut for it, want one", refused, alone.cut)
	}
	if !newest.ticket.Shed() {
		t.Error("it was not the newest, or for another reason")
	}
}

// TestOnePage: at the default of cache-bytes the 10,000 requests of fifty connections for
// one page may all wait for it, and none is cut for another.
func TestOnePage(t *testing.T) {
	const limit = 256 << 20
	l := memory.New(&plain{limit: limit}, limit)
	connections := make([]*crowd, 50)
	for i := range connections {
		connections[i] = newCrowd(l)
		connections[i].text = 256
	}
	for n := range 200 {
		for i, c := range connections {
			if refused := c.take(1); refused+c.cut > 0 {
				t.Fatalf("request %d of connection %d is refused, or another cut for it", n, i)
			}
		}
	}
}

// TestShedsWhatHelps: what is cut of whom, when others need room: here of 1,600, beside
// connections that have one exchange each, as those of HTTP/1.1 do.
func TestShedsWhatHelps(t *testing.T) {
	for _, tt := range []struct {
		name           string
		take, answered int
		also           int64 // exchanges' worth of content that is held with the last
		others         int
		cut            int
	}{
		{"one that has several has one in the end, if the others have one each", 3, 0, 0, 1500, 2},
		{"a last one that waits is not cut, if it is more than is fair", 1, 0, 300, 1120, 0},
		{"answers that have begun are not cut", 1000, 1000, 0, 510, 0},
		{"those that wait are", 1000, 800, 0, 510, 10},
		{"but for the last one", 1000, 994, 0, 510, 5},
		{"as long as fifteen sixteenths are not taken none is", 1000, 0, 0, 500, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := crowded(1600)
			c := newCrowd(l)
			c.take(tt.take)
			if !c.share.Hold(tt.also * (memory.ExchangeBytes + crowdBytes)) {
				t.Fatal("no room")
			}
			for _, w := range c.held[:tt.answered] {
				w.ticket.Answered()
			}
			for i := range tt.others {
				if !l.Share().Begin(crowdBytes) {
					t.Fatalf("%s: the first exchange of connection %d is refused", tt.name, i)
				}
				if i >= 500-1 {
					pass() // each of those beyond fifteen sixteenths is a reason to cut
				}
			}
			if c.cut != tt.cut {
				t.Errorf("%s: %d were cut, want %d", tt.name, c.cut, tt.cut)
			}
		})
	}
}

// TestRefusedShedsNothing: a request that is refused needs no room.
func TestRefusedShedsNothing(t *testing.T) {
	l := crowded(1600)
	c := newCrowd(l)
	c.take(1400)
	if c.share.Begin(300 * memory.ExchangeBytes) {
		t.Error("it is not refused")
	}
	if c.cut > 0 {
		t.Errorf("%d were cut for it", c.cut)
	}
}

// TestShedTakesItsTime: exchanges that have been cut and go on for a while leave none to
// their connection but its fair share of those that live, and it may begin others when they
// have ended.
func TestShedTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fair = 1600 * 15 / 16 / 51 // with fifty others
		l := crowded(1600)
		c := newCrowd(l)
		c.slow = true
		c.take(1400)
		others := make([]*crowd, 50)
		for i := range others {
			others[i] = newCrowd(l)
			others[i].take(8)
		}
		for range 100 {
			pass()
			others[0].take(1)
		}
		if live := len(c.held) - c.cut; live < fair || c.cut == 0 {
			t.Errorf("%d live, %d were cut, and its share is %d", live, c.cut, fair)
		}
		c.end(0, len(c.held))
		if refused := c.take(100); refused > 0 {
			t.Errorf("%d are refused when those have ended", refused)
		}
	})
}

// TestPin: a sender that joined without a body pins one later, and counts from
// then on as one that begins to send it.
func TestPin(t *testing.T) {
	l := memory.New(&plain{limit: 1000}, 1000)
	p := body(300)
	l.Stored(p)
	s := &peer{}
	s.ticket = l.Join(s, nil, time.Now().Add(-time.Hour))
	s.ticket.Pin(p, time.Now())
	old := join(l, nil)
	if !old.ticket.Take(150) {
		t.Fatal("no room")
	}
	l.Evicted(p)
	if n := l.Stats().Lingering; n != 300 {
		t.Errorf("%d bytes linger, 300 are pinned", n)
	}
	time.Sleep(2 * time.Millisecond) // beyond the least age
	if !old.ticket.Take(60) {
		t.Fatal("no room")
	}
	if s.cut()+old.cut() != 1 {
		t.Errorf("cut %d and %d times: beyond half one has to go", s.cut(), old.cut())
	}
	s.ticket.Leave()
	old.ticket.Leave()
	s.ticket.Pin(p, time.Now())
	if s := l.Stats(); s.Lingering != 0 || s.Buffered != 0 {
		t.Errorf("after all left: %+v", s)
	}
}

// TestHold: what is in use already is counted though it does not fit, and the
// slowest go for it.
func TestHold(t *testing.T) {
	l := memory.New(&plain{limit: 1000}, 1000)
	slow, other := join(l, body(400)), join(l, nil)
	if !l.Take(600) {
		t.Fatal("no room")
	}
	other.ticket.Hold(50)
	if s := l.Stats(); s.Buffered != 50 || slow.cut() != 1 || other.cut() != 0 {
		t.Errorf("%+v; cut %d and %d times, want the one that frees most", s, slow.cut(), other.cut())
	}
	other.ticket.Leave()
	other.ticket.Hold(50)
	slow.ticket.Leave()
	if s := l.Stats(); s.Buffered != 0 || s.Arriving != 600 {
		t.Errorf("after all left: %+v", s)
	}
}

// TestNil: a server without a ledger counts nothing and refuses nothing.
func TestNil(t *testing.T) {
	var l *memory.Ledger
	share := l.Share()
	if !share.Begin(1 << 60) {
		t.Error("an exchange is refused")
	}
	share.End(1 << 60)
	ticket := l.Join(&peer{}, body(1), time.Now())
	if ticket != nil || !ticket.Take(1<<60) {
		t.Error("output is refused")
	}
	ticket.Pin(body(1), time.Now())
	ticket.Hold(1)
	ticket.Moved(1)
	ticket.Give(1)
	ticket.Leave()
}

// BenchmarkBeginEnd: an exchange of a connection that has no other, which enters and
// leaves the list of those that have any, and of one that has.
func BenchmarkBeginEnd(b *testing.B) {
	for _, other := range []bool{false, true} {
		b.Run(fmt.Sprintf("other=%v", other), func(b *testing.B) {
			const limit = 64 << 20
			l := memory.New(&plain{limit: limit}, limit)
			b.RunParallel(func(pb *testing.PB) {
				s := l.Share()
				if other && !s.Begin(0) {
					b.Fatal("no room")
				}
				for pb.Next() {
					if !s.Begin(0) {
						b.Fatal("no room")
					}
					s.End(0)
				}
			})
		})
	}
}
