package memory_test

import (
	"slices"
	"testing"
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
	l.Watch(func(c memory.Cause) { causes = append(causes, c) })
	for i := range 5 {
		if !l.Begin(memory.ExchangeBytes) {
			t.Fatalf("exchange %d, which counts for two, is refused", i)
		}
	}
	if l.Begin(0) {
		t.Error("one is let in beyond half of the limit")
	}
	l.End(memory.ExchangeBytes)
	let := 0
	for range 3 {
		if l.Begin(0) {
			let++
		}
	}
	if let != 2 {
		t.Error("the room of one with as much text again is not that of two without")
	}
	if n := store.Reserved(); n != limit/2 {
		t.Errorf("%d bytes are reserved, want %d", n, limit/2)
	}
	l.End(0)
	if !l.Take(limit / 2) {
		t.Error("the other half is not there for others")
	}
	if !l.Begin(0) {
		t.Error("there is room, and an exchange is refused")
	}
	l.End(0)
	if !l.Take(memory.ExchangeBytes) || l.Take(1) || l.Begin(0) {
		t.Error("an exchange is let in if nothing is left")
	}
	want := []memory.Cause{memory.Exchanges, memory.Exchanges, memory.Full, memory.Full, memory.Exchanges}
	if !slices.Equal(causes, want) {
		t.Errorf("reported %v, want %v", causes, want)
	}
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
	if !l.Begin(1 << 60) {
		t.Error("an exchange is refused")
	}
	l.End(1 << 60)
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
