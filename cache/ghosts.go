package cache

// ghosts remembers which keys have left a queue lately, by parts of their
// hashes: a key of which it says that it left may be another one, once in some
// ten thousand times. It is guarded by Cache.filling.
//
// It is a table of sets with eight places each, one cache line. A ghost is as old
// as others came after it that left the same queue, and is gone when it is older
// than what the caller asks for. In a full set the oldest gives way.
type ghosts struct {
	sets []ghostSet     // a power of two
	left [queues]uint32 // how many left each queue, modulo ghostTimes
}

const (
	ghostPlaces = 8
	ghostTimes  = 1 << 31
)

type ghostSet [ghostPlaces]ghost

// ghost is a key that left. The zero ghost is too old to be one, but for a while
// in every 2^31 evictions, in which it stands for one key in 2^32.
type ghost struct {
	print uint32 // of the key's hash
	left  uint32 // which one it was of its queue, shifted by one, and the queue
}

func newGhosts() ghosts {
	const old = ghostTimes / 2
	return ghosts{sets: make([]ghostSet, 1), left: [queues]uint32{old, old}}
}

func (g *ghosts) set(print uint32) *ghostSet { return &g.sets[int(print)&(len(g.sets)-1)] }

// age is how many left the same queue since the one.
func (g *ghosts) age(one ghost) uint32 { return (g.left[one.left&1] - one.left>>1) % ghostTimes }

// add notes that the key with a hash left q, in a table for as many as keep of
// each queue.
func (g *ghosts) add(hash uint64, q queue, keep int64) {
	for int64(len(g.sets)*ghostPlaces) < min(2*keep, ghostTimes/4) {
		g.grow()
	}
	g.left[q] = (g.left[q] + 1) % ghostTimes
	print := uint32(hash >> 32) // the lower bits are those of the shard
	set := g.set(print)
	at := 0
	for i := range set {
		if set[i].print == print {
			at = i
			break
		}
		if g.age(set[i]) > g.age(set[at]) {
			at = i
		}
	}
	set[at] = ghost{print, g.left[q]<<1 | uint32(q)}
}

// take returns the queue that the key with a hash left, if it is among the last
// keep keys that left it, and forgets it.
func (g *ghosts) take(hash uint64, keep int64) (q queue, ok bool) {
	print := uint32(hash >> 32)
	set := g.set(print)
	for i, one := range set {
		if one.print == print && int64(g.age(one)) < keep {
			set[i] = ghost{}
			return queue(one.left & 1), true
		}
	}
	return 0, false
}

// grow doubles the table: what is in a set belongs to that or to its twin.
func (g *ghosts) grow() {
	old := g.sets
	g.sets = make([]ghostSet, 2*len(old))
	for _, set := range old {
		for i, one := range set {
			g.set(one.print)[i] = one
		}
	}
}
