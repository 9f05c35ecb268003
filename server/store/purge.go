package store

import (
	"time"

	"github.com/e0ac7cd4/hotpath/server/purge"
)

// Purges are the rules that what is stored is compared with. They are put in force
// by [Store.Purge].
func (s *Store) Purges() *purge.Rules { return s.purges }

// inForce reports whether an entry is not purged. On the way of a hit it compares
// two numbers.
func (s *Store) inForce(e *Entry, key []byte) bool {
	return e.judged.Load() == s.purges.Last() || e.Response == nil || s.judge(e, key)
}

// judge compares an entry with the purges since it was last compared, does to it
// what they ask for, and reports whether it is still used.
func (s *Store) judge(e *Entry, key []byte) bool {
	since := e.judged.Load()
	if since == gone {
		return false
	}
	v := s.purges.Judge(view(key), e.Tags, since)
	switch v.Effect {
	case purge.Gone:
		e.judged.Store(gone)
		return false
	case purge.Stale:
		e.soften(v.At)
	}
	// Another may have compared it with more by now. One that stores less than
	// there is has it compared once more.
	e.judged.CompareAndSwap(since, v.UpTo)
	return true
}

// Holds reports whether an entry, whose own key is key, is not purged.
func (s *Store) Holds(key string, e *Entry) bool { return s.inForce(e, []byte(key)) }

// admits reports whether no purge is about a response that came after what it
// answers was asked for.
func (s *Store) admits(e *Entry, key string) bool {
	v := s.purges.Judge(key, e.Tags, e.since)
	e.judged.Store(v.UpTo)
	return v.Effect == purge.None
}

// maxRules is how many bytes of rules are kept before they are folded, which is to
// look at all entries: with a million of them, once in 130,000 purges. If
// rules come faster than that, purges wait for it.
const maxRules = 8 << 20

// Purge puts the rules of one purge in force, and returns its number: what they are
// about is not used any more when it returns, or is stale if the purge is soft.
func (s *Store) Purge(soft bool, rules ...purge.Rule) (number uint64) {
	s.charging.Lock()
	number, bytes := s.purges.Add(soft, time.Now(), rules...)
	s.ledger.Charge(bytes)
	s.charging.Unlock()
	switch n := s.purges.Bytes(); {
	case n > 2*maxRules:
		s.sweeping.Lock()
		defer s.sweeping.Unlock()
		if s.purges.Bytes() > maxRules { // else another has just done it
			s.fold()
		}
	case n > maxRules && s.sweeping.TryLock():
		go func() {
			defer s.sweeping.Unlock()
			s.fold()
		}()
	}
	return number
}

// fold drops the rules that there are. s.sweeping is held.
func (s *Store) fold() {
	freed := s.purges.Fold(func() { s.sweep(nil) })
	s.charging.Lock() // what was added has been charged
	defer s.charging.Unlock()
	s.ledger.Charge(-freed)
}

// Matched are stored responses that a purge is about.
type Matched struct {
	Entries int64 `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

// Count looks at all that is stored, removes what was purged, and returns what the
// rules of the purge with that number are about.
func (s *Store) Count(number uint64, rules ...purge.Rule) (m Matched) {
	alone := s.purges.Alone(rules...)
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	s.sweep(func(key string, e *Entry) {
		if e.since < number && alone.Judge(key, e.Tags, 0).Effect != purge.None {
			m.Entries++
			m.Bytes += e.Response.Size()
		}
	})
	return m
}

// sweep compares all that is stored with the purges, and removes what was purged. see,
// if it is not nil, is called with each response. s.sweeping is held.
func (s *Store) sweep(see func(key string, e *Entry)) {
	var varying []string // resources with variants
	for key, e := range s.cache.All() {
		if e.variants != nil {
			varying = append(varying, key)
		}
		if e.Response == nil {
			continue
		}
		if see != nil {
			see(key, e)
		}
		if !s.inForce(e, []byte(key)) {
			s.cache.Remove(key) // at worst it has been replaced, and is fetched again
		}
	}
	for _, key := range varying {
		if vary, all := s.Variants(key, time.Now()); vary != "" && len(all) == 0 {
			s.cache.Remove(key) // it leads to nothing
		}
	}
}

// Add adds others.
func (m *Matched) Add(n Matched) {
	m.Entries += n.Entries
	m.Bytes += n.Bytes
}

// PurgeKey removes all that is stored of a resource, or makes it stale if soft, and
// returns what that was. What arrives meanwhile is for the caller.
func (s *Store) PurgeKey(key string, soft bool, now time.Time) (m Matched) {
	e, ok := s.cache.Peek(key, now)
	if !ok {
		return m
	}
	entries := []*Entry{e}
	if e.variants != nil {
		entries = entries[:0]
		for _, own := range e.variants.list() {
			if e, ok := s.cache.Peek(own, now); ok {
				entries = append(entries, e)
			}
		}
	}
	for _, e := range entries {
		if e.Response == nil || e.judged.Load() == gone {
			continue
		}
		m.Add(Matched{1, e.Response.Size()})
		if soft {
			e.soften(now)
		} else {
			e.judged.Store(gone) // for who holds it already
		}
	}
	if !soft {
		s.Invalidate(key)
	}
	return m
}
