package edge

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/store"
)

// store begins to store an answer. Its memory is taken from the ledger before it
// comes: see package memory for the order.
func (f *fetch) store(policy rfc9111.Policy, now time.Time) {
	h := &f.head
	f.state, f.policy, f.kept = growing, policy, rfc9111.Stored
	f.learn(h.Fields)
	f.vary, _ = rfc9111.ParseVary(h.Fields) // Store has refused what is none
	if f.vary != "" {
		// Now, so that waiting requests join the fetches of their variants.
		f.edge.store.ExpectVariants(cmp.Or(f.under, f.key), f.vary)
	}
	f.tags = f.tagsOf(h.Fields)
	f.fields = rfc9111.Kept(nil, h.Fields, now, f.site.Rules)
	f.response = f.codable(f.site.Answers.OpenedStored(h.Status, f.fields, h.Length, policy.Born), h.Length)
	f.response.Pins.SetSize(max(f.reserved, 1))
	f.edge.store.Ledger().Stored(&f.response.Pins)
	f.mine = f.response
	if policy.Has(rfc9111.Strips) {
		f.mine = f.codable(f.site.Answers.OpenedStored(h.Status, f.withStripped(), h.Length, policy.Born), h.Length)
		f.mine.Whole = f.response
	}
	f.body = message.NewGrowing(h.Length, f.edge.maxStored)
}

// mayStore decides whether an answer may be stored. That to a QUERY is not validated in
// the background: its content is gone when its answer is there.
func (f *fetch) mayStore(asked *rfc9111.Asked, status int, fields []hpack.Field, now time.Time) (rfc9111.Policy, rfc9111.Reason) {
	policy, reason := rfc9111.Store(asked, status, fields, f.began, now, f.site.Rules)
	if f.request.Method == methodQuery {
		policy.Revalidate = 0
	}
	return policy, reason
}

// learn takes what the answer says of its URL's query: it is stored under the key by
// what it says itself, which is that of the path's requests from here on.
func (f *fetch) learn(fields []hpack.Field) {
	if f.request.Method == methodQuery {
		return
	}
	f.says = f.site.Learn(&f.request, fields)
	if key, ok := f.site.AppendKeyBy(nil, &f.request, f.says); ok {
		f.under = string(key)
	}
}

// withStripped are the fields for the request that began the fetch: those too
// that the response keeps from a shared cache (RFC 9111 §5.2.2.4, §5.2.2.7).
func (f *fetch) withStripped() []hpack.Field {
	all := slices.Clone(f.fields)
	for _, field := range f.head.Fields {
		switch field.Name {
		case "age", "date":
			continue
		}
		if !slices.ContainsFunc(f.fields, func(k hpack.Field) bool { return k.Name == field.Name }) {
			all = append(all, field)
		}
	}
	return all
}

// headSize is about what the stored head takes, as fields and in both encodings.
func headSize(fields []hpack.Field) int64 {
	n := 512
	for i := range fields {
		n += 4*(len(fields[i].Name)+len(fields[i].Value)) + 100
	}
	return int64(n)
}

// reserve takes n bytes from the ledger, for what is to be stored.
func (f *fetch) reserve(n int64) bool {
	if !f.edge.store.Ledger().TakeSpare(n) {
		return false
	}
	f.reserved += n
	return true
}

// publish lets requests follow the body.
func (f *fetch) publish() {
	if f.open {
		return
	}
	f.open = true
	d := f.decision(open, f.response)
	d.body = f.body
	f.decide(d)
	if f.x == nil {
		return
	}
	if status, ranges := message.Evaluate(&f.x.Request, f.response); status != f.response.Status || ranges != "" {
		f.awaited = true // a part is answered with the whole; and so that it is stored, whatever the client has
		return
	}
	f.followMine()
}

// followMine has the request that began the fetch follow the body.
func (f *fetch) followMine() {
	f.explainMine()
	f.x.Reply.Follow(f.forMaker(f.mine), f.body.Follow())
}

