package edge

import (
	"context"
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/nethttp"
	"github.com/e0ac7cd4/hotpath/server/purge"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// miss is a request that what is stored does not answer.
type miss struct {
	ctx   context.Context
	x     *message.Exchange
	site  *site.Site
	asked *rfc9111.Asked
	usable
	content []byte // of a QUERY

	collapsed bool   // it joined a fetch that was under way
	purged    uint64 // the last purge when it joined
}

// maxJoins is how many flights a request joins before it fetches for itself:
// that of the resource, which shows by what its variants are selected, then that
// of its variant. An origin whose Vary changes all the time would cost more.
const maxJoins = 2

// share answers a miss with the fetch that is under way, or begins one.
func (e *Edge) share(m *miss) {
	for range maxJoins {
		fl, joined := e.join(m)
		switch {
		case fl == nil:
			return // answered, or passed on
		case !joined:
			e.newFetch(m).lead(m.ctx, fl)
			return
		}
		if e.await(m, fl) {
			return
		}
		// It was not for this request. By now it may show what is.
		m.usable = e.consider(m.site, m.x.Key, &m.x.Request, m.asked, time.Now())
		if m.verdict == rfc9111.Serve || m.verdict == rfc9111.ServeAndRevalidate {
			e.hit(m)
			return
		}
		if m.own == fl.key {
			break
		}
	}
	e.alone(m)
}

// join returns the flight that fetches what m misses, and whether it was under
// way. It is nil if m was answered without.
func (e *Edge) join(m *miss) (fl *flight, joined bool) {
	e.mu.Lock()
	if fl := e.flights[m.usable.own]; fl != nil && !e.outdated(m.x.Key, fl) {
		fl.members++
		m.purged = e.store.Purges().Last()
		e.mu.Unlock()
		m.collapsed = true
		e.metrics.CoalescedMisses.Add(e.stripe, 1)
		return fl, true
	}
	// A flight stores, or leaves a mark, before it leaves the map: what it did
	// since m was looked up is seen here, and not fetched again.
	u := e.consider(m.site, m.x.Key, &m.x.Request, m.asked, time.Now())
	switch {
	case u.verdict == rfc9111.Serve, u.verdict == rfc9111.ServeAndRevalidate:
		e.mu.Unlock()
		m.usable = u
		e.hit(m)
		return nil, false
	case m.x.Method == http.MethodHead && !m.site.Files, u.reason == rfc9111.KnownUncacheable:
		e.mu.Unlock()
		m.usable = u
		e.alone(m)
		return nil, false
	}
	m.usable = u
	fl = e.takeOff(m)
	if m.site.Files {
		// On a goroutine of its own: a disk that does not answer must not
		// hold the request longer than it may wait.
		var stop context.CancelFunc
		fl.ctx, stop = context.WithTimeoutCause(fl.ctx, e.timeout, errTimeout)
		f := e.newFetch(m)
		f.x = nil
		m.site.Stay() // the members may leave before it
		go func() {
			defer m.site.Leave()
			defer stop()
			f.fly(fl)
		}()
		e.mu.Unlock()
		return fl, true
	}
	e.mu.Unlock()
	return fl, false
}

// await answers a member of a flight by what comes of it, and reports whether it
// did: what came may be for other requests alone.
func (e *Edge) await(m *miss, fl *flight) bool {
	if m.collapsed { // else the flight is its own
		wait := m.x.Trace.Wait(fl.span)
		defer wait.End("")
	}
	select {
	case <-fl.decided:
	case <-m.ctx.Done():
		e.leave(fl)
		m.x.Reply.Send(overloaded) // which is not read
		return true
	case <-fl.ctx.Done():
		select {
		case <-fl.decided:
		default:
			e.leave(fl)
			e.sendFailure(m, context.Cause(fl.ctx))
			return true
		}
	}
	if d := &fl.decision; d.stage == open && e.suits(d, m) {
		return e.follow(m, fl)
	}
	e.leave(fl)
	switch d := &fl.decision; d.stage {
	case failed:
		e.sendFailure(m, d.err)
	case streamed:
		e.explain(m, metrics.Bypass, d)
		nethttp.Serve(m.ctx, m.x, d.stream)
	case whole:
		if !e.suits(d, m) {
			return false
		}
		e.explain(m, metrics.Miss, d)
		resp := e.represented(m.site, &m.x.Request, fl.key, d.response)
		m.x.Reply.Send(message.Select(&m.x.Request, located(m.site, resp, m.x.Path)))
	default:
		return false
	}
	return true
}

// suits reports whether a decision is for a request that did not begin the fetch.
func (e *Edge) suits(d *decision, m *miss) bool {
	switch {
	case d.policy == nil:
		return true
	case d.under != m.x.Key && !d.sameResource(m):
		return false
	case m.purged > d.purged && e.store.Purges().Judge(m.x.Key, d.tags, d.purged).Effect != purge.None:
		return false // by one of its tags, which was not known when the request joined
	case m.asked.Authorization && !d.policy.Has(rfc9111.Shared):
		return false
	case d.served == rfc9111.StaleOnError && !rfc9111.MayServeOnError(m.asked, d.policy, time.Now()):
		return false
	}
	return d.vary == "" || string(d.vary.AppendKey(nil, m.x.Fields)) == d.values
}

// sameResource reports whether a request is for the resource of a decision by what the
// response says of its URL's query, which it did not when the request joined.
func (d *decision) sameResource(m *miss) bool {
	if m.x.Method == methodQuery {
		return true // the key has the content, and nothing was said
	}
	key, ok := m.site.AppendKeyBy(nil, &m.x.Request, d.says)
	return ok && string(key) == d.under
}

// follow answers a member with a body that grows, under the request's
// conditions, and reports whether it could. The flight is left when the answer
// ends.
func (e *Edge) follow(m *miss, fl *flight) bool {
	d := &fl.decision
	status, ranges := message.Evaluate(&m.x.Request, d.response)
	switch {
	case status == http.StatusNotModified:
		e.leave(fl)
		e.explain(m, metrics.Miss, d)
		m.x.Reply.Send(d.response.NotModified)
		return true
	case ranges != "":
		// A part needs to be known to exist: the whole is awaited.
		var stored *message.Response
		select {
		case <-fl.known:
			stored = fl.stored
		case <-m.ctx.Done():
		}
		e.leave(fl)
		if stored == nil {
			return false
		}
		e.explain(m, metrics.Miss, d)
		m.x.Reply.Send(message.Select(&m.x.Request, stored))
		return true
	}
	reader := d.body.Follow()
	if reader == nil {
		e.leave(fl)
		return false
	}
	e.explain(m, metrics.Miss, d)
	m.x.Reply.Follow(d.response, reader)
	context.AfterFunc(m.ctx, func() { e.leave(fl) }) // it ends with the answer
	return true
}

// explain says how a decision came to a member that did not begin the fetch.
func (e *Edge) explain(m *miss, result metrics.CacheResult, d *decision) {
	m.x.Reply.Explain(outcome(m.site, result, &rfc9111.CacheStatus{Served: d.served, ForwardStatus: d.status, Kept: d.kept, Collapsed: m.collapsed}))
}

func (e *Edge) sendFailure(m *miss, err error) {
	m.x.Reply.Explain(outcome(m.site, metrics.Miss, &rfc9111.CacheStatus{Served: m.reason, Collapsed: m.collapsed}))
	m.x.Reply.Send(failure(m.site, err))
}

// passHead passes a request on that may be a HEAD, whose answer says something of
// what is stored (RFC 9111 §4.3.5).
func (e *Edge) passHead(m *miss) {
	if m.x.Method == http.MethodHead && !mayConfirm(m.x.Fields) {
		m.entry = nil
	}
	e.pass(m)
}

// alone fetches for one request. Its answer may be stored all the same; but if the
// request has conditions or a range, the origin is to see them: that its answer
// is stored is not likely enough to fetch the whole, and then the range.
func (e *Edge) alone(m *miss) {
	if m.x.Method == http.MethodHead || message.Conditional(&m.x.Request) {
		e.passHead(m)
		return
	}
	e.newFetch(m).run(m.ctx)
}
