package edge

import (
	"context"
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// Serve implements [message.Handler]. It answers every request.
func (e *Edge) Serve(ctx context.Context, x *message.Exchange) {
	s, _ := x.Policy.(*site.Site)
	if s == nil {
		s = e.sites.Load().Find(x.Authority)
	}
	switch {
	case s == nil && x.Proto == message.HTTP2:
		// The client may hold this connection for another host's, whose
		// certificate names this one as well (RFC 9113 §9.1.1).
		x.Reply.Send(misdirected)
	case s == nil:
		x.Reply.Send(noSuchHost)
	case s.Files:
		e.serveFiles(ctx, x, s)
	default:
		e.serveUpstream(ctx, x, s)
	}
}

// allow is every method that a file has (RFC 9110 §10.2.1).
const allow = "GET, HEAD, OPTIONS"

// serveFiles answers for a directory.
func (e *Edge) serveFiles(ctx context.Context, x *message.Exchange, s *site.Site) {
	switch x.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		x.Reply.Send(options)
		return
	default:
		x.Reply.Send(methodNotAllowed)
		return
	}
	if x.Key == "" {
		key, ok := s.AppendKey(nil, &x.Request)
		if !ok {
			x.Reply.Send(badRequest)
			return
		}
		x.Key = string(key)
	}
	asked := rfc9111.Ask(x.Method, x.Fields, s.Rules)
	e.answer(ctx, x, s, &asked)
}

// serveUpstream answers for another server.
func (e *Edge) serveUpstream(ctx context.Context, x *message.Exchange, s *site.Site) {
	if x.Method == http.MethodConnect && x.Upgrade == "" {
		x.Reply.Send(methodNotAllowed) // a way through to any host is for a forward proxy
		return
	}
	asked := rfc9111.Ask(x.Method, x.Fields, s.Rules)
	asked.Content = x.Body != nil
	if x.Key == "" {
		if key, ok := s.AppendKey(nil, &x.Request); ok {
			x.Key = string(key)
		}
	}
	if x.Key == "" || x.Upgrade != "" {
		e.pass(ctx, x, s, &asked, rfc9111.Method, usable{})
		return
	}
	e.answer(ctx, x, s, &asked)
}

// answer answers a request that has a key.
func (e *Edge) answer(ctx context.Context, x *message.Exchange, s *site.Site, asked *rfc9111.Asked) {
	u := e.consider(s, x.Key, &x.Request, asked, time.Now())
	switch u.verdict {
	case rfc9111.Serve, rfc9111.ServeAndRevalidate:
		e.hit(x, s, u)
		return
	case rfc9111.GatewayTimeout:
		x.Reply.Explain(outcome(s, metrics.Miss, &rfc9111.CacheStatus{Served: u.reason}))
		x.Reply.Send(timedOut)
		return
	}
	switch {
	case s.Files:
		e.share(ctx, x, s, asked, u)
	case u.reason == rfc9111.Method, u.reason == rfc9111.RequestContent, u.reason == rfc9111.RequestCondition:
		e.pass(ctx, x, s, asked, u.reason, u)
	case x.Method == http.MethodHead:
		e.pass(ctx, x, s, asked, u.reason, u)
	case asked.NoStore, asked.Authorization, u.reason == rfc9111.KnownUncacheable:
		e.alone(ctx, x, s, asked, u)
	default:
		e.share(ctx, x, s, asked, u)
	}
}

// hit answers with what was stored since the engine looked.
func (e *Edge) hit(x *message.Exchange, s *site.Site, u usable) {
	now := time.Now()
	if (s.Files || u.verdict == rfc9111.ServeAndRevalidate) && u.entry.ClaimRecheck(now) {
		e.revalidate(s, x.Key, u.own, &x.Request, u.entry, now)
	}
	x.Reply.Explain(outcome(s, metrics.Hit, &rfc9111.CacheStatus{Served: u.reason}))
	x.Reply.Send(message.Select(&x.Request, u.entry.Response))
}

// outcome says how the cache took part, to metrics, log and client.
func outcome(s *site.Site, result metrics.CacheResult, c *rfc9111.CacheStatus) message.Outcome {
	o := message.Outcome{Result: result, Served: c.Served, Kept: c.Kept}
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

// originFields are the fields that the origin is asked with for a response that
// is to be stored: the request's, but for its range and the conditions about the
// client's copy, which are answered from what is stored.
func originFields(fields []hpack.Field) []hpack.Field {
	kept := make([]hpack.Field, 0, len(fields)+2)
	for _, f := range fields {
		switch f.Name {
		case "range", "if-range", "if-none-match", "if-modified-since":
		default:
			kept = append(kept, f)
		}
	}
	return kept
}
