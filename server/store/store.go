package store

import (
	"slices"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/purge"
)

// Config is what may be stored.
type Config struct {
	Entries int   // 1 or more
	Bytes   int64 // stored, arriving and being sent together; 1 or more
	Shards  int   // 0: by the number of cores
}

// Store is what is stored; see the package comment. [New] makes one.
type Store struct {
	cache  *cache.Cache[*Entry]
	ledger *memory.Ledger
	purges *purge.Rules

	sweeping sync.Mutex // see purge.go
	charging sync.Mutex // held while rules are added or dropped and the ledger follows: none is given back before it is taken

	// marking is held while the entry of a resource with variants is made,
	// so that there is one list of them. It is not held when entries leave.
	marking sync.Mutex
}

// New makes an empty store and the ledger of its memory.
func New(c Config) (*Store, error) {
	s := &Store{purges: purge.New()}
	var err error
	s.cache, err = cache.New(cache.Config[*Entry]{
		Entries: c.Entries,
		Bytes:   c.Bytes,
		Shards:  c.Shards,
		OnEvict: func(_ string, e *Entry, _ cache.Reason) { s.left(e) },
	})
	if err != nil {
		return nil, err
	}
	_, limit := s.cache.Limits()
	s.ledger = memory.New(s.cache, limit)
	return s, nil
}

// Ledger is the memory that the store shares with what arrives and is sent.
func (s *Store) Ledger() *memory.Ledger { return s.ledger }

// Cache is for statistics.
func (s *Store) Cache() *cache.Cache[*Entry] { return s.cache }

// left accounts for an entry that left the cache. The variants of a resource
// leave with the entry that leads to them: no request would find them any more,
// but one that remembers a variant's own key.
func (s *Store) left(e *Entry) {
	if e.Response != nil {
		s.ledger.Evicted(e.Response.Pinned())
	}
	e.Coded.each(func(r *message.Response) { s.ledger.Evicted(r.Pinned()) })
	if e.variants != nil {
		for _, own := range e.variants.close() {
			s.cache.Remove(own)
		}
	}
}

// Find returns the entry for a request with these fields. key is the resource's
// key; the entry's own is returned, in the same memory if there is room. An entry
// that is returned may be stale, or a mark; variant says that there is one for
// the resource, but none that these fields select.
func (s *Store) Find(key []byte, fields []hpack.Field, now time.Time) (e *Entry, own []byte, variant bool) {
	e, ok := s.cache.Get(view(key), now)
	if ok && e.Vary != "" {
		key, variant = e.Vary.AppendKey(key, fields), true
		e, ok = s.cache.Get(view(key), now)
	}
	if !ok || !s.inForce(e, key) {
		return nil, key, variant
	}
	return e, key, variant
}

// Exact returns the entry whose own key is key, if it is a response.
func (s *Store) Exact(key []byte, now time.Time) *Entry {
	if e, ok := s.cache.Get(view(key), now); ok && e.Response != nil && s.inForce(e, key) {
		return e
	}
	return nil
}

// Peek is Find for callers that do not use what they find: it counts neither as a
// hit nor as a miss. purged says that there was an entry until it was purged.
func (s *Store) Peek(key []byte, fields []hpack.Field, now time.Time) (e *Entry, own []byte, variant, purged bool) {
	e, ok := s.cache.Peek(view(key), now)
	if ok && e.Vary != "" {
		key, variant = e.Vary.AppendKey(key, fields), true
		e, ok = s.cache.Peek(view(key), now)
	}
	if !ok {
		return nil, key, variant, false
	}
	if !s.inForce(e, key) {
		return nil, key, variant, true
	}
	return e, key, variant, false
}

// entryOverhead is what an entry takes beside its response: 152 bytes of an Entry
// and 88 of a file's Answer, in size classes of 160 and 96.
const entryOverhead = 256

// keepFile is for how long a file is kept that may not be served any more: when it
// is asked for again and has not changed, it is neither read nor coded again.
const keepFile = time.Hour

// PutAnswer stores a file's response. purged is the last purge before it was looked
// at.
func (s *Store) PutAnswer(key string, a *origin.Answer, asked time.Time, purged uint64) bool {
	e := &Entry{Response: a.Response, Answer: a, Tags: []purge.Tag{s.purges.URL(key)}, since: purged}
	if !s.admits(e, key) {
		return false
	}
	fresh := asked.Add(a.Fresh)
	e.RecheckAt(fresh)
	until := fresh.Add(a.Stale)
	e.until = until.UnixNano()
	return s.put(key, e, until.Add(keepFile), 0)
}

// Arrival is a response of another server that is to be stored.
type Arrival struct {
	Key      string        // of the resource
	Request  []hpack.Field // of the request, from which Vary selects
	Response *message.Response
	Policy   rfc9111.Policy
	Vary     rfc9111.Vary
	Tags     []purge.Tag
	Purged   uint64 // the last purge before it was asked for
	Reserved int64  // what its body has taken from the ledger
}

