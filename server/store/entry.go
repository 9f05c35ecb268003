package store

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/purge"
)

// Entry is what is stored under a key. All but the moment of its next
// revalidation, and what purges have done to it, is immutable.
type Entry struct {
	// Response is the stored response; nil for a mark.
	Response *message.Response

	// Answer is set of a file, of which we are the origin: its policy is not
	// looked at.
	Answer *origin.Answer

	policy rfc9111.Policy                 // as it was stored
	stale  atomic.Pointer[rfc9111.Policy] // since a soft purge; nil: there was none

	// Coded are the response in content codings; nil if it is not to be coded.
	Coded *Coded

	// Vary, if it is not "", says that the resource's responses are stored
	// under longer keys, which the values of these request fields extend.
	Vary rfc9111.Vary

	// Uncacheable is why the resource's last response was not stored:
	// requests for it do not wait for each other. None if it was.
	Uncacheable rfc9111.Reason

	Tags []purge.Tag // of a response

	until    int64         // Unix ns until which a file may be served
	since    uint64        // the last purge when the response was asked for
	judged   atomic.Uint64 // the last purge that it was compared with; gone: it is not used any more
	variants *variants     // of an entry with a Vary
	recheck  atomic.Int64  // Unix ns from which the next hit starts a revalidation; of a mark, from which it is renewed
}

// gone is a number that no purge has.
const gone = math.MaxUint64

// Policy is what the response says of its reuse, and a soft purge.
func (e *Entry) Policy() *rfc9111.Policy {
	if p := e.stale.Load(); p != nil {
		return p
	}
	return &e.policy
}

// soften makes the response stale since a purge at at.
func (e *Entry) soften(at time.Time) {
	p := e.Policy().Staled(at)
	e.stale.Store(&p)
	e.RecheckAt(at)
}

// rechecking is a time that no hit has reached.
const rechecking = math.MaxInt64

// ClaimRecheck reports whether the caller is to revalidate the entry: it is
// time, and no other caller does it.
func (e *Entry) ClaimRecheck(now time.Time) bool {
	at := e.recheck.Load()
	return now.UnixNano() >= at && e.recheck.CompareAndSwap(at, rechecking)
}

// RecheckAt says when the entry is to be revalidated.
func (e *Entry) RecheckAt(t time.Time) { e.recheck.Store(t.UnixNano()) }

// Serves reports whether a file may be served: it is as fresh as its origin asks
// for, or being looked at again.
func (e *Entry) Serves(now time.Time) bool { return now.UnixNano() < e.until }

// MaxVariants is how many responses of one resource are stored. Beyond it the
// selecting field has as many values as there are clients, and storing only
// drives out what is of use.
const MaxVariants = 32

// variants are the keys of a resource's stored responses, until the entry that
// leads to them leaves the cache.
type variants struct {
	mu   sync.Mutex
	keys []string
	left bool
}

// admit adds a key and reports false if there are too many. stored reports
// whether a key is stored still.
func (v *variants) admit(key string, stored func(string) bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.left || slices.Contains(v.keys, key) {
		return true // the caller looks at closed again when it has stored
	}
	if len(v.keys) >= MaxVariants {
		v.keys = slices.DeleteFunc(v.keys, func(k string) bool { return !stored(k) })
	}
	if len(v.keys) >= MaxVariants {
		return false
	}
	v.keys = append(v.keys, key)
	return true
}

// close ends the list and returns the keys.
func (v *variants) close() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.left = true
	return v.keys
}

func (v *variants) closed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.left
}

// list returns the keys at this moment.
func (v *variants) list() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.keys)
}