func (f *fetch) explainMine() {
	f.x.Reply.Explain(outcome(f.site, metrics.Miss, &rfc9111.CacheStatus{Served: f.reason, ForwardStatus: f.head.Status, Kept: f.kept}))
}

// decision is that a response is for all requests that its Vary does not separate.
func (f *fetch) decision(s stage, r *message.Response) decision {
	return decision{
		stage: s, response: r,
		policy: &f.policy, vary: f.vary, values: string(f.vary.AppendKey(nil, f.request.Fields)),
		served: f.reason, kept: f.kept, status: f.head.Status,
		under: cmp.Or(f.under, f.key), says: f.says, tags: f.tags, purged: f.purged,
	}
}

// grow takes the next part of a body that is being stored.
func (f *fetch) grow(p []byte) error {
	f.written += int64(len(p))
	length := f.head.Length
	if length >= 0 && f.written > length {
		return errLength
	}
	if length < 0 && f.kept == rfc9111.Stored {
		switch {
		case f.written > f.edge.maxStored:
			f.letGo(rfc9111.TooLarge)
		case !f.reserve(int64(len(p))):
			f.letGo(rfc9111.NoRoom)
		}
		if f.x == nil && f.kept != rfc9111.Stored {
			return errUseless
		}
	}
	switch {
	case f.written < length:
		f.publish()
	case f.written == length && f.flight != nil:
		f.edge.complete(f.flight) // a client that has all of it may leave now
	}
	return f.body.Append(f.ctx, p)
}

// letGo goes on with a body that turns out not to be stored: its followers go
// on, and it comes as fast as the slowest of them reads. What it has taken
// from the ledger stays taken: the followers hold it.
func (f *fetch) letGo(why rfc9111.Reason) {
	f.kept = why
	if f.awaited {
		// There will be no whole. A server may ignore Range (RFC 9110 §14.2),
		// and the conditions hold of no stored response.
		f.awaited = false
		f.followMine()
	}
	f.body.Bound()
	if fl := f.flight; fl != nil {
		f.edge.mu.Lock()
		f.edge.ground(fl)
		f.edge.mu.Unlock()
		fl.settle(nil)
	}
	f.remember(why, time.Now())
}

// finishBody stores a body that is complete.
func (f *fetch) finishBody(trailers []hpack.Field) error {
	if f.head.Length >= 0 && f.written != f.head.Length {
		return errLength
	}
	if f.flight != nil {
		f.edge.complete(f.flight)
	}
	if f.kept == rfc9111.Stored && f.edge.changes.since(f.key, f.began) {
		f.kept = rfc9111.Invalidated
	}
	f.state = answered
	body, all := f.body.Held()
	if !all || f.kept == rfc9111.TooLarge || f.kept == rfc9111.NoRoom {
		f.body.End(trailers)
		return nil // all followers have their reader, and see its end
	}
	r := f.codable(f.site.Answers.Stored(f.head.Status, f.fields, fit(body), f.policy.Born), int64(len(body)))
	if f.open {
		r.Whole = f.response // whose senders send it
	}
	r.Pinned().SetSize(r.Size())
	if f.kept == rfc9111.Stored {
		if f.request.Method == methodQuery {
			f.edge.queried.Store(true) // before it is stored, so that no change is missed
		}
		reserved := f.reserved
		f.reserved = 0
		f.kept = f.edge.store.Put(&store.Arrival{
			Key: cmp.Or(f.under, f.key), Request: f.request.Fields, Response: r, Policy: f.policy, Vary: f.vary,
			Tags: f.tags, Purged: f.purged, Reserved: reserved,
		})
	}
	// Only now: a client that has seen the end, and sends the request again, is
	// to get what is stored, by its freshness, and not the flight.
	if f.flight != nil {
		f.edge.close(f.flight)
	}
	f.body.End(trailers)
	if f.open && f.flight != nil {
		f.flight.settle(r)
	}
	f.decide(f.decision(whole, r)) // unless the body was followed
	if f.x != nil && (!f.open || f.awaited) {
		f.explainMine()
		f.x.Reply.Send(f.forMaker(message.Select(&f.x.Request, f.forMine(r))))
	}
	return nil
}

