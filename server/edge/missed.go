package edge

import (
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
	path, query := pathOf(m.site, m.x.Key)
	e.missed.Note(&missed.Miss{Site: m.site.Name, Path: path, Query: query, Reason: reason}, time.Now())
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
		e.log.Warn("a path has very many keys: each query is stored apart; the site may leave parameters out of its keys", "site", p.Site,
			"path", p.Path, "queries", p.Queries, "parameter", p.Parameter, "values", p.Values, "withheld", withheld)
	}
}
