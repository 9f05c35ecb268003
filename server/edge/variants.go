package edge

import (
	"slices"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
)

// variant is a stored response that the origin is asked about: not its content,
// which may be evicted meanwhile.
type variant struct {
	own    string // its key
	fields []hpack.Field
}

// apart are fields by which origins give different responses one entity tag: what
// is for one user or one origin of scripts would be given to another, and what is
// coded to a client that does not decode it.
var apart = []string{"accept-encoding", "authorization", "cookie", "origin"}

// offered returns the stored responses of a resource that may answer a request
// whose fields select none, if the origin says so (RFC 9111 §4.1): those that any
// client might be given.
func (e *Edge) offered(m *miss) (all []variant) {
	if m.asked.Authorization || m.asked.NoStore {
		return nil
	}
	vary, stored := e.store.Variants(m.x.Key, time.Now())
	if slices.ContainsFunc(apart, vary.Has) {
		return nil
	}
	for _, v := range stored {
		if !v.Policy().Has(rfc9111.Strips) { // the client may be meant to have those fields
			all = append(all, variant{v.Own, v.Response.AsSent()})
		}
	}
	return all
}

// withConditions appends the conditions about what is stored.
func (f *fetch) withConditions(fields []hpack.Field) []hpack.Field {
	n := len(fields)
	switch {
	case f.doubted:
	case f.stale != nil && f.stale.Policy().Has(rfc9111.HasValidator):
		fields = rfc9111.Conditional(fields, f.stale.Response.AsSent())
	case f.stale == nil:
		var all [][]hpack.Field
		for _, v := range f.variants {
			all = append(all, v.fields)
		}
		fields = rfc9111.ConditionalVariants(fields, all...)
	}
	f.asksAbout = len(fields) > n
	return fields
}

// named takes a 304 that is about a variant: that is the answer, and is stored for
// this request. The variant stays as it is for the requests that it is for: the
// fields of the 304 are for this one.
func (f *fetch) named(now time.Time) error {
	i := slices.IndexFunc(f.variants, func(v variant) bool { return rfc9111.SelectsVariant(v.fields, f.head.Fields) })
	if i < 0 {
		return errAgain
	}
	e := f.edge.store.Exact([]byte(f.variants[i].own), now)
	if e == nil || !rfc9111.SelectsVariant(e.Response.AsSent(), f.head.Fields) {
		return errAgain // it has been evicted or replaced meanwhile
	}
	f.stale = e
	return f.current(f.freshen(f.asked, now), f.reason)
}
