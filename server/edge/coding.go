package edge

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/encode"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/site"
	"github.com/e0ac7cd4/hotpath/server/store"
)

// codable is r, which is about to be stored, marked as one that may be coded if it
// may: if its site codes such contents, whether by the origin's fields or by those
// of the site's rules nothing forbids it, and if it is for everybody. length is that
// of its content, -1 if it is not known.
//
// The size of what is coded shows how alike its parts are (BREACH): what repeats a
// request beside a secret must not be coded. What is stored is the same for all who
// may ask for it, and so has no user's secret, but for those who had to show who
// they are, or are known by a cookie that the response varies by; and a file repeats
// nothing.
func (f *fetch) codable(r *message.Response, length int64) *message.Response {
	s := f.site
	if !s.Coding.Codes(r.Status, r.AsSent(), length) || r.Ruled != nil && !encode.Free(r.Fields) {
		return r
	}
	if !s.Files && (f.asked.Authorization || s.Guard.Takes() || s.Clients != nil || varies(r, "cookie", "authorization")) {
		return r
	}
	return f.dictionary(r.Codable(), length)
}

// varies reports whether a response is for some clients by one of the fields.
func varies(r *message.Response, fields ...string) bool {
	vary, ok := rfc9111.ParseVary(r.AsSent())
	return !ok || slices.ContainsFunc(fields, vary.Has)
}

// dictionary is r, which may be coded and whose content has so many bytes, as a
// dictionary for what takes its place, if its site has such.
func (f *fetch) dictionary(r *message.Response, length int64) *message.Response {
	if !f.site.Coding.Deltas || length > encode.MaxDelta {
		return r
	}
	path := f.request.Path
	if f.site.Files {
		path = (&url.URL{Path: f.site.Unstripped(site.Path(f.key))}).EscapedPath()
	}
	path, _, _ = strings.Cut(path, "?")
	if !plainPath.MatchString(path) {
		return r
	}
	return r.AsDictionary(path)
}

// plainPath is a path that stands for itself in a URL pattern and in quotes.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9/._~%@,=&;$!'-]*$`)

// withDictionary is what a request accepts if the entry answers it: what is coded
// with a dictionary only if the client has that one. named is that the request names
// one.
func withDictionary(r *message.Request, entry *store.Entry, accept encode.Accept) (a encode.Accept, named bool) {
	available, named := r.Field("available-dictionary")
	if before := entry.Coded.Before(); named && before != nil && available == before.Available {
		return accept, true
	}
	return accept.WithoutDeltas(), named
}

// codableFile is codable for a file, which may be there in codings already.
func (f *fetch) codableFile(r *message.Response, coded [][]byte) *message.Response {
	if coded != nil && encode.Free(r.Fields) {
		return f.dictionary(r.Codable(), int64(len(r.Body)))
	}
	return f.codable(r, int64(len(r.Body)))
}

// represent chooses the representation of an entry, whose own key is borrowed,
// that answers a request which accepts such codings, and has the one made that
// would be better.
func (e *Edge) represent(s *site.Site, entry *store.Entry, own []byte, accept encode.Accept, now time.Time) *message.Response {
	set := entry.Coded.Set()
	best, missing := s.Coding.Pick(accept, set.There)
	if missing != encode.Identity && entry.Coded.Claim(missing, now) {
		e.askFor(entry, own, missing, now)
	}
	return set.Of(best, entry.Response)
}

// askFor has a representation made in the background; the caller has claimed that.
func (e *Edge) askFor(entry *store.Entry, own []byte, c encode.Coding, now time.Time) {
	if !e.compressors.Offer(encode.Job{Key: string(own), Coding: c}) {
		entry.Coded.Retry(c, now.Add(compressPause))
		e.metrics.Compressions.Add(e.stripe, metrics.Coding(c), metrics.CompressionDropped, 1)
	}
}

// represented is represent for the slow path, under the conditions of r: what
// answers it if that is resp, which may be stored under own by now, in any coding.
func (e *Edge) represented(s *site.Site, r *message.Request, own string, resp *message.Response) *message.Response {
	if s.Coding == nil || !resp.MayBeCoded {
		return resp
	}
	now := time.Now()
	entry := e.store.Codable(own, now)
	if entry == nil || entry.Response != resp {
		return resp
	}
	accept := encode.ParseAccept(r.Fields)
	if s.Coding.Deltas {
		accept, _ = withDictionary(r, entry, accept)
	}
	return named(r, entry, e.represent(s, entry, []byte(own), accept, now), accept)
}

// named is the representation of an entry that the conditions of a request are
// about: that of an entity tag which the client has, if it accepts it still, so
// that a copy in one coding is not sent again in another; chosen, if they name
// none. A range is one of the content as it is, unless If-Range has the tag of
// another, for which representation the client has a part of shows in nothing else.
func named(r *message.Request, entry *store.Entry, chosen *message.Response, accept encode.Accept) *message.Response {
	set, ranged := entry.Coded.Set(), false
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.Name {
		case "range":
			ranged = true
			continue
		case "if-match", "if-none-match", "if-range":
		default:
			continue
		}
		if names(f.Value, chosen) {
			return chosen
		}
		for c := encode.Brotli; c <= encode.Identity; c++ {
			if c != encode.Identity && !set.There.Has(c) || !accept.Takes(c) {
				continue
			}
			if other := set.Of(c, entry.Response); names(f.Value, other) {
				return other
			}
		}
	}
	if ranged && accept.Takes(encode.Identity) {
		return entry.Response
	}
	return chosen
}

// codedTags are the ends of entity tags that [message.Response.Coded] has made.
var codedTags = regexp.MustCompile(`([^"])-(?:br|zstd|gzip|dcz|dcb)-[A-Za-z0-9_-]{12}"`)

// ownTags are the fields of a request that is passed on to an upstream whose
// responses are coded here: with its own entity tags in If-Match. What a client has
// seen in a coding is the state that it is about to change.
func ownTags(s *site.Site, fields []hpack.Field) []hpack.Field {
	if s.Files || s.Coding == nil {
		return fields
	}
	for i, f := range fields {
		if f.Name == "if-match" && codedTags.MatchString(f.Value) {
			fields = slices.Clone(fields)
			fields[i].Value = codedTags.ReplaceAllString(f.Value, `$1"`)
		}
	}
	return fields
}

// names reports whether a condition has the entity tag of resp, weak or not. That it
// is met is for [message.Evaluate] to say.
func names(condition string, resp *message.Response) bool {
	tag := strings.TrimPrefix(resp.ETag, "W/")
	return tag != "" && strings.Contains(condition, tag)
}
