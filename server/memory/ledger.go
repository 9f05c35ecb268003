package memory

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Store is what the ledger needs of the cache; see there for each. Reserve and Trim
// may call the ledger, the others call nothing.
type Store interface {
	Reserve(n int64) bool
	ForceReserve(n int64)
	Trim() (evicted bool, over int64)
	Release(n int64)
	Reserved() int64
	Used() int64
}

// Ledger counts the server's memory; see the package comment. [New] makes one.
type Ledger struct {
	store Store
	limit int64

	aside       atomic.Int64 // bytes; see SetAside
	charged     atomic.Int64 // bytes; see Charge
	lingering   atomic.Int64 // bytes; see Pins
	buffered    atomic.Int64 // bytes
	wanted      atomic.Int64 // bytes that a Take could not have
	slowAt      atomic.Int64 // when slow senders were last looked for, UnixNano
	exchanges   atomic.Int64 // bytes; see Share
	connections atomic.Int64 // that have exchanges
	shedAt      atomic.Int64 // when exchanges were last cut for others, UnixNano
	cuts        atomic.Uint64
	watch       func(Cause)

	// exhausted is set while all senders that would help have been cut.
	exhausted atomic.Bool

	marks atomic.Int64 // calls of settle since the one at work last looked

	following sync.Mutex
	reserved  int64 // bytes reserved in store for what lingers, under following

	senders senders
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
	l.report(Full)
	return false
}

// largeBody is from how many bytes on a collection takes less time than the
// body's way through us, some ms.
const largeBody = 4 << 20

// TakeSpare is Take for a body that could be stored, and is no harm if it is not:
// no sender is cut for it that reads as fast as [slow]. A large one is refused
// while bodies that no entry holds take a quarter of the limit: the entries that
// it would evict are probably being sent as well, and would go on taking their
// memory. Senders that are slow are cut for the next, so that a few of them do not
// keep large bodies from being stored.
func (l *Ledger) TakeSpare(n int64) bool {
	if n >= largeBody/4 {
		if over := l.lingering.Load() - l.usable()/4; over > 0 {
			l.cutSlow(over, time.Now())
			return false
		}
	}
	if !l.store.Reserve(n) {
		return false
	}
	if n >= largeBody {
		runtime.GC() // what was evicted for n bytes gives way before they are taken
	}
	return true
}

// SetAside takes n bytes of the limit for what the runtime holds beside what is
// counted; a call replaces the one before. Calls must not overlap.
func (l *Ledger) SetAside(n int64) {
	more := n - l.aside.Swap(n)
	if more <= 0 {
		l.store.Release(-more)
		return
	}
	l.store.ForceReserve(more)
	l.settle()
}

// Charge counts n bytes more, or less if negative, of what the cache needs beside
// its entries and what cannot be refused: it is taken already.
func (l *Ledger) Charge(n int64) {
	l.charged.Add(n)
	if n <= 0 {
		l.store.Release(-n)
		return
	}
	l.store.ForceReserve(n)
	l.settle()
}

// usable is the limit without what is set aside or charged.
func (l *Ledger) usable() int64 { return l.limit - l.aside.Load() - l.charged.Load() }

// Give takes n bytes back out of the count. What became an entry's, by the
// cache's SetReserved, is not given.
func (l *Ledger) Give(n int64) { l.store.Release(n) }

// Stats are bytes by kind, but for what the cache stores, and counts since the
// ledger was made.
type Stats struct {
	Arriving  int64 // taken from the ledger: bodies that arrive, exchanges
	Aside     int64 // for the runtime: garbage, the holes that it leaves, tables; and what is charged
	Lingering int64 // bodies that are still being sent, though no entry holds them
	Buffered  int64 // output, taken from a ticket
	Senders   int   // that have joined and not left
	Cuts      uint64
}

