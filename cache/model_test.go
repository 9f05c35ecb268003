package cache_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
)

const (
	modelEntries = 5

	// unit is the least that an entry takes, with a key of one byte.
	unit       = cache.EntryOverhead + 1
	modelBytes = 40 * unit
)

// model is the cache in the plainest form: a list, searched from end to end.
type model struct {
	list  []modelEntry // least recently used first
	ticks int          // calls of Set
	stats cache.Stats
}

type modelEntry struct {
	gone
	cost    int64
	expires time.Time
	used    int // ticks at the last use
}

func (m *model) find(key string) int {
	return slices.IndexFunc(m.list, func(e modelEntry) bool { return e.key == key })
}

func (m *model) remove(i int, why cache.Reason) gone {
	e := m.list[i]
	m.list = slices.Delete(m.list, i, i+1)
	m.stats.Evicted[why]++
	m.stats.Entries, m.stats.Bytes = len(m.list), m.stats.Bytes-e.cost
	e.why = why
	return e.gone
}

// get returns the value, whether it is fresh, and the entries it found expired.
func (m *model) get(key string, now time.Time) (int, bool, []gone) {
	i := m.find(key)
	if i < 0 {
		m.stats.Misses++
		return 0, false, nil
	}
	e := m.list[i]
	if !e.expires.IsZero() && !now.Before(e.expires) {
		m.stats.Misses++
		return 0, false, []gone{m.remove(i, cache.Expired)}
	}
	m.stats.Hits++
	e.used = m.ticks
	m.list = append(slices.Delete(m.list, i, i+1), e)
	return e.value, true, nil
}

// over returns how many bytes are used beyond the limit, if more were.
func (m *model) over(more int64) int64 {
	return m.stats.Bytes + m.stats.Reserved + more - modelBytes
}

// reserve takes n bytes, force or not, choosing victims as set does.
func (m *model) reserve(n int64, force bool, victim func(eviction int) int) (bool, []gone) {
	if n > 0 && !force && m.stats.Reserved+n > modelBytes {
		return false, nil
	}
	var left []gone
	for m.over(n) > 0 && len(m.list) > 0 && (n > 0 || force) {
		left = append(left, m.remove(victim(len(left)), cache.Bytes))
	}
	m.stats.Reserved += n
	return true, left
}

// set stores a value whose memory is reserved in part or whole. victim chooses, for the eviction'th eviction, an index of
// the list, whose order it may not change.
func (m *model) set(key string, v int, size int64, expires time.Time, reserved int64, victim func(eviction int) int) (bool, []gone) {
	cost := int64(len(key)) + cache.EntryOverhead + size
	var left []gone
	old := m.find(key)
	if m.stats.Reserved-reserved+cost > modelBytes {
		m.stats.Rejected++
		if old >= 0 {
			left = append(left, m.remove(old, cache.Replaced))
		}
		return false, left
	}
	m.ticks++
	var replaced *modelEntry
	if old >= 0 {
		e := m.list[old]
		replaced = &e
		m.list = slices.Delete(m.list, old, old+1)
	}
	for n := 0; ; n++ {
		bytes := cost
		other := m.stats.Reserved - reserved
		for _, e := range m.list {
			bytes += e.cost
		}
		if replaced == nil && len(m.list)+1 > modelEntries {
			left = append(left, m.remove(victim(n), cache.Capacity))
		} else if bytes+other > modelBytes {
			left = append(left, m.remove(victim(n), cache.Bytes))
		} else {
			m.stats.Bytes, m.stats.Reserved = bytes, other
			break
		}
	}
	if replaced != nil {
		m.stats.Evicted[cache.Replaced]++
		replaced.why = cache.Replaced
		left = append(left, replaced.gone)
	}
	m.list = append(m.list, modelEntry{gone{key: key, value: v}, cost, expires, m.ticks})
	m.stats.Entries = len(m.list)
	return true, left
}

