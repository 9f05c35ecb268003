package edge

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/nethttp"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

var _ origin.Sink = (*fetch)(nil)

// Inform implements [origin.Sink].
func (f *fetch) Inform(status int, fields []hpack.Field) error {
	if f.x == nil {
		return nil
	}
	return f.x.Reply.Inform(status, fields)
}

// Head implements [origin.Sink]: it decides what becomes of the answer.
func (f *fetch) Head(h message.Head) error {
	now := time.Now()
	f.head = h
	f.head.Fields = withoutLength(h.Fields)
	switch {
	case f.storing && f.stale != nil && h.Status == http.StatusNotModified:
		return f.confirmed(now)
	case rfc9111.IsError(h.Status) && f.mayServeStale():
		f.serveStale(rfc9111.StaleOnError)
		return errAnswered
	case !f.storing:
		f.passedOn(now)
		return f.passOn(rfc9111.None)
	}
	policy, kept := rfc9111.Store(f.asked, h.Status, f.head.Fields, f.began, now, f.site.Rules)
	if kept == rfc9111.Stored && h.Length > f.edge.maxStored {
		kept = rfc9111.TooLarge
	}
	if kept == rfc9111.Stored && !f.reserve(max(h.Length, 0)+headSize(f.head.Fields)) {
		kept = rfc9111.NoRoom
	}
	if kept != rfc9111.Stored {
		return f.keepNothing(kept, now)
	}
	f.state, f.policy, f.kept = growing, policy, kept
	f.vary, _ = rfc9111.ParseVary(f.head.Fields) // Store has refused what is none
	f.fields = rfc9111.Kept(nil, f.head.Fields, now, f.site.Rules)
	f.response = message.OpenedStored(h.Status, f.fields, h.Length, policy.Born)
	f.response.Pins.SetSize(max(f.reserved, 1))
	f.edge.store.Ledger().Stored(&f.response.Pins)
	f.body = message.NewGrowing(h.Length, f.edge.maxStored)
	if h.Length < 0 {
		f.publish() // nothing says how soon content will come
	}
	return nil
}

// headSize is about what the stored head takes, as fields and in both encodings.
func headSize(fields []hpack.Field) int64 {
	n := 512
	for i := range fields {
		n += 4*(len(fields[i].Name)+len(fields[i].Value)) + 100
	}
	return int64(n)
}

// reserve takes n bytes from the ledger.
func (f *fetch) reserve(n int64) bool {
	if !f.edge.store.Ledger().Take(n) {
		return false
	}
	f.reserved += n
	return true
}

// keepNothing passes an answer on that is not stored, and remembers that.
func (f *fetch) keepNothing(why rfc9111.Reason, now time.Time) error {
	switch {
	case ofRequest(why):
	case rfc9111.IsError(f.head.Status) && f.stale != nil:
		// What is stored may stand in for an error yet (RFC 5861 §4).
	default:
		f.edge.store.MarkUncacheable(f.key, why, now)
		if f.own != f.key {
			f.edge.store.Remove(f.own)
		}
	}
	if f.x != nil && f.asked.Range && f.head.Status == http.StatusOK {
		f.releaseWaiters()
		return errRange
	}
	return f.passOn(why)
}

// passOn begins to give the answer to the request that asked, alone.
func (f *fetch) passOn(kept rfc9111.Reason) error {
	f.releaseWaiters()
	if f.x == nil {
		f.state = answered
		return errUseless
	}
	f.state = passing
	result := metrics.Miss
	if !f.storing {
		result = metrics.Bypass
	}
	f.x.Reply.Explain(outcome(f.site, result, &rfc9111.CacheStatus{Served: f.reason, ForwardStatus: f.head.Status, Kept: kept}))
	return f.x.Reply.Head(f.head)
}

// releaseWaiters lets all who wait fetch their own: the answer is not for them.
func (f *fetch) releaseWaiters() {
	if f.flight != nil && !f.open && f.flight.decision.err == nil && !f.flight.decision.released {
		f.edge.decide(f.flight, decision{released: true})
	}
}

// passedOn does what the answer to a request that was passed on means for what
// is stored.
func (f *fetch) passedOn(now time.Time) {
	e, r := f.edge, &f.request
	for _, target := range rfc9111.Invalidates(nil, r.Method, f.head.Status, r.Scheme, r.Authority, r.Path, f.head.Fields) {
		if key, ok := f.site.AppendKey(nil, &message.Request{Authority: r.Authority, Path: target}); ok {
			e.store.Invalidate(string(key))
		}
	}
	if r.Method != http.MethodHead || f.head.Status != http.StatusOK || f.stale == nil {
		return
	}
	// The head of what a GET would answer (RFC 9111 §4.3.5).
	if !rfc9111.HeadFreshens(f.stale.Response.Fields, int64(len(f.stale.Response.Body)), lengthened(f.head)) {
		e.store.Remove(f.own)
		return
	}
	get := rfc9111.Ask(http.MethodGet, r.Fields, f.site.Rules)
	f.freshen(&get, now)
}

