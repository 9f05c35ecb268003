package edge

import (
	"slices"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/store"
)

// offered returns the stored responses of a resource that may answer a request
// whose fields select none, if the origin says so (RFC 9111 §4.1): those that any
// client might be given. What varies by user is left out, since an origin that
// gives pages of different users one entity tag would have one see the other's.
func (e *Edge) offered(m *miss) []store.Variant {
	if m.asked.Authorization || m.asked.NoStore {
		return nil
	}
	vary, all := e.store.Variants(m.x.Key, time.Now())
	if vary.Has("cookie") || vary.Has("authorization") {
		return nil
	}
	return slices.DeleteFunc(all, func(v store.Variant) bool {
		return v.Policy.Has(rfc9111.Strips) // the client may be meant to have those fields
	})
}

// withConditions appends the conditions about what is stored.
func (f *fetch) withConditions(fields []hpack.Field) []hpack.Field {
	n := len(fields)
	switch {
	case f.doubted:
	case f.stale != nil && f.stale.Policy.Has(rfc9111.HasValidator):
		fields = rfc9111.Conditional(fields, f.stale.Response.Fields)
	case f.stale == nil:
		var all [][]hpack.Field
		for _, v := range f.variants {
			all = append(all, v.Response.Fields)
		}
		fields = rfc9111.ConditionalVariants(fields, all...)
	}
	f.asksAbout = len(fields) > n
	return fields
}

// named takes a 304 that is about a variant: that is the answer, and is stored
// for this request, too.
func (f *fetch) named(now time.Time) error {
	i := slices.IndexFunc(f.variants, func(v store.Variant) bool {
		return rfc9111.SelectsVariant(v.Response.Fields, f.head.Fields)
	})
	if i < 0 {
		return errAgain
	}
	v := f.variants[i]
	f.stale = v.Entry
	r := f.freshen(f.asked, now)
	switch {
	case f.kept == rfc9111.Stored:
		f.edge.store.Renew(f.key, v.Own, r, f.policy)
	case f.kept == rfc9111.TooManyVariants, ofRequest(f.kept):
	default:
		f.edge.store.Remove(v.Own)
	}
	return f.current(r, f.reason)
}
