package edge

import (
	"net/netip"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/encode"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/site"
	"github.com/e0ac7cd4/hotpath/server/store"
)

// Client is a [message.ClientFunc].
func (e *Edge) Client(peer netip.Addr, r *message.Request) (client netip.Addr, trusted bool) {
	return e.sites.Load().Client(peer, r)
}

// Look implements [message.Source].
func (e *Edge) Look(l *message.Lookup, r *message.Request, now time.Time) bool {
	l.Reset()
	if r.Method != "GET" && r.Method != "HEAD" {
		return false
	}
	sites := e.sites.Load()
	s, _ := sites.Route(r)
	if s == nil {
		return false
	}
	l.Policy, l.Tally, l.Epoch = s, s.Tally, sites.Epoch()
	if !s.Clients.Admits(r.Identity) {
		return false // Serve says so
	}
	if s.Guard != nil && !s.Guard.Passes(r) {
		return false // Serve answers
	}
	key, ok := s.AppendKey(l.Key, r)
	if !ok {
		l.Key = key[:0]
		return false
	}
	resource := len(key)
	entry, key, _ := e.store.Find(key, r.Fields, now)
	if entry == nil || entry.Response == nil {
		l.Key = key[:resource]
		return false
	}
	l.Key = key
	if s.Files {
		if hasContent(r) || entry.Answer == nil || !entry.Serves(now) {
			return false
		}
		l.Repeatable = true
		if entry.ClaimRecheck(now) {
			e.revalidate(s, string(key), string(key), nil, entry, now)
		}
	} else {
		asked := ask(r.Method, r, s)
		verdict, _ := rfc9111.Reuse(&asked, entry.Policy(), now)
		switch verdict {
		case rfc9111.Serve:
			l.SharedOnly = asked.PlainAuthorized()
			l.Repeatable = l.SharedOnly || asked.Plain()
		case rfc9111.ServeAndRevalidate:
		default:
			l.Key = key[:resource]
			return false
		}
		if verdict == rfc9111.ServeAndRevalidate && !asked.NoStore && entry.ClaimRecheck(now) {
			e.revalidate(s, string(key[:resource]), string(key), r, entry, now)
		}
	}
	l.Response, l.Status = entry.Response, s.HitStatus
	if entry.Coded != nil && s.Coding != nil {
		accept := encode.ParseAccept(r.Fields)
		if s.Coding.Deltas {
			var named bool
			if accept, named = withDictionary(r, entry, accept); named {
				l.Repeatable = false // it is about this entry
			}
		}
		l.Accept = uint32(accept)
		l.Response = e.represent(s, entry, key, accept, now)
		if message.Conditional(r) {
			l.Response = named(r, entry, l.Response, accept)
		}
	}
	return true
}

// Again implements [message.Source].
func (e *Edge) Again(l *message.Lookup, now time.Time) bool {
	if l.Epoch != e.sites.Load().Epoch() {
		return false // another site may have it now, or other rules
	}
	entry := e.store.Exact(l.Key, now)
	if entry == nil {
		return false
	}
	s := l.Policy.(*site.Site)
	if s.Files {
		if entry.Answer == nil || !entry.Serves(now) {
			return false
		}
		if entry.ClaimRecheck(now) {
			e.revalidate(s, string(l.Key), string(l.Key), nil, entry, now)
		}
	} else if p := entry.Policy(); p.Flags&rfc9111.NoCache != 0 || !p.Fresh(now) || l.SharedOnly && !p.Has(rfc9111.Shared) {
		return false // what is stale is for Look
	}
	l.Response = entry.Response
	if entry.Coded != nil && s.Coding != nil {
		if l.Accept == 0 {
			return false // what Look found had no codings, so it has not read what is accepted
		}
		l.Response = e.represent(s, entry, l.Key, encode.Accept(l.Accept), now)
	}
	return true
}

// ask reads the directives of a request for a cache.
func ask(method string, r *message.Request, s *site.Site) rfc9111.Asked {
	asked := rfc9111.Ask(method, r.Fields, s.Rules)
	if s.Guard.Takes() {
		asked.Admitted()
	}
	if s.Clients != nil && r.Identity.Certified() != nil {
		asked.Identify() // behind Admitted: what a certificate says does reach the origin
	}
	return asked
}

// hasContent reports whether the fields of a request say that it has content,
// which no file takes.
func hasContent(r *message.Request) bool {
	for i := range r.Fields {
		switch f := &r.Fields[i]; f.Name {
		case "transfer-encoding", "expect":
			return true
		case "content-length":
			return f.Value != "0"
		}
	}
	return false
}

// usable is what may answer a request that was not a hit a moment ago.
type usable struct {
	entry   *store.Entry // a response that is stored for the request, fresh or not; nil if there is none
	own     string       // its key
	verdict rfc9111.Verdict
	reason  rfc9111.Reason
	mark    rfc9111.Reason // why the last response was not stored, if that is remembered
}

// consider looks again, without counting, and returns what is to be done.
func (e *Edge) consider(s *site.Site, key string, r *message.Request, asked *rfc9111.Asked, now time.Time) usable {
	entry, own, variant, purged := e.store.Peek([]byte(key), r.Fields, now)
	u := usable{own: string(own)}
	if entry != nil && entry.Response == nil {
		u.verdict, u.reason = rfc9111.Reuse(asked, nil, now)
		if u.reason == rfc9111.Miss {
			u.reason, u.mark = rfc9111.KnownUncacheable, entry.Uncacheable
		}
		return u
	}
	if entry == nil {
		u.verdict, u.reason = rfc9111.Reuse(asked, nil, now)
		switch {
		case u.reason != rfc9111.Miss:
		case purged:
			u.reason = rfc9111.Invalidated
		case variant:
			u.reason = rfc9111.VaryMismatch
		}
		return u
	}
	u.entry = entry
	switch {
	case s.Files && entry.Serves(now):
		u.verdict, u.reason = rfc9111.Serve, rfc9111.Fresh
		return u
	case s.Files: // it is compared with the file, and is no answer before
		u.verdict, u.reason = rfc9111.Reuse(asked, nil, now)
		return u
	}
	u.verdict, u.reason = rfc9111.Reuse(asked, entry.Policy(), now)
	return u
}
