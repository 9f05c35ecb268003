package edge

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/site"
	"github.com/e0ac7cd4/hotpath/server/store"
)

// fetch asks the origin for one request and takes its answer: it is the
// [origin.Sink]. It belongs to the goroutine that runs it.
//
//	asking ─┬─▶ storing   the body grows, and is stored at its end
//	        ├─▶ passing   the answer goes to the request that asked, alone
//	        └─▶ answered  what is stored answers: a 304, a failure
type fetch struct {
	edge    *Edge
	site    *site.Site
	request message.Request   // what is asked
	x       *message.Exchange // what is answered; nil: a revalidation in the background
	key     string            // of the resource; "": it has none
	asked   *rfc9111.Asked
	reason  rfc9111.Reason // why the origin is asked
	stale   *store.Entry   // a stored response that the origin is asked about; nil: none
	own     string         // its key
	flight  *flight        // nil: the answer is for one request
	storing bool           // the answer may be stored: a GET with a key

	ctx   context.Context
	began time.Time
	state fetchState

	// Of what is being stored:
	head     message.Head
	fields   []hpack.Field // that are stored
	response *message.Response
	body     *message.Growing
	policy   rfc9111.Policy
	vary     rfc9111.Vary
	kept     rfc9111.Reason
	written  int64
	reserved int64 // taken from the ledger
	open     bool  // the head is published: requests follow the body
	awaited  bool  // the request that asked waits for the whole
}

type fetchState uint8

const (
	asking fetchState = iota
	growing
	passing
	answered
)

// What a Sink says to an origin whose answer is not taken.
var (
	errAnswered = errors.New("the answer is not needed: what is stored stands in for it")
	errUseless  = errors.New("the answer is not needed: it may not be stored")
	errAgain    = errors.New("the answer is about another stored response")
	errRange    = errors.New("the answer is too large for a range of it")
)

// newFetch prepares a fetch whose answer may be stored.
func (e *Edge) newFetch(x *message.Exchange, s *site.Site, asked *rfc9111.Asked, u usable) *fetch {
	f := &fetch{edge: e, site: s, x: x, asked: asked, reason: u.reason, own: u.own, storing: true}
	if x != nil {
		f.request, f.key = x.Request, x.Key
	}
	if u.verdict == rfc9111.Validate {
		f.stale = u.entry
	}
	return f
}

// lead runs the fetch of a flight, for the exchange that began it and all that
// follow.
func (f *fetch) lead(ctx context.Context, fl *flight) {
	e := f.edge
	f.flight = fl
	// The fetch outlives the exchange if others follow.
	own, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	fl.cancel = cancel
	left := context.AfterFunc(ctx, func() { e.leave(fl) })
	f.run(own)
	if left() {
		e.mu.Lock()
		fl.waiting--
		e.mu.Unlock()
	}
	e.land(fl)
}

// alone fetches for one request, whose answer may be stored all the same.
func (e *Edge) alone(ctx context.Context, x *message.Exchange, s *site.Site, asked *rfc9111.Asked, u usable) {
	e.newFetch(x, s, asked, u).run(ctx)
}

// pass sends a request on as it is, and its answer back.
func (e *Edge) pass(ctx context.Context, x *message.Exchange, s *site.Site, asked *rfc9111.Asked, why rfc9111.Reason, u usable) {
	f := &fetch{edge: e, site: s, x: x, request: x.Request, key: x.Key, asked: asked, reason: why, own: u.own, stale: u.entry}
	f.run(ctx)
}

// run asks until there is an answer, and sees to it that all who wait have one.
func (f *fetch) run(ctx context.Context) {
	e := f.edge
	f.ctx, f.began = ctx, time.Now()
	var err error
	if f.site.Files {
		var stop context.CancelFunc
		f.ctx, stop = context.WithTimeoutCause(ctx, e.timeout, errTimeout)
		defer stop()
		err = e.bulkhead.acquire(f.ctx)
		if err == nil {
			defer e.bulkhead.release()
		}
	}
	if err == nil {
		err = f.ask()
	}
	switch {
	case errors.Is(err, errAgain):
		// The 304 was about none of what is stored (RFC 9111 §4.3.4).
		f.stale = nil
		err = f.ask()
	case errors.Is(err, errRange):
		// Not to be stored, so the range itself is asked for.
		f.storing = false
		f.reason = rfc9111.Range
		err = f.ask()
	}
	f.finish(err)
}

