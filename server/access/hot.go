package access

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

// HotKey is one of the keys that are asked for most.
type HotKey struct {
	// Key is the request's path without its query, cut to 256 octets; what is
	// not printable ASCII is escaped as in the log.
	Key string

	// Share is the share of all requests of the last minutes, from 0 to 1, that
	// it has had for certain: what is a minute old counts half, and what came
	// before it entered the list does not count.
	Share float64
}

const (
	hotKeys   = 128 // kept; a key with more than 1/128 of the requests is among them
	maxHotKey = 256 // octets

	hotHalf = time.Minute // in which a count halves
	hotStep = time.Second // between two times that counts are made to decay

	// hotForgotten is the count at which a key is forgotten: four minutes
	// after its only request.
	hotForgotten = 1. / 16
)

// hot is the Space-Saving sketch (Metwally, Agrawal, El Abbadi: Efficient
// Computation of Frequent and Top-k Elements in Data Streams, 2005) over counts
// that decay. A key that is not in it takes the place of the one with the
// lowest count, and inherits it as its possible error. So memory is bounded
// whatever is asked for, and a key with more than its share is never missing.
// One whose count is mostly inherited is not shown as hot: if each
// request is for another key, all are like that.
//
// The writer adds; the mutex is there for top.
type hot struct {
	mu     sync.Mutex
	counts []hotCount
	index  map[string]int // in counts
	total  float64        // of all requests
	aged   time.Time      // until when the counts have decayed
}

type hotCount struct {
	key          string
	count, error float64 // it had count at most, and count-error at least
}

func newHot(now time.Time) hot {
	return hot{counts: make([]hotCount, 0, hotKeys), index: make(map[string]int, hotKeys), aged: now}
}

// add counts a request that stands for weight of them.
func (h *hot) add(path []byte, weight float64, now time.Time) {
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
	}
	if len(path) == 0 {
		return // no request that could be read
	}
	path = path[:min(len(path), maxHotKey)]
	h.mu.Lock()
	defer h.mu.Unlock()
	h.age(now)
	h.total += weight
	if i, known := h.index[string(path)]; known {
		h.counts[i].count += weight
		return
	}
	key, i := string(path), len(h.counts)
	if i < hotKeys {
		h.counts = append(h.counts, hotCount{key: key, count: weight})
	} else {
		i = h.lowest()
		c := &h.counts[i]
		delete(h.index, c.key)
		*c = hotCount{key: key, count: c.count + weight, error: c.count}
	}
	h.index[key] = i
}

func (h *hot) lowest() (least int) {
	for i := range h.counts {
		if h.counts[i].count < h.counts[least].count {
			least = i
		}
	}
	return least
}

// age lets the counts decay to now.
func (h *hot) age(now time.Time) {
	passed := now.Sub(h.aged)
	if passed < hotStep {
		return
	}
	h.aged = now
	left := math.Exp2(-float64(passed) / float64(hotHalf))
	h.total *= left
	kept := h.counts[:0]
	clear(h.index)
	for _, c := range h.counts {
		c.count *= left
		c.error *= left
		if c.count >= hotForgotten {
			h.index[c.key] = len(kept)
			kept = append(kept, c)
		}
	}
	clear(h.counts[len(kept):])
	h.counts = kept
}

// top returns the n hottest keys.
func (h *hot) top(n int, now time.Time) []HotKey {
	h.mu.Lock()
	h.age(now)
	all := make([]HotKey, 0, len(h.counts))
	for _, c := range h.counts {
		if certain := c.count - c.error; certain > c.error {
			all = append(all, HotKey{c.key, certain / h.total})
		}
	}
	h.mu.Unlock()
	slices.SortFunc(all, func(a, b HotKey) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Key, b.Key))
	})
	all = all[:min(n, len(all))]
	for i := range all {
		all[i].Key = string(appendEscaped(nil, text{b: []byte(all[i].Key)}, false))
	}
	return all
}
