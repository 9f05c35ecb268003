package encode

import (
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// MaxContent is the largest content that is coded, in bytes: at the rate of the
// slowest coder it takes half a second of a core. Larger ones are archives and
// media more often than text.
const MaxContent = 8 << 20

// Policy is what a site does about codings. It is immutable; nil is that nothing
// is coded.
type Policy struct {
	// Prefer are the codings that answers may have, the preferred one first.
	Prefer []Coding

	// Made are those that are made of what is stored; others are there only if
	// the origin has them beside the original.
	Made Mask

	// Deltas is whether a content is kept when another one takes its place, so that
	// clients which have it get what differs: Dcz and Dcb are among those that are made.
	Deltas bool

	Types Types // of the contents that are coded
	Min   int64 // the smallest content that is coded, in bytes
}

// Codes reports whether a response is one that may be coded: a 200 whose content
// has a type that is, of a size that is worth it, as far as that is known (length
// is -1 if not), and of which nothing forbids it: it is coded already, or a part,
// or may not be transformed (RFC 9110 §7.7), or it has digests, which would be
// another content's.
func (p *Policy) Codes(status int, fields []hpack.Field, length int64) bool {
	if p == nil || p.Made == 0 || status != 200 || length >= 0 && (length < p.Min || length > MaxContent) {
		return false
	}
	matches := false
	for i := range fields {
		if fields[i].Name == "content-type" {
			matches = p.Types.Match(fields[i].Value)
		}
	}
	return matches && Free(fields)
}

// Free reports whether nothing in the fields of a response forbids to send its
// content in another coding.
func Free(fields []hpack.Field) bool {
	for i := range fields {
		switch f := &fields[i]; f.Name {
		case "content-encoding", "content-range", "content-md5", "digest", "content-digest", "repr-digest":
			return false
		case "cache-control", "cdn-cache-control": // either: the stricter one counts
			if noTransform(f.Value) {
				return false
			}
		}
	}
	return true
}

func noTransform(directives string) bool {
	for directive := range strings.SplitSeq(directives, ",") {
		if strings.EqualFold(trim(directive), "no-transform") {
			return true
		}
	}
	return false
}

// Pick chooses what answers a request that accepts a, if the codings of there are
// there: best, which is Identity if none of them is better, or acceptable. missing
// is the one that would be better still and is to be made; Identity if there is
// none. It does not allocate.
func (p *Policy) Pick(a Accept, there Mask) (best, missing Coding) {
	best, missing = Identity, Identity
	most := int(a.rank(Identity)) * (Codings + 1)
	wanted := most
	for i, c := range p.Prefer {
		rank := a.rank(c)
		if rank == 0 {
			continue
		}
		// By rank, then by our preference: at the same rank any coding is better
		// than identity.
		score := int(rank)*(Codings+1) + Codings - i
		if there.Has(c) && score > most {
			best, most = c, score
		}
		if score > wanted && (there.Has(c) || p.Made.Has(c)) {
			missing, wanted = c, score
		}
	}
	if there.Has(missing) {
		missing = Identity
	}
	return best, missing
}