// Stats reads one count after the other: what happens meanwhile may be in some
// of them.
func (l *Ledger) Stats() Stats {
	s := Stats{
		Aside:     l.aside.Load() + l.charged.Load(),
		Lingering: max(l.lingering.Load(), 0),
		Buffered:  max(l.buffered.Load(), 0),
		Senders:   l.senders.len(),
		Cuts:      l.cuts.Load(),
	}
	s.Arriving = max(l.store.Reserved()-s.Aside-s.Lingering-s.Buffered, 0)
	return s
}

// follow makes the store's reservation what lingers. Under a lock, for a body may
// begin and cease to linger at once, and must be reserved before it is released.
func (l *Ledger) follow() {
	l.following.Lock()
	defer l.following.Unlock()
	lingering := max(l.lingering.Load(), 0)
	if n := lingering - l.reserved; n > 0 {
		l.store.ForceReserve(n)
	} else {
		l.store.Release(-n)
	}
	l.reserved = lingering
}

// settle evicts, and cuts senders, if more is held than may be. If another
// goroutine, or a caller of this one, is at it, that one looks again; so it may
// be called from within the store's Trim and from Cut.
func (l *Ledger) settle() {
	if l.marks.Add(1) > 1 {
		return
	}
	for {
		marks := l.marks.Load()
		l.cut(max(l.heldBeyondHalf(), l.wanted.Swap(0)))
		var evicted bool
		var over int64
		// What the cut senders free is on its way: when they have left this is
		// called again. Entries that are sent themselves would all be
		// evicted for it, and free nothing.
		if l.store.Used()-l.limit > l.senders.freeing() {
			evicted, over = l.store.Trim()
		}
		if evicted {
			continue // it may have freed nothing, and be too much that senders hold
		}
		l.cut(over)
		if l.marks.CompareAndSwap(marks, 0) {
			return
		}
	}
}

// heldBeyondHalf is by how much what senders hold exceeds half of what can be
// used.
func (l *Ledger) heldBeyondHalf() int64 {
	return l.lingering.Load() + l.buffered.Load() - l.usable()/2
}

// cut cuts senders that hold need bytes together, those included that have been
// cut and not left yet. Called by settle alone.
func (l *Ledger) cut(need int64) {
	if need <= 0 {
		return
	}
	missing := need - l.senders.freeing()
	if missing <= 0 {
		return
	}
	// Set before looking, so that none is overlooked that comes meanwhile.
	if l.exhausted.Swap(true) {
		return
	}
	// A bit more at once, so that not every byte beyond is another look at
	// all senders.
	missing += l.limit / 64
	candidates := l.senders.candidates(time.Now())
	chosen := choose(candidates, missing)
	if len(chosen) < len(candidates) {
		l.exhausted.Store(false)
	}
	l.cutAll(chosen)
}

// slow is the rate, in bytes per second, below which a sender is no reason not to
// store a body: 8 MiB take two minutes with it.
const slow = 64 << 10

// slowEvery is how often slow senders are looked for: a look passes all.
const slowEvery = 100 * time.Millisecond

// cutSlow cuts slow senders that hold need bytes together.
func (l *Ledger) cutSlow(need int64, now time.Time) {
	last := l.slowAt.Load()
	if now.UnixNano()-last < int64(slowEvery) || !l.slowAt.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	if need -= l.senders.freeing(); need <= 0 {
		return
	}
	candidates := l.senders.candidates(now)
	l.cutAll(choose(slices.DeleteFunc(candidates, func(c candidate) bool { return c.rate >= slow }), need))
}

// cutAll cuts those of chosen that have not left.
func (l *Ledger) cutAll(chosen []candidate) {
	if n := l.senders.cut(chosen); n > 0 {
		l.cuts.Add(uint64(n))
		l.report(Cut)
	}
}

// oneMore notes that there is another sender that would help, and reports whether
// one was missing.
func (l *Ledger) oneMore() bool {
	return l.exhausted.Load() && l.exhausted.Swap(false)
}