// ask is one question to the origin. A panic is an error of it.
func (f *fetch) ask() (err error) {
	defer func() {
		if v := recover(); v != nil {
			f.edge.metrics.Panics.Add(f.edge.stripe, 1)
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	r := &origin.Request{Request: f.request}
	if f.storing {
		r.Fields = originFields(f.request.Fields)
		if f.stale != nil && f.stale.Answer == nil && f.stale.Policy.Has(rfc9111.HasValidator) {
			r.Fields = rfc9111.Conditional(r.Fields, f.stale.Response.Fields)
		}
	}
	if f.site.Files {
		r.Cleaned = site.Path(f.key)
		if f.stale != nil {
			r.Stored = f.stale.Answer
		}
	}
	if x := f.x; x != nil {
		if x.Body != nil {
			r.Body = x.Body
		}
		r.Length, r.Trailers, r.Upgrade = x.Length, x.Trailers, x.Upgrade
		r.Client, r.Secure, r.Proto = x.Client(), x.TLS != nil, x.Proto.String()
	} else {
		r.Secure, r.Proto = true, "1.1"
	}
	return f.site.Origin.Fetch(f.ctx, r, f)
}

// finish answers for a fetch that failed before its end, gives back what it
// holds, counts and logs.
func (f *fetch) finish(err error) {
	e := f.edge
	if cause := context.Cause(f.ctx); cause != nil && errors.Is(err, context.Canceled) {
		err = cause
	}
	switch {
	case f.state == answered || err == nil:
	case f.state == growing:
		f.breakOff(err)
	case f.state == passing:
		f.x.Reply.Abort()
	case f.mayServeStale():
		f.serveStale(rfc9111.StaleOnError)
	default:
		f.fail(err)
	}
	f.release()
	took := time.Since(f.began)
	e.metrics.OriginFetchDuration.ObserveN(e.stripe, took, 1)
	e.count(f, err)
}

// fail answers that there is no answer.
func (f *fetch) fail(err error) {
	f.state = answered
	if f.flight != nil {
		f.edge.decide(f.flight, decision{err: err})
	}
	if f.x != nil {
		f.x.Reply.Explain(outcome(f.site, metrics.Miss, &rfc9111.CacheStatus{Served: f.reason}))
		f.x.Reply.Send(failure(err))
	}
}

// breakOff ends a body that is not complete: nothing of it is stored.
func (f *fetch) breakOff(err error) {
	f.kept = rfc9111.Incomplete
	f.body.Fail(err)
	if f.open {
		return // whoever follows sees it
	}
	f.fail(err)
}

// release gives back what the fetch has taken from the ledger.
func (f *fetch) release() {
	if f.response == nil {
		return
	}
	ledger := f.edge.store.Ledger()
	if f.reserved > 0 {
		f.response.Pins.SetSize(f.reserved) // all that came: it was not known at first
		ledger.Give(f.reserved)
		f.reserved = 0
	}
	ledger.Evicted(f.response.Pinned()) // the fetch's own hold
	f.response = nil
}

// count counts a fetch that ended, and logs it if somebody has to look at it:
// here, since any number of requests may wait for it, and once a second for each
// cause.
func (e *Edge) count(f *fetch, err error) {
	result := metrics.FetchOK
	switch {
	case err == nil, f.state == answered && (errors.Is(err, errAnswered) || errors.Is(err, errUseless)):
		if f.head.Status == 404 {
			result = metrics.FetchNotFound
		}
	case errors.Is(err, errOverloaded):
		result = metrics.FetchRefused
	case errors.Is(err, errUnused), errors.Is(err, context.Canceled), f.x != nil && f.ctx.Err() != nil && !errors.Is(err, errTimeout):
		result = metrics.FetchCanceled
	case errors.Is(err, errTimeout), errors.Is(err, context.DeadlineExceeded):
		result = metrics.FetchTimeout
		e.report("timeout", "fetching from the origin took too long", f, err)
	default:
		result = metrics.FetchError
		e.report("error", "fetching from the origin", f, err)
	}
	e.metrics.OriginFetches.Add(e.stripe, result, 1)
}

func (e *Edge) report(cause, text string, f *fetch, err error) {
	if withheld, ok := e.failed.Allow(cause, time.Now()); ok {
		e.log.Error(text, "site", f.site.Name, "host", f.request.Authority, "path", f.request.Path, "err", err, "withheld", withheld)
	}
}
