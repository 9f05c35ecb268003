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
	modelBytes   = 40
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

// get returns the value, whether it is fresh, and whom it found expired.
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

// set stores a value. victim chooses, for the eviction'th eviction, an index of
// the list, whose order it may not change.
func (m *model) set(key string, v int, size int64, expires time.Time, victim func(eviction int) int) (bool, []gone) {
	cost := int64(len(key)) + size
	var left []gone
	old := m.find(key)
	if cost > modelBytes {
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
		for _, e := range m.list {
			bytes += e.cost
		}
		if replaced == nil && len(m.list)+1 > modelEntries {
			left = append(left, m.remove(victim(n), cache.Capacity))
		} else if bytes > modelBytes {
			left = append(left, m.remove(victim(n), cache.Bytes))
		} else {
			m.stats.Bytes = bytes
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
		switch op % 8 {
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
			size := int64(arg % 48) // 40 and more do not fit
			ok := c.Set(key, step, size, expires)
			wantOK, wantLeft := m.set(key, step, size, expires, func(eviction int) int {
				if shards == 1 {
					return 0
				}
				return m.checkVictim(t, step, left, eviction)
			})
			if ok != wantOK {
				t.Fatalf("step %d: Set(%s, size %d) = %t", step, key, size, ok)
			}
			want = wantLeft
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
		}
		if !slices.Equal(left, want) {
			t.Fatalf("step %d: left %v, want %v", step, left, want)
		}
		if s := c.Stats(); s != m.stats {
			t.Fatalf("step %d: stats %+v, want %+v", step, s, m.stats)
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
	f.Add([]byte{3, 0, 9, 3, 1, 9, 3, 2, 9, 3, 3, 9, 3, 4, 9, 0, 0, 0, 3, 5, 30}) // evictions by bytes
	f.Add([]byte{3, 0, 0, 3, 1, 0, 3, 2, 0, 3, 3, 0, 3, 4, 0, 0, 0, 0, 3, 5, 0})  // by entries
	f.Add([]byte{131, 0, 1, 7, 0, 1, 0, 0, 0, 131, 0, 2, 6, 0, 0})                // expiry, removal
	f.Add([]byte{3, 0, 20, 3, 1, 15, 3, 0, 30, 3, 0, 45, 0, 0, 0})                // replacement, rejection
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
