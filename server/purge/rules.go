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
// are many, the owner does that, and they are dropped ([Rules.Fold]). Keys begin with
// the four bytes of their site's number.
package purge

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// Rules are the purges in force. [New] makes them. All methods are safe for
// concurrent use. Those that compare take no lock, so that none of them waits for a
// purge or a fold; Last is one atomic load.
type Rules struct {
	seed maphash.Seed // tags are the origins' to choose

	// last is stored when all rules of a purge are in place, and loaded before any
	// is looked for: who sees its number finds them.
	last    atomic.Uint64
	inForce atomic.Pointer[generations]

	folding sync.Mutex // held for a fold, and taken before changing
	// changing is held by those that change what follows, or the rules.
	changing sync.Mutex
	count    int
	bytes    int64 // that the rules take
}

// generations are the rules in force at a moment. It is immutable.
type generations struct {
	young *generation // which purges add to
	old   *generation // that a fold is about to drop; nil: there is none
	floor uint64      // what is older than this purge may have missed one
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
	r := &Rules{seed: maphash.MakeSeed()}
	r.inForce.Store(&generations{young: new(generation)})
	return r
}

// Last is the number of the last purge, 0 if there was none.
func (r *Rules) Last() uint64 { return r.last.Load() }

// Add puts the rules of one purge in force, and returns its number and how many bytes
// they take. A response that is compared meanwhile may be purged already.
func (r *Rules) Add(soft bool, now time.Time, rules ...Rule) (number uint64, bytes int64) {
	r.changing.Lock()
	defer r.changing.Unlock()
	n, young := r.last.Load()+1, r.inForce.Load().young
	for _, rule := range rules {
		tag := rule.tag
		if !rule.tagged {
			tag = r.hash(prefixed, "", rule.prefix)
			young.addLength(len(rule.prefix))
		}
		if young.add(tag, soft, n, now.UnixNano()) {
			bytes += ruleBytes
			r.count++
		}
	}
	r.bytes += bytes
	r.last.Store(n)
	return n, bytes
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
	v := Verdict{UpTo: r.last.Load()}
	if since >= v.UpTo {
		return v
	}
	g := r.inForce.Load()
	if since < g.floor {
		v.Effect = Gone
		return v
	}
	m := r.newest(g, key, tags)
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
	m := r.newest(r.inForce.Load(), key, tags)
	if m.at == 0 {
		return 0, time.Time{}, false
	}
	return max(m.hard, m.soft), time.Unix(0, m.at), true
}

// newest puts all marks together that are about a key or a tag.
func (r *Rules) newest(g *generations, key string, tags []Tag) (all mark) {
	for _, g := range [...]*generation{g.young, g.old} {
		if g == nil || g.root.Load() == nil {
			continue
		}
		for _, n := range g.prefixLengths() {
			if n > len(key) {
				break
			}
			all = all.with(g.find(r.hash(prefixed, "", key[:n])))
		}
		site := siteOf(key)
		for _, t := range tags {
			all = all.with(g.find(t))
			all = all.with(g.find(t.of(site)))
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

// Len is how many rules are kept.
func (r *Rules) Len() int {
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.count
}

// Bytes is what the rules take.
func (r *Rules) Bytes() int64 {
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.bytes
}

// Fold drops the rules that there are, and returns how many bytes they took. compare
// has everything that is stored compared with them. They are in force meanwhile, and
// rules that are added meanwhile stay. What was asked for before the last of the
// purges that are dropped, and is not stored yet, will be taken for purged.
func (r *Rules) Fold(compare func()) (freed int64) {
	r.folding.Lock()
	defer r.folding.Unlock()

	r.changing.Lock()
	g := *r.inForce.Load()
	upTo, count, bytes := r.last.Load(), r.count, r.bytes
	g.old, g.young = g.young, new(generation)
	aside := g
	r.inForce.Store(&aside)
	r.changing.Unlock()

	compare()

	r.changing.Lock()
	defer r.changing.Unlock()
	r.inForce.Store(&generations{young: g.young, floor: upTo})
	r.count -= count
	r.bytes -= bytes
	return bytes
}
