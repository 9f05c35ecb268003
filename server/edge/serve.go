package edge

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// Serve implements [message.Handler]. It answers every request.
func (e *Edge) Serve(ctx context.Context, x *message.Exchange) {
	s, ok := e.enter(x)
	if s != nil {
		defer s.Leave()
		x.Account.For(s.Name)
		x.Reply.Explain(message.Outcome{Result: metrics.Bypass, Tally: s.Tally}) // until more is known
		x.Reply = s.Answers.Reply(x.Reply)
	}
	switch {
	case !ok:
		x.Reply.Send(badRequest)
	case s != nil && !s.Clients.Admits(x.Identity):
		// Its connection was made for another site, or before this one asked
		// for certificates. A new one is asked for the right one.
		x.Reply.Send(misdirected)
	case s == nil && x.Proto.Multiplexed():
		// The client may hold this connection for another host's, whose
		// certificate names this one as well (RFC 9113 §9.1.1).
		x.Reply.Send(misdirected)
	case s == nil:
		x.Reply.Send(noSuchHost)
	default:
		e.serveSite(ctx, x, s)
	}
}

// serveSite answers for a site, if its rules let the request pass.
func (e *Edge) serveSite(ctx context.Context, x *message.Exchange, s *site.Site) {
	if answer := s.Guard.Answer(ctx, &x.Request); answer != nil {
		x.Reply.Send(answer)
		return
	}
	x.Fields = forOrigin(x.Fields, s)
	if !e.limitBody(x, s) {
		x.Reply.Send(tooLarge)
		return
	}
	own := ownAnswerTo(s, &x.Request, x.Upgrade)
	switch {
	case own != nil:
		x.Reply.Send(own.response)
	case s.Files:
		e.serveFiles(ctx, x, s)
	default:
		e.serveUpstream(ctx, x, s)
	}
}

// forOrigin are the fields of a request that its site has admitted: without the
// credentials, if they were for us. It changes fields.
func forOrigin(fields []hpack.Field, s *site.Site) []hpack.Field {
	if !s.Guard.Takes() {
		return fields
	}
	return slices.DeleteFunc(fields, func(f hpack.Field) bool { return f.Name == "authorization" })
}

// enter finds the site of an exchange, which the caller has to leave, nil if there
// is none. It reports false if it depends on how the path is read. It is the one
// that the engine's look has found, unless that has been retired since: then what
// was found out is forgotten, and looked up again.
func (e *Edge) enter(x *message.Exchange) (s *site.Site, ok bool) {
	s, _ = x.Policy.(*site.Site)
	for {
		if s != nil && s.Enter() {
			return s, true
		}
		x.Policy, x.Key = nil, ""
		if s, ok = e.sites.Load().Route(&x.Request); s == nil {
			return nil, ok
		}
	}
}

// serveFiles answers for a directory.
func (e *Edge) serveFiles(ctx context.Context, x *message.Exchange, s *site.Site) {
	if x.Key == "" {
		key, ok := s.AppendKey(nil, &x.Request)
		if !ok {
			x.Reply.Send(badRequest)
			return
		}
		x.Key = string(key)
	}
	asked := ask(x.Method, &x.Request, s)
	e.answer(&miss{ctx: ctx, x: x, site: s, asked: &asked})
}

// serveUpstream answers for another server.
func (e *Edge) serveUpstream(ctx context.Context, x *message.Exchange, s *site.Site) {
	asked := ask(x.Method, &x.Request, s)
	asked.Content = asked.Content || x.Body != nil
	if x.Key == "" {
		if key, ok := s.AppendKey(nil, &x.Request); ok {
			x.Key = string(key)
		}
	}
	m := &miss{ctx: ctx, x: x, site: s, asked: &asked}
	if x.Key == "" || x.Upgrade != "" {
		m.reason = rfc9111.Method
		e.pass(m)
		return
	}
	if x.Method == methodQuery {
		content, done, ok := e.readQuery(x, s)
		defer done()
		if !ok {
			m.reason = rfc9111.RequestContent
			e.pass(m)
			return
		}
		m.content, asked.Content = content, false
	}
	e.answer(m)
}

// allow is every method that a file has (RFC 9110 §10.2.1).
const allow = "GET, HEAD, OPTIONS"

// ownAnswer is what hotpath answers by itself to requests of a kind, and why, for a
// person.
type ownAnswer struct {
	response *message.Response
	why      string
}

