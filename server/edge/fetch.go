package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/origin/proxy"
	"github.com/e0ac7cd4/hotpath/server/purge"
	"github.com/e0ac7cd4/hotpath/server/rules"
	"github.com/e0ac7cd4/hotpath/server/site"
	"github.com/e0ac7cd4/hotpath/server/store"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// fetch sends one request to the origin and takes its answer: it is the
// [origin.Sink]. It belongs to the goroutine that runs it.
//
//	asking ─┬─▶ growing ─┬─▶ answered   the body arrives, and is stored at its end
//	        ├─▶ passing ─┤              the answer goes to the request that began the fetch, alone
//	        └────────────┘              what is stored answers: a 304, a failure
//
// If Fetch returns before it is answered, finish answers, or breaks off.
type fetch struct {
	edge    *Edge
	site    *site.Site
	request message.Request   // what is sent to the origin
	x       *message.Exchange // what is answered; nil: all members of the flight, or none
	key     string            // of the resource; "": it has none
	own     string            // of what is stored for the request
	asked   *rfc9111.Asked
	reason  rfc9111.Reason // why the request is forwarded
	stale   *store.Entry   // a stored response that is validated; nil: none
	flight  *flight        // nil: the answer is for one request
	storing bool           // the answer may be stored: a GET or QUERY with a key
	content []byte         // of a QUERY, for each request to the origin
	trace   *traces.Request
	span    *traces.Span
	id      string           // that an upstream is given; "": none
	account *message.Account // of x

	ctx    context.Context
	began  time.Time
	toHead time.Duration // from then to the head of the answer; 0: it has not come
	purged uint64        // the last purge then
	state  fetchState
	head   message.Head
	kept   rfc9111.Reason
	stood  bool // what is stored stood in for an answer
	lost   bool // all requests that wait for the answer are gone, or the client that it is passed on to

	variants  []variant // of the resource, of which the origin may name one as the answer
	asksAbout bool      // the origin is asked whether stale is current, or one of variants
	doubted   bool      // it answered with a 304 that was about another response
	agreed    bool      // to a tunnel

	// Of what is being stored:
	fields   []hpack.Field // that are stored
	response *message.Response
	mine     *message.Response // the head for the request that began the fetch
	body     *message.Growing
	policy   rfc9111.Policy
	says     site.Statement // of its URL's query
	under    string         // the resource's key by that; "": key
	vary     rfc9111.Vary
	tags     []purge.Tag
	written  int64
	reserved int64 // taken from the ledger
	open     bool  // the head is published: requests follow the body
	awaited  bool  // the request that began the fetch waits for the whole
}

type fetchState uint8

const (
	asking fetchState = iota
	growing
	passing
	answered
)

var (
	errTimeout    = errors.New("the origin did not answer in time")
	errUnused     = errors.New("no request waits for the answer any more")
	errOverloaded = errors.New("too many fetches are waiting")
	errNoAnswer   = errors.New("the origin ended without an answer")
	errPanic      = errors.New("panic in the origin")
)

// What a Sink returns to an origin whose answer is not taken.
var (
	errAnswered = errors.New("the answer is not needed: what is stored stands in for it")
	errUseless  = errors.New("the answer is not needed: it may not be stored")
	errAgain    = errors.New("the answer is about another stored response")
	errRange    = errors.New("the answer is not stored, and a range of it was asked for")
)

// newFetch prepares a fetch whose answer may be stored.
func (e *Edge) newFetch(m *miss) *fetch {
	f := &fetch{
		edge: e, site: m.site, x: m.x, request: m.x.Request, key: m.x.Key, own: m.own,
		asked: m.asked, reason: m.reason, storing: true, content: m.content, trace: m.x.Trace,
	}
	f.account, f.id = m.x.Account, identify(m.x, m.site)
	if m.verdict == rfc9111.Validate || m.site.Files {
		f.stale = m.entry
	}
	if m.reason == rfc9111.VaryMismatch {
		f.variants = e.offered(m)
	}
	return f
}

