package memory_test

import (
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/server/memory"
)

// plain is a store without entries.
type plain struct {
	mu              sync.Mutex
	limit, reserved int64
}

func (p *plain) Reserve(n int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reserved+n > p.limit {
		return false
	}
	p.reserved += n
	return true
}

func (p *plain) ForceReserve(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reserved += n
}

func (p *plain) Trim() (bool, int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return false, max(p.reserved-p.limit, 0)
}

func (p *plain) Release(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reserved -= n
	if p.reserved < 0 {
		panic("released more than was reserved")
	}
}

func (p *plain) Used() int64 { return p.Reserved() }

func (p *plain) Reserved() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reserved
}

// peer is a sender that leaves when the test says so, or at once when it is cut.
type peer struct {
	mu     sync.Mutex
	ticket *memory.Ticket
	cuts   int
	atOnce bool
}

func (p *peer) Cut(t *memory.Ticket) {
	p.mu.Lock()
	p.cuts++
	p.mu.Unlock()
	if p.atOnce {
		t.Leave()
	}
}

func (p *peer) cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}

func join(l *memory.Ledger, p *memory.Pins) *peer {
	s := &peer{}
	s.ticket = l.Join(s, p, time.Now())
	return s
}

func body(size int64) *memory.Pins {
	p := &memory.Pins{}
	p.SetSize(size)
	return p
}

// onCache makes a ledger on a cache of bodies, whose evictions it is given.
func onCache(t testing.TB, limit int64) (*memory.Ledger, *cache.Cache[*memory.Pins]) {
	t.Helper()
	var l *memory.Ledger
	c, err := cache.New(cache.Config[*memory.Pins]{Entries: 1 << 20, Bytes: limit,
		OnEvict: func(_ string, p *memory.Pins, _ cache.Reason) { l.Evicted(p) }})
	if err != nil {
		t.Fatal(err)
	}
	l = memory.New(c, limit)
	return l, c
}
