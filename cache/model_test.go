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

// model is the cache in the plainest form: lists, searched from end to end. It
// states the policy once more, without shards, locks and hashes.
type model struct {
	queues  [2][]modelEntry // probation and main, the oldest first
	left    [2]int          // entries that were evicted from each
	ghosts  map[string]modelGhost
	share   float64 // of probation
	reached float64 // the largest share
	stats   cache.Stats
}

type modelEntry struct {
	gone
	cost    int64
	expires time.Time
	uses    int
}

type modelGhost struct{ queue, left int }

func newModel() *model { return &model{share: 0.5, ghosts: make(map[string]modelGhost)} }

// find returns a key's entry and its place, nil if there is none.
func (m *model) find(key string) (e *modelEntry, q, i int) {
	for q := range m.queues {
		if i := slices.IndexFunc(m.queues[q], func(e modelEntry) bool { return e.key == key }); i >= 0 {
			return &m.queues[q][i], q, i
		}
	}
	return nil, 0, -1
}

func (m *model) remove(q, i int, why cache.Reason) gone {
	e := m.queues[q][i]
	m.queues[q] = slices.Delete(m.queues[q], i, i+1)
	m.stats.Evicted[why]++
	m.stats.Entries--
	m.stats.Bytes -= e.cost
	e.why = why
	return e.gone
}

// get returns the value, whether it is fresh, and the entry it found expired.
func (m *model) get(key string, now time.Time) (int, bool, []gone) {
	e, q, i := m.find(key)
	if e == nil {
		m.stats.Misses++
		return 0, false, nil
	}
	if !e.expires.IsZero() && !now.Before(e.expires) {
		m.stats.Misses++
		return 0, false, []gone{m.remove(q, i, cache.Expired)}
	}
	m.stats.Hits++
	e.uses = min(e.uses+1, 3)
	return e.value, true, nil
}

// over returns how many bytes are used beyond the limit, if more were.
func (m *model) over(more int64) int64 {
	return m.stats.Bytes + m.stats.Reserved + more - modelBytes
}

// loser returns the queue that loses an entry: probation if it has more than its
// share, unless there is none in it but the one to keep.
func (m *model) loser(missing cache.Reason, keep string) int {
	var entries, bytes [2]float64
	for q, queue := range m.queues {
		for _, e := range queue {
			entries[q]++
			bytes[q] += float64(e.cost)
		}
	}
	others := entries
	if e, q, _ := m.find(keep); e != nil {
		others[q]--
	}
	part := bytes
	if missing == cache.Capacity {
		part = entries
	}
	if others[1] == 0 && others[0] > 0 || others[0] > 0 && part[0] > m.share*(part[0]+part[1]) {
		return 0
	}
	return 1
}

// evict makes the entry leave that is worth the least, other than the one to keep.
func (m *model) evict(missing cache.Reason, keep string) gone {
	average := m.stats.Bytes / int64(m.stats.Entries)
	for {
		q := m.loser(missing, keep)
		e := m.queues[q][0]
		price := 1
		switch shortLived := m.share > 0.5; {
		case q == 1 && shortLived:
			e.uses = min(e.uses, 1)
		case q == 1 && missing == cache.Bytes:
			for large := e.cost / average; large >= 4; large /= 8 {
				price++
			}
		}
		switch {
		case e.key == keep:
			m.queues[q] = append(m.queues[q][1:], e)
		case e.uses < price:
			m.left[q]++
			m.ghosts[e.key] = modelGhost{q, m.left[q]}
			return m.remove(q, 0, missing)
		default:
			m.queues[q] = m.queues[q][1:]
			e.uses -= price
			if q == 0 {
				e.uses = 0
			}
			m.queues[1] = append(m.queues[1], e)
		}
	}
}

// reserve takes n bytes, by force or not.
func (m *model) reserve(n int64, force bool) (ok bool, left []gone) {
	if n > 0 && !force && m.stats.Reserved+n > modelBytes {
		return false, nil
	}
	for m.over(n) > 0 && m.stats.Entries > 0 && (n > 0 || force) {
		left = append(left, m.evict(cache.Bytes, ""))
	}
	m.stats.Reserved += n
	return true, left
}

// set stores a value whose memory is reserved in part or whole.
func (m *model) set(key string, v int, size int64, expires time.Time, reserved int64) (ok bool, left []gone) {
	cost := int64(len(key)) + cache.EntryOverhead + size
	old, q, i := m.find(key)
	if m.stats.Reserved-reserved+cost > modelBytes {
		m.stats.Rejected++
		if old != nil {
			left = append(left, m.remove(q, i, cache.Replaced))
		}
		return false, left
	}
	entries, bytes := 1, cost-reserved
	if old != nil {
		entries, bytes = 0, bytes-old.cost
	}
	for {
		if m.stats.Entries+entries > modelEntries {
			left = append(left, m.evict(cache.Capacity, key))
		} else if m.over(bytes) > 0 {
			left = append(left, m.evict(cache.Bytes, key))
		} else {
			break
		}
	}
	if old, _, _ = m.find(key); old != nil {
		replaced := old.gone
		replaced.why = cache.Replaced
		left = append(left, replaced)
		m.stats.Evicted[cache.Replaced]++
		*old = modelEntry{gone{key: key, value: v}, cost, expires, min(old.uses+1, 3)}
	} else {
		q := m.returns(key, cost)
		m.queues[q] = append(m.queues[q], modelEntry{gone{key: key, value: v}, cost, expires, 0})
	}
	m.stats.Entries += entries
	m.stats.Bytes += bytes + reserved
	m.stats.Reserved -= reserved
	return true, left
}