// pass sends a request on as it is, and its answer back.
func (e *Edge) pass(m *miss) {
	f := &fetch{
		edge: e, site: m.site, x: m.x, request: m.x.Request, key: m.x.Key, own: m.own,
		asked: m.asked, reason: m.reason, stale: m.entry, trace: m.x.Trace,
		account: m.x.Account, id: identify(m.x, m.site),
	}
	f.run(m.ctx)
}

// lead runs the fetch of a flight for the exchange that began it, whose context
// is ctx, and all that join.
func (f *fetch) lead(ctx context.Context, fl *flight) {
	if ctx.Err() != nil {
		f.edge.leave(fl) // before the origin is asked
	} else {
		left := context.AfterFunc(ctx, func() { f.edge.leave(fl) })
		defer left() // the flight has landed
	}
	f.fly(fl)
}

// fly runs the fetch of a flight.
func (f *fetch) fly(fl *flight) {
	f.flight = fl
	defer f.edge.land(fl)
	f.run(fl.ctx)
}

// run fetches until there is an answer, and ensures that all waiting requests get
// one, even if the origin ends the goroutine.
func (f *fetch) run(ctx context.Context) {
	f.ctx, f.began, f.purged = ctx, time.Now(), f.edge.store.Purges().Last()
	f.beginSpan()
	err := errNoAnswer
	defer func() { f.finish(err) }()
	if ctx.Err() != nil {
		// A client that resets what it has just asked for costs no connection to the
		// origin, which is most of what a fetch costs.
		err = context.Cause(ctx)
		return
	}
	if f.site.Files {
		if err = f.edge.bulkhead.acquire(ctx); err != nil {
			return
		}
		defer f.edge.bulkhead.release()
		err = errNoAnswer
	}
	err = f.askUntilAnswered()
}

func (f *fetch) askUntilAnswered() error {
	for {
		err := f.ask()
		switch {
		case f.state == asking && !f.doubted && errors.Is(err, errAgain):
			// The 304 was about none of what is stored (RFC 9111 §4.3.4).
			f.doubted = true
			f.span.Again()
		case f.state == asking && f.storing && errors.Is(err, errRange):
			// Not to be stored, so the range itself is asked for.
			f.storing, f.stale = false, nil
			f.reason = rfc9111.Range
			f.span.Again()
		case err == nil && f.state != answered:
			return errNoAnswer
		default:
			return err
		}
	}
}

// ask sends one request to the origin. A panic is an error of it.
func (f *fetch) ask() (err error) {
	defer func() {
		if v := recover(); v != nil {
			f.edge.metrics.Panics.Add(f.edge.stripe, 1)
			err = fmt.Errorf("%w: %v\n%s", errPanic, v, debug.Stack())
		}
	}()
	r := &origin.Request{Request: f.request}
	if f.site.Clients == nil {
		r.Identity = nil // it is for another site of the connection
	}
	if f.storing && !f.site.Files {
		// What is stored under a key must not depend on what the key does
		// not name.
		r.Authority = site.Host(f.request.Authority)
		r.Fields = f.withConditions(originFields(f.request.Fields))
	}
	r.Fields = ownTags(f.site, r.Fields)
	r.Span, r.Account = f.span, f.account
	if !f.site.Files {
		r.Fields = withID(f.edge.traces.Forward(f.span, f.request.Client, r.Fields), f.id)
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
		if f.content != nil {
			r.Body = io.NopCloser(bytes.NewReader(f.content))
		}
		r.Length, r.Trailers, r.Upgrade = x.Length, x.Trailers, x.Upgrade
		r.Peer, r.Secure, r.Proto = x.PeerAddr(), x.TLS != nil, x.Proto.String()
	} else {
		r.Secure, r.Proto = true, message.HTTP11.String()
	}
	defer f.account.Ends() // if it fails
	r.Path = f.site.Stripped(r.Path)
	r.Fields = f.site.Requests.Apply(r.Fields)
	return f.site.Origin.Fetch(f.ctx, r, f.site.Answers.Sink(f, r.Method))
}

