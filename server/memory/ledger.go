package memory

import (
	"sync/atomic"
	"time"
)

// Store is what the ledger needs of the cache; see package cache for each.
type Store interface {
	Reserve(n int64) bool
	ForceReserve(n int64) (over int64)
	Release(n int64)
	Reserved() int64
}

// Ledger counts the server's memory; see the package comment. [New] makes one.
type Ledger struct {
	store Store
	limit int64

	lingering atomic.Int64  // bytes; see Pins
	buffered  atomic.Int64  // bytes
	wanted    atomic.Int64  // bytes that a Take could not have
	chances   atomic.Uint64 // rises when there may be a sender more that helps
	cuts      atomic.Uint64

	marks   atomic.Int64 // calls of settle since the one at work last looked
	settled              // that one's

	senders senders
}

// settled is what only the goroutine that settles reads and writes.
type settled struct {
	reserved int64  // bytes of the store's reservation that are for what lingers
	barren   uint64 // chances before the last look that found too few senders
}

// New makes a ledger on top of store, whose limit is limit bytes. All that is
// reserved in store goes through the ledger.
func New(store Store, limit int64) *Ledger {
	return &Ledger{store: store, limit: limit}
}

// Take counts n bytes that are about to be received or made, and reports false,
// counting nothing, if they do not fit even into a cache without entries. The
// slowest senders are then cut if that makes room for a later Take; the caller
// refuses what it was about to do (503), or waits.
func (l *Ledger) Take(n int64) bool {
	if l.store.Reserve(n) {
		return true
	}
	missing := l.store.Reserved() + n - l.limit
	if missing > 0 && missing <= l.lingering.Load()+l.buffered.Load() {
		l.wanted.Store(missing)
		l.settle()
	}
	return false
}

// Give takes n bytes back out of the count. What became an entry's, by the
// cache's SetReserved, is not given.
func (l *Ledger) Give(n int64) { l.store.Release(n) }

// Stats are bytes by kind, but for what the cache stores, and counts since the
// ledger was made.
type Stats struct {
	Arriving  int64 // taken from the ledger
	Lingering int64 // bodies that are still being sent, though no entry holds them
	Buffered  int64 // output, taken from a ticket
	Senders   int   // that have joined and not left
	Cuts      uint64
}

// Stats reads one count after the other: what happens meanwhile may be in some
// of them.
func (l *Ledger) Stats() Stats {
	s := Stats{
		Lingering: max(l.lingering.Load(), 0),
		Buffered:  max(l.buffered.Load(), 0),
		Senders:   l.senders.len(),
		Cuts:      l.cuts.Load(),
	}
	s.Arriving = max(l.store.Reserved()-s.Lingering-s.Buffered, 0)
	return s
}

// settle has the store's reservation follow what lingers, and cuts senders if
// too much is held. If another goroutine, or a caller of this one, is at it, that
// one looks again; so it may be called from within the store and from Cut.
func (l *Ledger) settle() {
	if l.marks.Add(1) > 1 {
		return
	}
	for {
		marks := l.marks.Load()
		if need := l.follow(); need > 0 {
			l.cut(need)
		}
		if l.marks.CompareAndSwap(marks, 0) {
			return
		}
	}
}

// follow makes the store's reservation what lingers, and returns how many bytes
// senders hold too many. Called by settle alone.
func (l *Ledger) follow() (need int64) {
	lingering := max(l.lingering.Load(), 0)
	grown := lingering - l.settled.reserved
	l.settled.reserved = lingering
	if grown < 0 {
		l.store.Release(-grown)
	}
	over := l.store.ForceReserve(max(grown, 0))
	return max(over, l.heldBeyondHalf(), l.wanted.Swap(0))
}

// heldBeyondHalf is by how much what senders hold exceeds half of the limit.
func (l *Ledger) heldBeyondHalf() int64 {
	return l.lingering.Load() + l.buffered.Load() - l.limit/2
}

// cut cuts senders that hold need bytes together, those included that have been
// cut and not left yet. Called by settle alone.
func (l *Ledger) cut(need int64) {
	chances := l.chances.Load()
	if l.settled.barren == chances+1 {
		return // none was left the last time, and none came since
	}
	missing := need - l.senders.freeing()
	if missing <= 0 {
		return
	}
	// A bit more at once, so that not every byte beyond is another look at
	// all senders.
	missing += l.limit / 64
	candidates := l.senders.candidates(time.Now())
	chosen := choose(candidates, missing)
	if len(chosen) == len(candidates) {
		l.settled.barren = chances + 1
	}
	chosen = l.senders.mark(chosen)
	l.cuts.Add(uint64(len(chosen)))
	for _, c := range chosen {
		c.ticket.sender.Cut(c.ticket)
	}
}
