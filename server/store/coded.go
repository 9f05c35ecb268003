package store

import (
	"bytes"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/server/encode"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// Coded are the representations of an entry's response in content codings. They
// are added one by one, count in the entry's memory, and leave with it.
type Coded struct {
	set    atomic.Pointer[CodedSet]
	tries  *tries
	before *Before // what was stored before, if that is kept
}

// Before is the content in whose place an entry's came, as a dictionary for it (RFC
// 9842).
type Before struct {
	Dictionary *encode.Dictionary
	Response   *message.Response
	Available  string // the field of a client that has it
}

// Before is what the entry's content may be coded with; nil: nothing.
func (c *Coded) Before() *Before { return c.before }

// CodedSet are the representations that there are at a moment. It is immutable.
type CodedSet struct {
	There encode.Mask
	all   [encode.Codings]*message.Response
}

// Of is the representation in c, which is there; r for Identity.
func (s *CodedSet) Of(c encode.Coding, r *message.Response) *message.Response {
	if c == encode.Identity {
		return r
	}
	return s.all[c]
}

// none are the representations of an entry that has none yet.
var none CodedSet

// tries says for each coding from which Unix ns on a request may have it made. All
// entries of one content share it: one that is freshened goes on where the one
// before was.
type tries [encode.Codings]atomic.Int64

// madeAgain is when a representation may be made again that is not there though it
// was made: it left with an entry that was replaced at that moment.
const madeAgain = time.Second

// Set returns the representations that there are now.
func (c *Coded) Set() *CodedSet {
	if s := c.set.Load(); s != nil {
		return s
	}
	return &none
}

// Claim reports whether the caller is to have a representation made: it is time,
// and no other caller does it. Without a call of [Coded.Retry] it is for good.
func (c *Coded) Claim(coding encode.Coding, now time.Time) bool {
	try := &c.tries[coding]
	at := try.Load()
	return now.UnixNano() >= at && try.CompareAndSwap(at, rechecking)
}

// Retry says when a representation may be made again.
func (c *Coded) Retry(coding encode.Coding, at time.Time) { c.tries[coding].Store(at.UnixNano()) }

// Codable returns the entry whose own key is key if its response may be coded, and
// does not count as a use of it; else nil.
func (s *Store) Codable(key string, now time.Time) *Entry {
	e, ok := s.cache.Peek(key, now)
	if !ok || e.Response == nil || e.Coded == nil || !s.inForce(e, []byte(key)) {
		return nil // what was purged is no dictionary either
	}
	return e
}

// maxAdds is how often a representation is added whose entry is replaced at the
// same moment.
const maxAdds = 3

// AddCoded adds body, the content of the response of in a coding, to the entry
// under key, if that still has the content.
func (s *Store) AddCoded(key string, of *message.Response, c encode.Coding, body []byte, now time.Time) bool {
	for range maxAdds {
		e := s.Codable(key, now)
		if e == nil || e.Response.Root() != of.Root() {
			return false
		}
		r := e.Response.Coded(c.String(), body)
		r.Pins.SetSize(r.Size())
		if s.add(key, e, c, r) {
			e.Coded.Retry(c, now.Add(madeAgain))
			return true
		}
	}
	return false
}

func (s *Store) add(key string, e *Entry, c encode.Coding, r *message.Response) bool {
	before := e.Coded.Set()
	after := before.with(c, r)
	s.ledger.Stored(&r.Pins)
	added := s.cache.Grow(key, r.Size(), func(there *Entry) bool {
		if there != e || e.Coded.Set() != before {
			return false
		}
		e.Coded.set.Store(after)
		return true
	})
	if !added {
		s.ledger.Evicted(&r.Pins)
	}
	return added
}

// with is the set with a representation more.
func (s *CodedSet) with(c encode.Coding, r *message.Response) *CodedSet {
	more := *s
	more.all[c] = r
	more.There = s.There.With(c)
	return &more
}

// codedFor returns the representations of an entry that is about to be stored
// under key: those that its origin has, and those of the entry before if that has
// the same content.
func (s *Store) codedFor(key string, e *Entry) *Coded {
	r := e.Response
	if !r.MayBeCoded {
		return nil
	}
	c, set := &Coded{tries: new(tries)}, &none
	if old := s.Codable(key, time.Now()); old != nil && old.Response.Root() == r.Root() {
		c.tries = old.Coded.tries
		for coding, was := range old.Coded.Set().all {
			if was == nil {
				continue
			}
			now := was
			if old.Response != r {
				now = r.CodedAs(encode.Coding(coding).String(), was)
				now.Whole = was.Root()
			}
			set = set.with(encode.Coding(coding), now)
		}
		c.before = old.Coded.before
	} else if old != nil && r.Dictionary {
		c.before = newBefore(old, r)
	}
	if e.Answer != nil {
		set = beside(set, e.Answer, r)
	}
	c.set.Store(set)
	return c
}

// beside is the set with the representations that a file's origin has beside it.
func beside(set *CodedSet, a *origin.Answer, r *message.Response) *CodedSet {
	for coding, body := range a.Coded {
		if c := encode.Coding(coding); body != nil && !set.There.Has(c) {
			made := r.Coded(c.String(), body)
			made.Pins.SetSize(made.Size())
			set = set.with(c, made)
		}
	}
	return set
}

// newBefore is what the response r, in whose place old is, may be coded with. Of the
// same content once more it is what it was for that.
func newBefore(old *Entry, r *message.Response) *Before {
	was := old.Response.Body
	switch {
	case bytes.Equal(was, r.Body):
		return old.Coded.before
	case len(was) == 0 || len(was) > encode.MaxDelta || len(r.Body) > encode.MaxDelta || !old.Response.Dictionary:
		return nil
	}
	d := encode.NewDictionary(was)
	return &Before{d, old.Response, d.Available()}
}

// each calls do for each response that an entry has beside its own: those in
// codings, and the one before.
func (c *Coded) each(do func(*message.Response)) {
	if c == nil {
		return
	}
	if c.before != nil {
		do(c.before.Response)
	}
	for _, r := range c.Set().all {
		if r != nil {
			do(r)
		}
	}
}

// codedOverhead is what Coded, its tries, its set and Before take.
const codedOverhead = 256