// forMine is a stored response with the fields for the request that began the
// fetch.
func (f *fetch) forMine(r *message.Response) *message.Response {
	if f.mine == f.response {
		return r
	}
	own := f.codable(f.site.Answers.Stored(r.Status, f.withStripped(), r.Body, r.Born), int64(len(r.Body)))
	own.Whole = r.Root()
	return own
}

// forMaker is an answer for the request that began the fetch. It has age if the
// origin's has, which then comes from a cache on the way.
func (f *fetch) forMaker(r *message.Response) *message.Response {
	if slices.ContainsFunc(f.head.Fields, func(field hpack.Field) bool { return field.Name == "age" }) {
		return r
	}
	return r.ForMaker()
}

// fit returns body in memory of its size: what grew without a known length may
// have a quarter more.
func fit(body []byte) []byte {
	if cap(body)-len(body) <= len(body)/16 {
		return body
	}
	return append(make([]byte, 0, len(body)), body...)
}

// keepNothing passes an answer on that is not stored.
func (f *fetch) keepNothing(why rfc9111.Reason, now time.Time) error {
	f.kept = why
	f.remember(why, now)
	if f.x != nil && f.head.Status == http.StatusOK && message.Conditional(&f.x.Request) {
		// The origin was asked without the client's conditions and range.
		r := f.site.Answers.OpenedStored(f.head.Status, rfc9111.Kept(nil, f.head.Fields, now, f.site.Rules), f.head.Length, now.Unix())
		switch status, ranges := message.Evaluate(&f.x.Request, r); {
		case status == http.StatusNotModified:
			f.decide(decision{stage: released})
			f.state = answered
			f.account.Ends()
			f.explainMine()
			f.x.Reply.Send(f.forMaker(r.NotModified))
			return errAnswered
		case ranges != "":
			f.decide(decision{stage: released})
			return errRange
		}
	}
	return f.passOn()
}

// remember leaves a mark if what is stored for the request must make way, and
// requests are not to wait for each other: a reason that is of the request, of
// its user or of the moment says nothing of the resource.
func (f *fetch) remember(why rfc9111.Reason, now time.Time) {
	switch {
	case ofRequest(why), f.asked.Authorization, rfc9111.Provoked(f.head.Status):
	case rfc9111.IsError(f.head.Status) && f.stale != nil:
		// What is stored may stand in for an error yet (RFC 5861 §4).
	default:
		f.edge.store.MarkUncacheable(f.own, why, now)
	}
}

// ofRequest reports whether a reason not to store says nothing of the resource:
// what is stored of it stays.
func ofRequest(why rfc9111.Reason) bool {
	return why == rfc9111.RequestNoStore || why == rfc9111.Authorization || why == rfc9111.NoRoom || why == rfc9111.Invalidated
}

// passOn begins to give the answer to the request that began the fetch, alone.
func (f *fetch) passOn() error {
	f.decide(decision{stage: released})
	if f.x == nil {
		f.state = answered
		return errUseless
	}
	f.state = passing
	result := metrics.Miss
	if !f.storing {
		result = metrics.Bypass
	}
	f.x.Reply.Explain(outcome(f.site, result, &rfc9111.CacheStatus{Served: f.reason, ForwardStatus: f.head.Status, Kept: f.kept}))
	return f.passed(f.x.Reply.Head(f.head))
}

// passed notes whether the client is gone that an answer is passed on to.
func (f *fetch) passed(err error) error {
	f.lost = f.lost || err != nil
	return err
}