// freshen stores what is stored with the fields that came (RFC 9111 §3.2), and
// returns it.
func (f *fetch) freshen(asked *rfc9111.Asked, now time.Time) *message.Response {
	stored := f.stale.Response
	merged := rfc9111.Freshen(withoutLength(stored.Fields), f.head.Fields)
	policy, kept := rfc9111.Store(asked, stored.Status, merged, f.began, now, f.site.Rules)
	f.kept = kept
	r := message.Stored(stored.Status, rfc9111.Kept(nil, merged, now, f.site.Rules), stored.Body, policy.Born)
	r.Whole = stored.Root()
	switch {
	case kept == rfc9111.Stored:
		vary, _ := rfc9111.ParseVary(merged)
		f.kept = f.edge.store.Put(f.key, f.request.Fields, r, policy, vary, 0)
	case !ofRequest(kept):
		f.edge.store.Remove(f.own)
	}
	return r
}

// ofRequest reports whether a reason not to store says nothing of the resource:
// what is stored of it stays.
func ofRequest(why rfc9111.Reason) bool {
	return why == rfc9111.RequestNoStore || why == rfc9111.Authorization || why == rfc9111.NoRoom
}

// confirmed takes a 304: what is stored is current.
func (f *fetch) confirmed(now time.Time) error {
	if !rfc9111.Selects(f.stale.Response.Fields, f.head.Fields, true) {
		return errAgain
	}
	r := f.freshen(f.asked, now)
	f.whole(r, decision{response: r, served: rfc9111.Revalidated, kept: f.kept, status: f.head.Status})
	return errAnswered
}

// mayServeStale reports whether what is stored may stand in for an answer.
func (f *fetch) mayServeStale() bool {
	return f.stale != nil && f.stale.Answer == nil && rfc9111.MayServeOnError(f.asked, &f.stale.Policy, time.Now())
}

func (f *fetch) serveStale(why rfc9111.Reason) {
	f.whole(f.stale.Response, decision{response: f.stale.Response, served: why, status: f.head.Status})
}

// whole answers all who wait with a response that is there.
func (f *fetch) whole(r *message.Response, d decision) {
	f.state = answered
	if f.flight != nil {
		f.edge.decide(f.flight, d)
	}
	if f.x == nil {
		return
	}
	f.x.Reply.Explain(outcome(f.site, metrics.Miss, &rfc9111.CacheStatus{Served: d.served, ForwardStatus: d.status, Kept: d.kept}))
	f.x.Reply.Send(message.Select(&f.x.Request, r))
}

// publish lets requests follow the body.
func (f *fetch) publish() {
	if f.open {
		return
	}
	f.open = true
	if f.flight == nil {
		f.leadAlone()
		return
	}
	f.edge.decide(f.flight, decision{
		response: f.response, body: f.body,
		policy: &f.policy, vary: f.vary, values: string(f.vary.AppendKey(nil, f.request.Fields)),
		served: f.reason, kept: f.kept, status: f.head.Status,
	})
	f.leadAlone()
}

// leadAlone has the request that asked follow the body.
func (f *fetch) leadAlone() {
	if f.x == nil {
		return
	}
	f.x.Reply.Explain(outcome(f.site, metrics.Miss, &rfc9111.CacheStatus{Served: f.reason, ForwardStatus: f.head.Status, Kept: f.kept}))
	if status, ranges := message.Evaluate(&f.x.Request, f.response); status != f.response.Status || ranges != "" {
		f.awaited = true // a part or a condition is answered with the whole
		return
	}
	f.x.Reply.Follow(f.response, f.body.Follow())
}

