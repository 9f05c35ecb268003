package edge

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/site"
	"github.com/e0ac7cd4/hotpath/server/store"
)

// confirmed takes a 304: what is stored is current.
func (f *fetch) confirmed(now time.Time) error {
	if f.stale == nil {
		return f.named(now)
	}
	if !rfc9111.Selects(f.stale.Response.AsSent(), f.head.Fields) || !f.edge.store.Holds(f.own, f.stale) {
		return errAgain // it is about another, or it was purged since it was looked at
	}
	return f.current(f.freshen(f.asked, now), rfc9111.Revalidated)
}

// current answers with what a 304 has confirmed.
func (f *fetch) current(r *message.Response, why rfc9111.Reason) error {
	d := decision{stage: whole, response: r, policy: &f.policy, served: why, kept: f.kept, status: f.head.Status, under: cmp.Or(f.under, f.key), tags: f.tags, purged: f.purged}
	if f.kept != rfc9111.Stored && !ofRequest(f.kept) {
		// It is for no other request any more.
		f.decide(decision{stage: released})
	}
	f.whole(d)
	return errAnswered
}

// freshen stores what is stored with the fields that came (RFC 9111 §3.2), and
// returns it.
func (f *fetch) freshen(asked *rfc9111.Asked, now time.Time) *message.Response {
	stored := f.stale.Response
	merged := rfc9111.Freshen(withoutLength(stored.AsSent()), f.head.Fields)
	policy, kept := f.mayStore(asked, stored.Status, merged, now)
	if kept != rfc9111.Stored {
		policy.Born = f.began.Unix() // it is as new as the answer
	}
	if kept == rfc9111.Stored && f.edge.changes.since(f.key, f.began) {
		kept = rfc9111.Invalidated
	}
	r := f.site.Answers.Stored(stored.Status, rfc9111.Kept(nil, merged, now, f.site.Rules), stored.Body, policy.Born)
	if stored.MayBeCoded { // what it was fetched with counts, and not what it is asked about with
		r = f.codable(r, int64(len(stored.Body)))
	}
	r.Whole = stored.Root()
	f.policy, f.kept = policy, kept
	switch {
	case kept == rfc9111.Stored:
		vary, _ := rfc9111.ParseVary(merged)
		f.learn(merged)
		f.tags = f.tagsOf(merged)
		f.kept = f.edge.store.Put(&store.Arrival{
			Key: cmp.Or(f.under, f.key), Request: f.request.Fields, Response: r, Policy: policy, Vary: vary, Tags: f.tags, Purged: f.purged,
		})
	case !ofRequest(kept):
		f.remember(kept, now)
	}
	return r
}

// passedOn does what the answer to a request that was passed on means for what
// is stored.
func (f *fetch) passedOn(now time.Time) {
	e, r := f.edge, &f.request
	targets := rfc9111.Invalidates(nil, r.Method, f.head.Status, r.Scheme, r.Authority, r.Path, f.head.Fields)
	var changed []string
	for _, target := range targets {
		asked := &message.Request{Authority: r.Authority, Path: target}
		for _, key := range keysOf(f.site, asked) {
			e.changes.note(key) // before what is stored goes, so that no other is stored in between
			e.store.Invalidate(key)
		}
		if plain, ok := f.site.AppendKeyBy(nil, asked, nil); ok {
			changed = append(changed, string(plain))
		}
	}
	if len(targets) > 0 { // it was unsafe, and did not fail
		f.invalidateGroups()
		f.invalidateOthers(changed)
	}
	if r.Method != http.MethodHead || f.head.Status != http.StatusOK || f.stale == nil || f.asked.Authorization {
		return
	}
	// The head of what a GET would answer (RFC 9111 §4.3.5).
	if !rfc9111.HeadFreshens(f.stale.Response.AsSent(), int64(len(f.stale.Response.Body)), lengthened(f.head)) {
		e.store.Remove(f.own)
		return
	}
	get := rfc9111.Ask(http.MethodGet, r.Fields, f.site.Rules)
	f.freshen(&get, now)
	f.kept = rfc9111.None
}

// keysOf are the keys under which a resource may be stored, none if its target is
// malformed: by what the origin says of its query now, and by what it has.
func keysOf(s *site.Site, r *message.Request) []string {
	key, ok := s.AppendKey(nil, r)
	if !ok {
		return nil
	}
	keys := []string{string(key)}
	if plain, ok := s.AppendKeyBy(nil, r, nil); ok && string(plain) != keys[0] {
		keys = append(keys, string(plain))
	}
	return keys
}

// mayServeStale reports whether what is stored may stand in for an answer.
func (f *fetch) mayServeStale() bool {
	return f.stale != nil && f.stale.Answer == nil && rfc9111.MayServeOnError(f.asked, f.stale.Policy(), time.Now())
}

// mayServeDoubted reports whether what is stored may be given as it is, and not
// updated: a 304 about another response is all that the origin has answered, and
// what is stored met its condition (RFC 9111 §4.3.4).
func (f *fetch) mayServeDoubted() bool {
	return f.doubted && f.stale != nil && rfc9111.MayServeDoubted(f.asked, f.stale.Policy(), time.Now())
}

// serveStale answers with what is stored in place of an answer that failed.
func (f *fetch) serveStale() {
	f.stood = true
	f.whole(decision{
		stage: whole, response: f.stale.Response, policy: f.stale.Policy(),
		served: rfc9111.StaleOnError, status: f.head.Status,
		under: f.key, tags: f.stale.Tags, purged: f.purged,
	})
}

// whole answers all waiting requests with a response that is there.
func (f *fetch) whole(d decision) {
	f.state = answered
	if f.flight != nil {
		f.edge.complete(f.flight)
	}
	f.decide(d)
	if f.x == nil {
		return
	}
	f.account.Ends()
	f.x.Reply.Explain(outcome(f.site, metrics.Miss, &rfc9111.CacheStatus{Served: d.served, ForwardStatus: d.status, Kept: d.kept}))
	f.x.Reply.Send(message.Select(&f.x.Request, f.edge.represented(f.site, &f.x.Request, f.own, d.response)))
}

// withoutLength leaves content-length out, which the head has beside the fields.
func withoutLength(fields []hpack.Field) []hpack.Field {
	isLength := func(f hpack.Field) bool { return f.Name == "content-length" }
	if !slices.ContainsFunc(fields, isLength) {
		return fields
	}
	return slices.DeleteFunc(slices.Clone(fields), isLength)
}

// lengthened is the fields of a head with its content-length.
func lengthened(h message.Head) []hpack.Field {
	if h.Length < 0 {
		return h.Fields
	}
	return append(slices.Clip(h.Fields), hpack.Field{Name: "content-length", Value: strconv.FormatInt(h.Length, 10)})
}
