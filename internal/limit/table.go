package limit

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// Table holds the words of buckets by name, in memory whose size is fixed. The
// name is a hash of 64 bits with a secret seed, so no client can choose which names
// share a set. Safe for concurrent use; it allocates nothing once it is made.
//
// # What leaves
//
// A name has its place in one set of eight. If all are taken, the name with the
// smallest word leaves: first those whose bucket is full again, of which nothing
// is lost, and which are nearly all if the table is as large as there are clients
// in the time that a bucket needs to fill. Otherwise it is the one whose bucket
// is full the soonest: of buckets of one kind the fullest, which is given the
// least.
//
// So a name whose bucket is empty stays while there is another in the set whose
// bucket is full sooner. To get rid of its own name, a client needs eight others
// in the same set that are full later, and which those are is not known: it has to
// use eight times as many names as there are sets, which is as many as the table
// has places. A client with so many names is not bound by the limit of one.
type Table struct {
	sets    []set
	locks   [lockCount]paddedMutex // for new names in a set
	used    atomic.Int64
	evicted atomic.Uint64
}

const (
	// ways is how many names share a set: their hashes are one cache line, and
	// their words the next.
	ways = 8

	// lockCount is how many names can be added at once. A lock is held for two
	// cache lines.
	lockCount = 64

	// spare is how many places there are for each name that is asked for. With
	// half of them taken, one name in a hundred finds its set full.
	spare = 2
)

type set struct {
	names [ways]atomic.Uint64 // 0: free
	words [ways]atomic.Int64
}

// paddedMutex has a cache line of its own.
type paddedMutex struct {
	sync.Mutex
	_ [56]byte
}

// NewTable makes a table for so many names at once, and more if that is no power
// of two.
func NewTable(names int) *Table {
	n := 1
	for n*ways < spare*names {
		n *= 2
	}
	return &Table{sets: make([]set, n)}
}

// TableBytes is how much memory a table for so many names takes.
func TableBytes(names int) int64 {
	n := int64(unsafe.Sizeof(set{}))
	for n/int64(unsafe.Sizeof(set{}))*ways < int64(spare*names) {
		n *= 2
	}
	return n
}

// Take takes a token from the bucket of name at now, in ns from any moment on,
// and reports whether there was one.
func (t *Table) Take(name uint64, b Bucket, now int64) bool {
	name = max(name, 1) // 0 is a free place
	s := &t.sets[name&uint64(len(t.sets)-1)]
	for i := range s.names {
		if s.names[i].Load() == name {
			// Should the place have become another name's by now, that one has
			// a token less, or this one a token more.
			return b.takeFrom(&s.words[i], now)
		}
	}
	return t.add(s, name, b, now)
}

// takeFrom is Take on a word that others change as well.
func (b Bucket) takeFrom(word *atomic.Int64, now int64) bool {
	for {
		old := word.Load()
		next, ok := b.Take(old, now)
		if !ok {
			return false
		}
		if word.CompareAndSwap(old, next) {
			return true
		}
	}
}

// add takes a token for a name that has no place yet.
func (t *Table) add(s *set, name uint64, b Bucket, now int64) bool {
	lock := &t.locks[name&uint64(len(t.sets)-1)%lockCount]
	lock.Lock()
	defer lock.Unlock()
	place := 0
	for i := range s.names {
		switch s.names[i].Load() {
		case name: // another goroutine was faster
			return b.takeFrom(&s.words[i], now)
		case 0: // those behind are free, too
			t.used.Add(1)
			return s.put(i, name, b, now)
		}
		if s.words[i].Load() < s.words[place].Load() {
			place = i
		}
	}
	if s.words[place].Load() > now {
		t.evicted.Add(1)
	}
	return s.put(place, name, b, now)
}

// put gives a place to a name, whose bucket is full.
func (s *set) put(place int, name uint64, b Bucket, now int64) bool {
	word, ok := b.Take(now, now)
	s.words[place].Store(word)
	s.names[place].Store(name)
	return ok
}

// Used is how many places are taken, also by names whose bucket is full again.
func (t *Table) Used() int64 { return t.used.Load() }

// Evicted is how many names have left whose bucket was not full.
func (t *Table) Evicted() uint64 { return t.evicted.Load() }
