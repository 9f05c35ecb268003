package edge

import (
	"crypto/sha256"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/missed"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// Misses are the paths whose requests miss most, at most n.
func (e *Edge) Misses(n int) []missed.Path { return e.missed.Top(n, time.Now()) }

// Heaviest are the paths that had a good part of the misses of the last whole period.
func (e *Edge) Heaviest() []missed.Heavy { return e.missed.Heaviest(time.Now()) }

// Slowest are the paths whose fetches take longest, at most n.
func (e *Edge) Slowest(n int) []missed.SlowPath { return e.slowest.Top(n, time.Now()) }

// noteTime counts how long a fetch took to the head of its answer, or to its failure.
// How long the rest takes may be the client's to say.
func (f *fetch) noteTime() {
	if f.key == "" {
		return
	}
	now := time.Now()
	took := f.toHead
	if took == 0 {
		took = now.Sub(f.began)
	}
	path, _ := pathOf(f.site, f.key)
	f.edge.slowest.Note(f.site.Name, path, took, now)
}

// noteMiss counts a request that what is stored might have answered, and did not.
func (e *Edge) noteMiss(m *miss) {
	reason := m.reason
	if m.mark != rfc9111.None {
		reason = m.mark // more than that it is known
	}
	now := time.Now()
	path, query := pathOf(m.site, m.x.Key)
	e.missed.Note(&missed.Miss{Site: m.site.Name, Path: path, Query: query, Key: m.own, Parts: e.keyParts(m, now), Reason: reason}, now)
}

// keyParts are the parts of a request beside its URL that are in the key of its answer:
// those that the site names, the content of a QUERY, and the fields that select among
// what is stored.
func (e *Edge) keyParts(m *miss, now time.Time) (all []missed.Part) {
	for _, v := range m.site.NamedValues(m.x.Fields) {
		all = append(all, missed.Part{Name: v.Kind + " " + v.Name, Value: v.Value})
	}
	if m.x.Method == methodQuery {
		all = append(all, missed.Part{Name: "the content", Value: m.x.Key[len(m.x.Key)-sha256.Size:]})
	}
	vary := e.store.Vary(m.x.Key, now)
	if vary == "" {
		return all
	}
	for name := range strings.SplitSeq(string(vary), ",") {
		value := rfc9111.Vary(name).AppendKey(nil, m.x.Fields)
		all = append(all, missed.Part{Name: "field " + name, Value: string(value)})
	}
	return all
}

// lastMiss is the latest miss of a key's path; nil: none is remembered.
func (e *Edge) lastMiss(s *site.Site, key string, now time.Time) *LastMiss {
	path, _ := pathOf(s, key)
	last, ok := e.missed.Last(s.Name, path, now)
	if !ok {
		return nil
	}
	return &LastMiss{Ago: int64(now.Sub(last.At).Seconds()), Query: last.Query, Reason: last.Reason.String(), Because: last.Reason.Sentence()}
}

// pathOf is a key's path with its host, and what of the query makes keys, with its "?".
func pathOf(s *site.Site, key string) (path, query string) {
	text := s.KeyText(key)
	if i := strings.IndexByte(text, '?'); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

// warnOfKeys says that a cache has no use of a path.
func (e *Edge) warnOfKeys(p missed.Path) {
	if withheld, ok := e.failed.Allow("keys", time.Now()); ok {
		e.log.Warn("a path has very many keys: what is stored for one answers no request with another; the site may leave parts out of its keys, or the origin fields out of Vary", "site", p.Site,
			"path", p.Path, "keys", p.Keys, "by", p.Part, "values", p.Values, "withheld", withheld)
	}
}