var (
	fileOptions = &ownAnswer{options, "Files have GET, HEAD and OPTIONS."}
	fileMethod  = &ownAnswer{methodNotAllowed, "Files have GET, HEAD and OPTIONS."}
	// A way through to any host is for a forward proxy.
	noConnect = &ownAnswer{methodNotAllowed, "A CONNECT is for a forward proxy, which hotpath is not."}
	// What an upstream would reflect are the client's secrets and those of fields that
	// are added on the way. A server may refuse it (RFC 9110 §9.1).
	refusedTrace = &ownAnswer{noTrace, "A TRACE would show what fields hotpath adds for the upstream."}
	lastOptions  = &ownAnswer{lastAnswer, "Max-Forwards is 0: the OPTIONS is for hotpath itself."}
)

// ownAnswerTo is the answer to a request that the rules of its site let pass, if it is
// neither for the cache nor for the origin; nil: it is.
func ownAnswerTo(s *site.Site, r *message.Request, upgrade string) *ownAnswer {
	switch {
	case s.Files && r.Method == http.MethodOptions:
		return fileOptions
	case s.Files && r.Method != http.MethodGet && r.Method != http.MethodHead:
		return fileMethod
	case r.Method == http.MethodConnect && upgrade == "":
		return noConnect
	case r.Method == http.MethodTrace:
		return refusedTrace
	case r.Method == http.MethodOptions && lastHop(r.Fields):
		return lastOptions
	}
	return nil
}

// lastHop reports whether Max-Forwards makes us the recipient of an OPTIONS
// request (RFC 9110 §7.6.2): it is a number, and that is 0.
func lastHop(fields []hpack.Field) bool {
	for i := range fields {
		if v := fields[i].Value; fields[i].Name == "max-forwards" && v != "" && strings.Trim(v, "0") == "" {
			return true
		}
	}
	return false
}

// answer answers a request that has a key.
func (e *Edge) answer(m *miss) {
	m.usable = e.consider(m.site, m.x.Key, &m.x.Request, m.asked, time.Now())
	course := m.courseOf(m.site, m.asked)
	if course != served && m.reason != rfc9111.Method {
		e.noteMiss(m)
	}
	switch course {
	case served:
		e.hit(m)
	case cachedOnly:
		m.x.Reply.Explain(outcome(m.site, metrics.Miss, &rfc9111.CacheStatus{Served: m.reason}))
		m.x.Reply.Send(timedOut)
	case passed:
		e.passHead(m)
	case alone:
		e.alone(m)
	case shared:
		e.share(m)
	}
}

// course is what is done with a request that has a key.
type course uint8

const (
	served     course = iota // what is stored answers
	cachedOnly               // nothing stored does, and the client wants nothing else
	passed                   // it is sent on as it is, and its answer not stored
	alone                    // it is fetched for this request
	shared                   // it is fetched for all who miss the same
)

// courseOf decides on it.
func (u *usable) courseOf(s *site.Site, asked *rfc9111.Asked) course {
	switch u.verdict {
	case rfc9111.Serve, rfc9111.ServeAndRevalidate:
		return served
	case rfc9111.GatewayTimeout:
		return cachedOnly
	}
	switch {
	case s.Files:
		return shared
	case u.reason == rfc9111.Method, u.reason == rfc9111.RequestContent, u.reason == rfc9111.RequestCondition:
		return passed
	case asked.NoStore, asked.Authorization, u.reason == rfc9111.KnownUncacheable:
		return alone
	}
	return shared
}

// hit answers with what was stored since the engine looked.
func (e *Edge) hit(m *miss) {
	x, s, u, asked := m.x, m.site, &m.usable, m.asked
	now := time.Now()
	if (s.Files || u.verdict == rfc9111.ServeAndRevalidate && !asked.NoStore) && u.entry.ClaimRecheck(now) {
		e.revalidate(s, x.Key, u.own, &x.Request, u.entry, now)
	}
	x.Reply.Explain(outcome(s, metrics.Hit, &rfc9111.CacheStatus{Served: u.reason}))
	x.Reply.Send(message.Select(&x.Request, e.represented(s, &x.Request, u.own, u.entry.Response)))
}

// outcome says how the cache took part, to metrics, log and client.
func outcome(s *site.Site, result metrics.CacheResult, c *rfc9111.CacheStatus) message.Outcome {
	o := message.Outcome{Result: result, Served: c.Served, Kept: c.Kept, Tally: s.Tally}
	if s.HitStatus != nil {
		var room [96]byte
		c.Cache = cacheName
		o.Status = string(rfc9111.AppendCacheStatus(room[:0], c))
	}
	return o
}

// cacheName is what we are called in Cache-Status, Via and Proxy-Status.
const cacheName = "hotpath"

// HitStatus is the Cache-Status of every hit.
var HitStatus = message.NewFixedField(message.CacheStatus, cacheName+"; hit")
