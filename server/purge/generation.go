package purge

import (
	"slices"
	"sync/atomic"
)

// generation are the rules of the purges between two folds: a tree, by the bits of
// their tags, to which nodes are only added. So those that look anything up take no
// lock, and what one purge does to the tree is one pointer, however large it is: a map
// has moments at which it moves much.
//
// One at a time changes it, who holds Rules.changing.
type generation struct {
	root    atomic.Pointer[node]
	lengths atomic.Pointer[[]int] // of prefixes, ascending, each once; a list is immutable
}

// node is a rule, and the way to others. It has the size of a cache line, of which a
// look reads one for each level: 9 among 100,000 rules.
type node struct {
	tag        Tag
	at         atomic.Int64  // of the last purge, Unix ns; stored before its number
	hard, soft atomic.Uint64 // the numbers of the last purges, 0 for none
	below      [1 << levelBits]atomic.Pointer[node]
}

const (
	levelBits = 2
	ruleBytes = 64 // of a node
)

// mark is when something was purged last: the numbers of the purges, 0 for none.
type mark struct {
	hard, soft uint64
	at         int64 // of the later one, Unix ns
}

// with puts two marks together.
func (m mark) with(n mark) mark {
	return mark{max(m.hard, n.hard), max(m.soft, n.soft), max(m.at, n.at)}
}

// find returns what was purged by a tag.
func (g *generation) find(t Tag) mark {
	bits := t
	for n := g.root.Load(); n != nil; n = n.next(&bits).Load() {
		if n.tag == t {
			m := mark{hard: n.hard.Load(), soft: n.soft.Load()}
			m.at = n.at.Load()
			return m
		}
	}
	return mark{}
}

// next is the way on from n for a tag with these bits, which it takes.
func (n *node) next(bits *Tag) *atomic.Pointer[node] {
	way := *bits & (1<<levelBits - 1)
	*bits >>= levelBits
	return &n.below[way]
}

// add notes a purge by a tag, and reports whether that is a new rule.
func (g *generation) add(t Tag, soft bool, number uint64, at int64) bool {
	place, bits := &g.root, t
	n := place.Load()
	for n != nil && n.tag != t {
		place = n.next(&bits)
		n = place.Load()
	}
	isNew := n == nil
	if isNew {
		n = &node{tag: t}
	}
	n.at.Store(at)
	if soft {
		n.soft.Store(number)
	} else {
		n.hard.Store(number)
	}
	if isNew {
		place.Store(n)
	}
	return isNew
}

// addLength notes that there are prefixes of n bytes.
func (g *generation) addLength(n int) {
	lengths := g.prefixLengths()
	if i, known := slices.BinarySearch(lengths, n); !known {
		lengths = slices.Insert(slices.Clone(lengths), i, n)
		g.lengths.Store(&lengths)
	}
}

func (g *generation) prefixLengths() []int {
	if all := g.lengths.Load(); all != nil {
		return *all
	}
	return nil
}