// against plays script, three bytes for each call, on a cache and on the model.
// With one shard both must agree on everything. With more the model follows the
// cache's choice of victims after it has checked that nothing was used in an
// earlier tick.
func against(t *testing.T, shards int, script []byte) {
	var left []gone
	c := newCache(t, recorded(cache.Config[int]{Entries: modelEntries, Bytes: modelBytes, Shards: shards}, &left))
	m := &model{}
	now := t0
	for step := 0; len(script) >= 3; step++ {
		op, key, arg := script[0], string("abcdefgh"[script[1]%8]), script[2]
		script = script[3:]
		left = nil
		var want []gone
		victim := func(eviction int) int {
			if shards == 1 {
				return 0
			}
			return m.checkVictim(t, step, left, eviction)
		}
		n := int64(arg%48) * unit // 40 and more do not fit
		switch op % 12 {
		case 0, 1, 2:
			v, ok := c.Get(key, now)
			wantV, wantOK, expired := m.get(key, now)
			if v != wantV || ok != wantOK {
				t.Fatalf("step %d: Get(%s) = %d, %t; want %d, %t", step, key, v, ok, wantV, wantOK)
			}
			want = expired
		case 3, 4, 5:
			var expires time.Time
			if op >= 128 {
				expires = now.Add(time.Duration(arg%4) * time.Second)
			}
			var reserved int64
			if op%12 == 5 {
				reserved = min(int64(op%16)*unit, c.Reserved())
			}
			ok := c.SetReserved(key, step, n, expires, reserved)
			var wantOK bool
			if wantOK, want = m.set(key, step, n, expires, reserved, victim); ok != wantOK {
				t.Fatalf("step %d: Set(%s, size %d, reserved %d) = %t", step, key, n, reserved, ok)
			}
		case 6:
			i := m.find(key)
			if ok := c.Remove(key); ok != (i >= 0) {
				t.Fatalf("step %d: Remove(%s) = %t", step, key, ok)
			}
			if i >= 0 {
				want = []gone{m.remove(i, cache.Removed)}
			}
		case 7:
			now = now.Add(time.Duration(arg%3) * time.Second)
			i := m.find(key)
			v, ok := c.Peek(key, now)
			wantOK := i >= 0 && (m.list[i].expires.IsZero() || now.Before(m.list[i].expires))
			if ok != wantOK || ok && v != m.list[i].value {
				t.Fatalf("step %d: Peek(%s) = %d, %t; want %t", step, key, v, ok, wantOK)
			}
		case 8:
			ok := c.Reserve(n)
			var wantOK bool
			if wantOK, want = m.reserve(n, false, victim); ok != wantOK {
				t.Fatalf("step %d: Reserve(%d) = %t", step, n, ok)
			}
		case 9:
			n /= 4 // so that entries are left
			c.ForceReserve(n)
			over := trim(c)
			if _, want = m.reserve(n, true, victim); over != max(m.over(0), 0) {
				t.Fatalf("step %d: %d bytes over after ForceReserve(%d), want %d", step, over, n, m.over(0))
			}
		case 10, 11:
			n = min(n, c.Reserved())
			c.Release(n)
			m.stats.Reserved -= n
		}
		if !slices.Equal(left, want) {
			t.Fatalf("step %d: left %v, want %v", step, left, want)
		}
		if s := c.Stats(); s != m.stats || c.Used() != s.Bytes+s.Reserved {
			t.Fatalf("step %d: stats %+v, want %+v; %d bytes used", step, s, m.stats, c.Used())
		}
	}
}

// checkVictim returns the index of the eviction'th victim of left after
// checking that it is one of those used in the earliest tick.
func (m *model) checkVictim(t *testing.T, step int, left []gone, eviction int) int {
	if eviction >= len(left) {
		t.Fatalf("step %d: only %d evictions", step, len(left))
	}
	i := m.find(left[eviction].key)
	if i < 0 {
		t.Fatalf("step %d: %v is not there to be evicted", step, left[eviction])
	}
	for _, e := range m.list {
		if e.used < m.list[i].used {
			t.Fatalf("step %d: %v evicted before %v", step, m.list[i], e)
		}
	}
	return i
}

func FuzzAgainstModel(f *testing.F) {
	f.Add([]byte{3, 0, 9, 3, 1, 9, 3, 2, 9, 3, 3, 9, 3, 4, 9, 0, 0, 0, 3, 5, 30})                // evictions by bytes
	f.Add([]byte{3, 0, 0, 3, 1, 0, 3, 2, 0, 3, 3, 0, 3, 4, 0, 0, 0, 0, 3, 5, 0})                 // by entries
	f.Add([]byte{131, 0, 1, 7, 0, 1, 0, 0, 0, 131, 0, 2, 6, 0, 0})                               // expiry, removal
	f.Add([]byte{3, 0, 20, 3, 1, 15, 3, 0, 30, 3, 0, 45, 0, 0, 0})                               // replacement, rejection
	f.Add([]byte{3, 0, 9, 8, 0, 20, 17, 0, 30, 9, 0, 47, 9, 0, 47, 8, 0, 1, 10, 0, 47, 3, 0, 1}) // reservations
	f.Fuzz(func(t *testing.T, script []byte) {
		against(t, 1, script)
		against(t, 4, script)
	})
}

func TestAgainstModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		script := make([]byte, 600)
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		for _, shards := range []int{1, 2, 8} {
			against(t, shards, script)
		}
	}
}