// Put stores a response under its resource's key, extended by its Vary. What is
// reserved becomes the entry's or is given back. The reason is Stored, or why it is
// not stored.
func (s *Store) Put(a *Arrival) rfc9111.Reason {
	own := a.Key
	if a.Vary != "" {
		own = string(a.Vary.AppendKey([]byte(a.Key), a.Request))
	}
	e := &Entry{Response: a.Response, policy: a.Policy, Tags: a.Tags, since: a.Purged}
	e.RecheckAt(time.Unix(a.Policy.FreshUntil(), 0))
	if !s.admits(e, own) {
		s.ledger.Give(a.Reserved)
		return rfc9111.Invalidated
	}
	var of *variants
	if a.Vary != "" {
		of = s.variantsOf(a.Key, a.Vary)
		if !of.admit(own, s.holds) {
			s.ledger.Give(a.Reserved)
			return rfc9111.TooManyVariants
		}
	}
	if !s.put(own, e, time.Unix(a.Policy.KeepUntil(), 0), a.Reserved) {
		return rfc9111.NoRoom
	}
	if of != nil && of.closed() {
		s.cache.Remove(own) // what leads to it has left meanwhile
		return rfc9111.NoRoom
	}
	return rfc9111.Stored
}

// Variant is a response that is stored of a resource with variants.
type Variant struct {
	*Entry
	Own string // its key
}

// Hits is how often what is stored under a key was found, up to [cache.MostHits].
func (s *Store) Hits(key string) uint64 { return s.cache.Hits(key) }

// Vary is by what the responses of the resource under key are selected, as far as is
// known.
func (s *Store) Vary(key string, now time.Time) rfc9111.Vary {
	if e, ok := s.cache.Peek(key, now); ok {
		return e.Vary
	}
	return ""
}

// Variants returns the Vary of the resource under key and the responses that are
// stored of it, the last that was added first.
func (s *Store) Variants(key string, now time.Time) (v rfc9111.Vary, all []Variant) {
	e, ok := s.cache.Peek(key, now)
	if !ok || e.variants == nil {
		return "", nil
	}
	for _, own := range slices.Backward(e.variants.list()) {
		if e, ok := s.cache.Peek(own, now); ok && e.Response != nil && s.inForce(e, []byte(own)) {
			all = append(all, Variant{e, own})
		}
	}
	return e.Vary, all
}

// Tags are those of all that is held of the resource under key, purged or not: purged
// responses stay until they are asked for or their room is needed.
func (s *Store) Tags(key string, now time.Time) []purge.Tag {
	e, ok := s.cache.Peek(key, now)
	if !ok {
		return nil
	}
	all := slices.Clone(e.Tags)
	if e.variants != nil {
		for _, own := range e.variants.list() {
			if v, ok := s.cache.Peek(own, now); ok {
				all = append(all, v.Tags...)
			}
		}
	}
	return all
}

// ExpectVariants notes that the responses of the resource under key are selected
// by v, before the first of them is stored.
func (s *Store) ExpectVariants(key string, v rfc9111.Vary) { s.variantsOf(key, v) }

// variantsOf returns the variants of the resource under key that v selects.
func (s *Store) variantsOf(key string, v rfc9111.Vary) *variants {
	s.marking.Lock()
	defer s.marking.Unlock()
	if e, ok := s.cache.Peek(key, time.Now()); ok && e.Vary == v {
		return e.variants
	}
	e := &Entry{Vary: v, variants: new(variants)}
	if !s.cache.Set(key, e, entryOverhead+int64(len(v))+MaxVariants*variantOverhead, time.Time{}) {
		e.variants.close()
	}
	return e.variants
}

// variantOverhead is a key's place in the list; its text is that of the cache.
const variantOverhead = 16

func (s *Store) holds(key string) bool {
	_, ok := s.cache.Peek(key, time.Now())
	return ok
}

// put stores an entry and gives back what was reserved beyond it.
func (s *Store) put(key string, e *Entry, expires time.Time, reserved int64) bool {
	size := sizeOf(e.Response) + entryOverhead + int64(8*len(e.Tags))
	if e.Coded = s.codedFor(key, e); e.Coded != nil {
		size += codedOverhead
	}
	e.Coded.each(func(r *message.Response) {
		size += sizeOf(r)
		s.ledger.Stored(r.Pinned())
	})
	pins := e.Response.Pinned()
	if pins.Size() == 0 {
		pins.SetSize(sizeOf(e.Response) + entryOverhead)
	}
	s.ledger.Stored(pins)
	if !s.cache.SetReserved(key, e, size, expires, reserved) {
		s.left(e)
		s.ledger.Give(reserved)
		return false
	}
	return true
}

// sizeOf is what a response counts for in an entry.
func sizeOf(r *message.Response) int64 {
	size := r.Size()
	if root := r.Root(); root != r {
		size += root.Size() - int64(len(root.Body)) // its fields stay, too; the content is the same
	}
	return size
}

// uncacheableFor is how long it is remembered that a resource is not stored: a
// change at the origin is noticed soon, and each fetch renews it that
// comes at least uncacheableRest after the last renewal: of a resource that is
// asked for all the time, nearly every fetch finds the mark as it is.
const (
	uncacheableFor  = 10 * time.Second
	uncacheableRest = time.Second
)

// MarkUncacheable remembers that the last response for the entry whose own key
// is key was not stored. What is stored there, if anything, is replaced.
func (s *Store) MarkUncacheable(key string, why rfc9111.Reason, now time.Time) {
	if e, ok := s.cache.Peek(key, now); ok && e.Uncacheable == why && now.UnixNano() < e.recheck.Load() {
		return
	}
	e := &Entry{Uncacheable: why}
	e.RecheckAt(now.Add(uncacheableRest))
	s.cache.Set(key, e, entryOverhead, now.Add(uncacheableFor))
}

// Remove removes the entry whose own key is key.
func (s *Store) Remove(key string) { s.cache.Remove(key) }

// Invalidate removes all that is stored of a resource (RFC 9111 §4.4): its
// variants leave with the entry that leads to them.
func (s *Store) Invalidate(key string) { s.cache.Remove(key) }