// Write implements [origin.Sink].
func (f *fetch) Write(p []byte) (int, error) {
	switch f.state {
	case passing:
		return f.x.Reply.Write(p)
	case growing:
	default:
		return 0, errAnswered
	}
	f.written += int64(len(p))
	if f.head.Length >= 0 && f.written > f.head.Length {
		return 0, fmt.Errorf("%d bytes of a content of %d", f.written, f.head.Length)
	}
	if f.head.Length < 0 && f.kept == rfc9111.Stored {
		switch {
		case f.written > f.edge.maxStored:
			f.letGo(rfc9111.TooLarge)
		case !f.reserve(int64(len(p))):
			f.letGo(rfc9111.NoRoom)
		}
	}
	if f.written < f.head.Length {
		f.publish()
	}
	if err := f.body.Append(f.ctx, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// letGo goes on with a body that turns out not to be stored: whoever follows it
// goes on, and it comes as fast as the slowest of them reads.
func (f *fetch) letGo(why rfc9111.Reason) {
	f.kept = why
	f.body.Bound()
	if f.flight != nil {
		f.edge.mu.Lock()
		f.edge.ground(f.flight)
		f.edge.mu.Unlock()
	}
	f.edge.store.MarkUncacheable(f.key, why, time.Now())
}

// Flush implements [origin.Sink].
func (f *fetch) Flush() error {
	switch f.state {
	case passing:
		return f.x.Reply.Flush()
	case growing:
		f.publish()
	}
	return nil
}

// End implements [origin.Sink].
func (f *fetch) End(trailers []hpack.Field) error {
	switch f.state {
	case passing:
		f.state = answered
		return f.x.Reply.End(trailers)
	case growing:
	default:
		return nil
	}
	if f.written < f.head.Length {
		return fmt.Errorf("%d bytes of a content of %d", f.written, f.head.Length)
	}
	f.body.End(trailers)
	f.state = answered
	body, all := f.body.Whole()
	if !all {
		return nil
	}
	r := message.Stored(f.head.Status, f.fields, body, f.policy.Born)
	r.Whole = f.response
	f.response.Pins.SetSize(max(f.reserved, r.Size()))
	if f.kept == rfc9111.Stored {
		reserved := f.reserved
		f.reserved = 0
		f.kept = f.edge.store.Put(f.key, f.request.Fields, r, f.policy, f.vary, reserved)
	}
	switch {
	case !f.open:
		f.whole(r, decision{
			response: r, policy: &f.policy, vary: f.vary, values: string(f.vary.AppendKey(nil, f.request.Fields)),
			served: f.reason, kept: f.kept, status: f.head.Status,
		})
	case f.flight != nil:
		f.flight.stored = r
		fallthrough
	default:
		if f.awaited {
			f.x.Reply.Send(message.Select(&f.x.Request, r))
		}
	}
	return nil
}

// Answer implements [origin.Sink]: a file.
func (f *fetch) Answer(a origin.Answer) error {
	e := f.edge
	if a.Stream != nil {
		if f.stale != nil {
			e.store.Remove(f.key)
		}
		f.releaseWaiters()
		f.state = answered
		if f.x != nil {
			e.bulkhead.release() // a stream has limits of its own
			defer func() { e.bulkhead.permits <- struct{}{} }()
			f.x.Reply.Explain(outcome(f.site, metrics.Bypass, &rfc9111.CacheStatus{Served: f.reason, Kept: rfc9111.TooLarge}))
			nethttp.Serve(f.ctx, f.x, a.Stream)
		}
		return nil
	}
	f.head.Status = a.Response.Status
	kept := rfc9111.Status
	if a.Store && e.store.PutAnswer(f.key, &a, f.began) {
		kept = rfc9111.Stored
	} else if f.stale != nil {
		e.store.Remove(f.key)
	}
	r := a.Response
	if f.x != nil {
		r = withQuery(r, f.x.Path)
	}
	f.whole(r, decision{response: a.Response, served: f.reason, kept: kept, status: a.Response.Status})
	return nil
}

// Tunnel implements [origin.Sink].
func (f *fetch) Tunnel(status int, fields []hpack.Field) (io.ReadWriteCloser, error) {
	f.head.Status = status
	f.state = answered
	f.x.Reply.Explain(outcome(f.site, metrics.Bypass, &rfc9111.CacheStatus{Served: f.reason, ForwardStatus: status}))
	return f.x.Reply.Tunnel(status, fields)
}

// withoutLength leaves content-length out, which the head has beside the fields.
func withoutLength(fields []hpack.Field) []hpack.Field {
	for i := range fields {
		if fields[i].Name == "content-length" {
			kept := append(make([]hpack.Field, 0, len(fields)), fields[:i]...)
			for _, f := range fields[i+1:] {
				if f.Name != "content-length" {
					kept = append(kept, f)
				}
			}
			return kept
		}
	}
	return fields
}

// lengthened is the fields of a head with its content-length.
func lengthened(h message.Head) []hpack.Field {
	if h.Length < 0 {
		return h.Fields
	}
	return append(withoutLength(h.Fields), hpack.Field{Name: "content-length", Value: fmt.Sprint(h.Length)})
}