// finish answers for a fetch that failed before its end, gives back what it
// holds, counts and logs.
func (f *fetch) finish(err error) {
	if cause := context.Cause(f.ctx); cause != nil && errors.Is(err, context.Canceled) {
		err = cause
	}
	f.lost = f.lost || f.ctx.Err() != nil // not behind the answer, which may end ctx
	switch f.state {
	case asking:
		f.standIn(err)
	case growing:
		f.kept = rfc9111.Incomplete
		f.body.Fail(err) // for its followers
		if f.flight != nil {
			f.flight.settle(nil)
		}
		if !f.open || f.awaited {
			f.standIn(err)
		}
	case passing:
		f.x.Reply.Abort()
	}
	f.release()
	if !f.agreed {
		f.conclude(err)
	}
}

// conclude counts the fetch: at its end, or when a tunnel begins, whose life and
// end say nothing of the origin.
func (f *fetch) conclude(err error) {
	e := f.edge
	e.metrics.OriginFetchDuration.ObserveN(e.stripe, time.Since(f.began), 1)
	f.noteTime()
	f.endSpan(e.count(f, err))
}

// standIn answers for an answer that failed: with what is stored if it may, or
// with the reason.
func (f *fetch) standIn(err error) {
	if f.mayServeStale() || !errors.Is(err, context.Canceled) && f.mayServeDoubted() {
		f.serveStale()
		return
	}
	f.state = answered
	f.decide(decision{stage: failed, err: err})
	if f.x != nil {
		f.x.Reply.Explain(outcome(f.site, metrics.Miss, &rfc9111.CacheStatus{Served: f.reason}))
		f.x.Reply.Send(f.failure(err))
	}
}

// failure is the answer in the place of one that failed.
func (f *fetch) failure(err error) *message.Response {
	if f.lost && !errors.Is(err, errTimeout) && !errors.Is(err, context.DeadlineExceeded) {
		return overloaded // no client reads it, and a page of its own is a tenth of what the fetch costs
	}
	return failure(f.site, err)
}

// decide lets the members of the flight go their way, if it is one.
func (f *fetch) decide(d decision) {
	if f.flight != nil {
		f.edge.decide(f.flight, d)
	}
}

// release gives back what the fetch has taken from the ledger.
func (f *fetch) release() {
	ledger := f.edge.store.Ledger()
	if f.reserved > 0 && f.response != nil {
		f.response.Pins.SetSize(f.reserved) // what lingers if it is still being sent
	}
	ledger.Give(f.reserved)
	f.reserved = 0
	if f.response != nil {
		ledger.Evicted(&f.response.Pins) // the fetch's own hold
		f.response = nil
	}
}

// count counts a fetch that ended, and logs it if it is a fault:
// here, since any number of requests may wait for it, and once a second for each
// cause. It returns the outcome.
func (e *Edge) count(f *fetch, err error) metrics.FetchOutcome {
	result := metrics.FetchOK
	var upstream *proxy.Error
	switch {
	case err == nil, errors.Is(err, errAnswered), errors.Is(err, errUseless), errors.Is(err, rules.ErrPage):
		switch {
		case f.stood:
			result = metrics.FetchError
		case f.head.Status == 404:
			result = metrics.FetchNotFound
		}
	case errors.Is(err, errOverloaded), errors.As(err, &upstream) && upstream.Full():
		result = metrics.FetchRefused
		e.report("refused", "refusing a fetch: as many as may be run, and wait", f, err)
	case errors.Is(err, errTimeout), errors.Is(err, context.DeadlineExceeded):
		result = metrics.FetchTimeout
		e.report("timeout", "fetching from the origin took too long", f, err)
	case f.lost, errors.Is(err, context.Canceled):
		result = metrics.FetchCanceled
	default:
		result = metrics.FetchError
		e.report("error", "fetching from the origin", f, err)
	}
	e.metrics.OriginFetches.Add(e.stripe, result, 1)
	return result
}

func (e *Edge) report(cause, text string, f *fetch, err error) {
	if withheld, ok := e.failed.Allow(cause, time.Now()); ok {
		about := []any{"site", f.site.Name, "host", f.request.Authority, "path", f.request.Path, "err", err, "withheld", withheld}
		if f.id != "" {
			about = append(about, "request_id", f.id)
		}
		e.log.Error(text, about...)
	}
}
