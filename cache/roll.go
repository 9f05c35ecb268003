package cache

import "iter"

// listed is how many entries All copies under a shard's lock at a time, for which a
// lookup may have to wait: some µs. To walk the lists of 60,000 entries in one go took
// 85 ms.
const listed = 64

// leastRoom is how many entries a roll always has room for.
const leastRoom = 1024

// roll is a shard's entries in no order, for who looks at all of them: the lists can
// only be walked from end to end in one go. Each entry has its place in it.
type roll[V any] []*entry[V]

func (r *roll[V]) join(e *entry[V]) {
	e.place = len(*r)
	*r = append(*r, e)
}

// leave gives the place of e to the last entry, and room back if most of it is not
// needed any more.
func (r *roll[V]) leave(e *entry[V]) {
	end := len(*r) - 1
	last := (*r)[end]
	(*r)[e.place], last.place = last, e.place
	(*r)[end] = nil
	*r = (*r)[:end]
	if room := cap(*r); room > leastRoom && end < room/4 {
		*r = append(make(roll[V], 0, room/2), *r...)
	}
}

// All are the entries, shard after shard, each as it was when it was looked at: what is
// set or leaves meanwhile may be among them or not, and while others leave, one may be
// among them twice. It changes neither order nor counts. The lock of a shard is held
// for a few entries at a time, and none while they are yielded.
func (c *Cache[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		var some [listed]victim[V]
		for i := range c.shards {
			s := &c.shards[i]
			// From the end: what takes the place of an entry that leaves was
			// looked at before.
			for next, more := -1, true; more; {
				n := 0
				s.mu.Lock()
				if next < 0 || next > len(s.roll) {
					next = len(s.roll)
				}
				for ; n < listed && next > 0; n++ {
					next--
					e := s.roll[next]
					some[n] = victim[V]{key: e.key, value: e.value}
				}
				more = next > 0
				s.mu.Unlock()
				for _, e := range some[:n] {
					if !yield(e.key, e.value) {
						return
					}
				}
			}
		}
	}
}