// returns is the queue for a new entry: main if its key left lately, from which
// the share of probation learns.
func (m *model) returns(key string, cost int64) int {
	g, ok := m.ghosts[key]
	if !ok || m.left[g.queue]-g.left >= max(m.stats.Entries/2, 1) {
		return 0
	}
	delete(m.ghosts, key)
	step := 4 * max(float64(cost)/modelBytes, 1.0/modelEntries)
	if g.queue == 1 {
		step = -step
	}
	m.share = min(max(m.share+step, 0.02), 0.9)
	m.reached = max(m.reached, m.share)
	return 1
}

// against plays script, three bytes for each call, on a cache and on the model,
// which must agree on everything, however many shards there are.
func against(t *testing.T, shards int, script []byte) *model {
	var left []gone
	c := newCache(t, recorded(cache.Config[int]{Entries: modelEntries, Bytes: modelBytes, Shards: shards}, &left))
	m := newModel()
	now := t0
	for step := 0; len(script) >= 3; step++ {
		op, key, arg := script[0], string("abcdefgh"[script[1]%8]), script[2]
		script = script[3:]
		left = nil
		var want []gone
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
			if wantOK, want = m.set(key, step, n, expires, reserved); ok != wantOK {
				t.Fatalf("step %d: Set(%s, size %d, reserved %d) = %t", step, key, n, reserved, ok)
			}
		case 6:
			e, q, i := m.find(key)
			if ok := c.Remove(key); ok != (e != nil) {
				t.Fatalf("step %d: Remove(%s) = %t", step, key, ok)
			}
			if e != nil {
				want = []gone{m.remove(q, i, cache.Removed)}
			}
		case 7:
			now = now.Add(time.Duration(arg%3) * time.Second)
			e, _, _ := m.find(key)
			v, ok := c.Peek(key, now)
			wantOK := e != nil && (e.expires.IsZero() || now.Before(e.expires))
			if ok != wantOK || ok && v != e.value {
				t.Fatalf("step %d: Peek(%s) = %d, %t; want %t", step, key, v, ok, wantOK)
			}
		case 8:
			ok := c.Reserve(n)
			var wantOK bool
			if wantOK, want = m.reserve(n, false); ok != wantOK {
				t.Fatalf("step %d: Reserve(%d) = %t", step, n, ok)
			}
		case 9:
			n /= 4 // so that entries are left
			c.ForceReserve(n)
			over := trim(c)
			if _, want = m.reserve(n, true); over != max(m.over(0), 0) {
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
	return m
}

func FuzzAgainstModel(f *testing.F) {
	f.Add([]byte{3, 0, 0, 0, 0, 0, 3, 1, 0, 0, 1, 0, 3, 2, 0, 3, 3, 0, 3, 4, 0, 3, 5, 0, 3, 2, 0, 3, 6, 38}) // uses, ghosts, main
	f.Add([]byte{3, 0, 9, 3, 1, 9, 3, 2, 9, 3, 3, 9, 3, 4, 9, 0, 0, 0, 3, 5, 30})                            // evictions by bytes
	f.Add([]byte{3, 0, 0, 3, 1, 0, 3, 2, 0, 3, 3, 0, 3, 4, 0, 0, 0, 0, 3, 5, 0})                             // by entries
	f.Add([]byte{131, 0, 1, 7, 0, 1, 0, 0, 0, 131, 0, 2, 6, 0, 0})                                           // expiry, removal
	f.Add([]byte{3, 0, 20, 3, 1, 15, 3, 0, 30, 3, 0, 45, 0, 0, 0})                                           // replacement, rejection
	f.Add([]byte{3, 0, 9, 8, 0, 20, 17, 0, 30, 9, 0, 47, 9, 0, 47, 8, 0, 1, 10, 0, 47, 3, 0, 1})             // reservations
	f.Fuzz(func(t *testing.T, script []byte) {
		against(t, 1, script)
		against(t, 4, script)
	})
}

func TestAgainstModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var both, wider bool
	for range 200 {
		script := make([]byte, 600)
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		for _, shards := range []int{1, 2, 8} {
			m := against(t, shards, script)
			both = both || m.left[0] > 0 && m.left[1] > 0
			wider = wider || m.reached > 0.5
		}
	}
	if !both || !wider {
		t.Error("the scripts reach neither evictions from both queues nor a share that grows")
	}
}
