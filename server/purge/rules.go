// Package purge is what was purged, as rules that what is stored is compared with
// when it is next looked at. To purge costs the same however much is stored, and
// no lookup waits for it.
//
//	purge ─▶ number 7: everything with the tag "shop"
//	             ▲
//	a hit compares two numbers: its entry was compared with the purges up to 5
//	             └─▶ with those from 6 on: is its key, or a tag of it, among them?
//
// A rule names a prefix of keys, or a tag. Each purge has a number, and each
// response that of the last purge when it was asked for: all later ones are about
// it, so that a fetch that began before a purge cannot store what that was meant to
// remove.
//
// Rules stay until everything that is stored has been compared with them. If there
// are many, the owner does that, and drops them ([Rules.Fold]). Keys begin with the
// four bytes of their site's number.
package purge

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Rules are the purges in force. [New] makes them. All methods are safe for
// concurrent use; Last is one atomic load.
type Rules struct {
	seed maphash.Seed // tags are the origins' to choose
	last atomic.Uint64

	mu       sync.RWMutex
	floor    uint64 // what is older than this purge may have missed one
	prefixes map[string]mark
	lengths  []int // of prefixes, ascending, each once
	tags     map[Tag]mark
	bytes    int64 // that they take, about
}

// mark is when something was purged last: the numbers of the purges, 0 for none.
type mark struct {
	hard, soft uint64
	at         int64 // of the later one, Unix ns
}

// Effect is what purges do to a stored response.
type Effect uint8

const (
	None Effect = iota

	// Stale: it is stale since the purge, and may be served as what is stale may.
	Stale

	// Gone: it is not used any more.
	Gone
)

// Rule names what is purged: a prefix of keys, or a tag.
type Rule struct {
	tag    Tag // if tagged
	tagged bool
	prefix string
}

// Prefix is the rule for all keys that begin with p; "" is everything.
func Prefix(p string) Rule { return Rule{prefix: p} }

// Tagged is the rule for all that has a tag.
func Tagged(t Tag) Rule { return Rule{tag: t, tagged: true} }

// New makes an empty set of rules.
func New() *Rules {
	return &Rules{seed: maphash.MakeSeed(), prefixes: make(map[string]mark), tags: make(map[Tag]mark)}
}

// Last is the number of the last purge, 0 if there was none.
func (r *Rules) Last() uint64 { return r.last.Load() }

// Add puts the rules of one purge in force, and returns its number and how many bytes
// they take.
func (r *Rules) Add(soft bool, now time.Time, rules ...Rule) (number uint64, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, before := r.last.Load()+1, r.bytes
	for _, rule := range rules {
		if rule.tagged {
			if _, known := r.tags[rule.tag]; !known {
				r.bytes += tagBytes
			}
			r.tags[rule.tag] = r.tags[rule.tag].next(n, soft, now)
			continue
		}
		if _, known := r.prefixes[rule.prefix]; !known {
			r.bytes += prefixBytes + int64(len(rule.prefix))
		}
		r.addLength(len(rule.prefix))
		r.prefixes[rule.prefix] = r.prefixes[rule.prefix].next(n, soft, now)
	}
	r.last.Store(n) // behind the rules: who sees it waits for the lock, and finds them
	return n, r.bytes - before
}

func (m mark) next(n uint64, soft bool, now time.Time) mark {
	if m.at = now.UnixNano(); soft {
		m.soft = n
	} else {
		m.hard = n
	}
	return m
}

// Verdict is what purges do to a stored response.
type Verdict struct {
	Effect Effect
	At     time.Time // of the last purge that is about it, if there is an effect
	UpTo   uint64    // the last purge that was taken into account
}

// Judge returns what the purges after number since do to what is stored under key
// with these tags.
func (r *Rules) Judge(key string, tags []Tag, since uint64) Verdict {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v := Verdict{UpTo: r.last.Load()}
	if since >= v.UpTo {
		return v
	}
	if since < r.floor {
		v.Effect = Gone
		return v
	}
	m := r.newest(key, tags)
	switch v.At = time.Unix(0, m.at); {
	case m.hard > since:
		v.Effect = Gone
	case m.soft > since:
		v.Effect = Stale
	}
	return v
}

// Touched returns the number and the time of the last purge of what is stored under
// key with these tags. It reports false if there was none, or its rule has been
// dropped.
func (r *Rules) Touched(key string, tags []Tag) (number uint64, at time.Time, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	m := r.newest(key, tags)
	if m.at == 0 {
		return 0, time.Time{}, false
	}
	return m.newest(), time.Unix(0, m.at), true
}

// newest puts all marks together that are about a key or a tag. r.mu is held.
func (r *Rules) newest(key string, tags []Tag) mark {
	var all mark
	take := func(m mark) {
		all = mark{max(all.hard, m.hard), max(all.soft, m.soft), max(all.at, m.at)}
	}
	for _, n := range r.lengths {
		if n > len(key) {
			break
		}
		take(r.prefixes[string(key[:n])]) // no allocation: the map only reads it
	}
	if len(r.tags) > 0 {
		site := siteOf(key)
		for _, t := range tags {
			take(r.tags[t])
			take(r.tags[t.of(site)])
		}
	}
	return all
}

// siteOf is the number of a key's site.
func siteOf(key string) uint32 {
	if len(key) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32([]byte(key[:4]))
}

// Alone are these rules by themselves, to find out what they are about.
func (r *Rules) Alone(rules ...Rule) *Rules {
	alone := New()
	alone.seed = r.seed
	alone.Add(false, time.Unix(0, 1), rules...)
	return alone
}

// What a rule takes, measured as live heap: a mark (24 bytes) and its key in a map
// that has just grown.
const (
	tagBytes    = 72
	prefixBytes = 104
)

// Len is how many rules are kept.
func (r *Rules) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.prefixes) + len(r.tags)
}

// Bytes is about what the rules take.
func (r *Rules) Bytes() int64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.bytes
}

// Fold drops the rules of the purges up to number upTo, and returns how many bytes
// they took: everything that is stored has been compared with them. What was asked
// for before that purge, and is not stored yet, will be taken for purged.
func (r *Rules) Fold(upTo uint64) (freed int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.bytes
	r.floor, r.bytes = max(r.floor, upTo), 0
	tags, prefixes := r.tags, r.prefixes
	r.tags, r.prefixes, r.lengths = make(map[Tag]mark), make(map[string]mark), nil
	for t, m := range tags {
		if m.newest() > upTo {
			r.tags[t] = m
			r.bytes += tagBytes
		}
	}
	for p, m := range prefixes {
		if m.newest() > upTo {
			r.prefixes[p] = m
			r.bytes += prefixBytes + int64(len(p))
			r.addLength(len(p))
		}
	}
	return before - r.bytes
}

func (m mark) newest() uint64 { return max(m.hard, m.soft) }

// addLength notes that there are prefixes of n bytes. r.mu is held.
func (r *Rules) addLength(n int) {
	if i, known := slices.BinarySearch(r.lengths, n); !known {
		r.lengths = slices.Insert(r.lengths, i, n)
	}
}
