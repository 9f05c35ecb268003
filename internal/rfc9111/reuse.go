package rfc9111

import "time"

// Verdict is what to do with a request.
type Verdict uint8

const (
	// Fetch forwards the request; what is stored plays no part.
	Fetch Verdict = iota

	// Serve answers with the stored response.
	Serve

	// ServeAndRevalidate answers with the stored response, which is stale,
	// and has it validated behind the client's back (RFC 5861 §3).
	ServeAndRevalidate

	// Validate forwards the request first, with [Conditional] if the stored
	// response has a validator. If that fails, [MayServeOnError] says
	// whether the stored response may stand in.
	Validate

	// GatewayTimeout answers 504: the client asked for a stored response or none
	// (only-if-cached, RFC 9111 §5.2.1.7).
	GatewayTimeout
)

// Reuse decides what answers a request if p is the policy of the stored
// response that was selected for it, nil if there is none (RFC 9111 §4).
func Reuse(a *Asked, p *Policy, now time.Time) (Verdict, Reason) {
	if p != nil && a.plain && !a.Content && p.Flags&NoCache == 0 {
		// The way of nearly every request.
		if p.Age(now) < int64(p.Lifetime) {
			return Serve, Fresh
		}
	}
	verdict, reason := reuse(a, p, now)
	if a.OnlyIfCached && (verdict == Fetch || verdict == Validate) && a.method != methodOther {
		return GatewayTimeout, OnlyIfCached
	}
	return verdict, reason
}

func reuse(a *Asked, p *Policy, now time.Time) (Verdict, Reason) {
	switch {
	case a.method == methodOther:
		return Fetch, Method
	case a.Content:
		return Fetch, RequestContent
	case a.originCondition:
		// If-Match and If-Unmodified-Since are for the origin to evaluate
		// (§4.3.2).
		return Fetch, RequestCondition
	case p == nil:
		return Fetch, Miss
	case a.Authorization && !p.Has(Shared):
		// Stricter than §3.5, which protects what was stored for a request
		// with Authorization: an origin that gives authorized clients
		// another page and forgets Vary is far too common.
		return Fetch, Authorization
	case a.noCache:
		return Validate, RequestNoCache // §5.2.1.4
	case p.Has(NoCache):
		return Validate, NoCacheResponse // §5.2.2.4
	}
	age := p.Age(now)
	fresh := age < int64(p.Lifetime)
	switch {
	case a.maxAge != absent && !(fresh && p.Has(Immutable)) && (a.maxAge == 0 || age > int64(a.maxAge)):
		// §5.2.1.1. An age of 0 is a fraction of a second, so nothing stored
		// satisfies max-age=0. A reload of what is immutable does not need
		// one (RFC 8246 §2).
		return Validate, RequestMaxAge
	case a.minFresh != absent && int64(p.Lifetime)-age < int64(a.minFresh):
		return Validate, RequestMinFresh // §5.2.1.3
	case fresh:
		return Serve, Fresh
	}
	stale := age - int64(p.Lifetime) // 0 at the moment at which it expires
	switch {
	case stale < int64(p.Revalidate) && a.takesStale():
		return ServeAndRevalidate, StaleRevalidating // RFC 5861 §3
	case a.maxStale != absent && !p.Has(MustRevalidate) && stale <= int64(a.maxStale):
		return Serve, StaleAllowed // §5.2.1.2, §4.2.4
	}
	return Validate, Expired
}

// takesStale reports whether the client takes a stale response if the cache may
// serve it: one that sends max-age does not, unless it sends max-stale too
// (§5.2.1.1).
func (a *Asked) takesStale() bool { return a.maxAge == absent || a.maxStale != absent }

// MayServeOnError reports whether the stored response may stand in for an
// answer of the origin that failed: no answer, or one for which [IsError] holds
// (RFC 5861 §4). Never if the response forbids to be served stale (RFC 9111
// §4.2.4) or the client insisted on validation.
func MayServeOnError(a *Asked, p *Policy, now time.Time) bool {
	if p == nil || !a.mayTake(p, now) {
		return false
	}
	stale := -p.Left(now)
	if stale < int64(p.OnError) {
		return true // fresh as well: stale is negative then
	}
	return !p.Has(MustRevalidate) && a.staleIfError != absent && stale < int64(a.staleIfError)
}

// MayServeDoubted reports whether the stored response may stand in if the origin
// answered its validation with a 304 about another, and then nothing (§4.3.4): not
// if the response or the client insists on validation (§4.2.4).
func MayServeDoubted(a *Asked, p *Policy, now time.Time) bool {
	return a.mayTake(p, now) && (p.Fresh(now) || !p.Has(MustRevalidate))
}

// mayTake reports whether the request may be answered, without validation, with
// a stored response of that age.
func (a *Asked) mayTake(p *Policy, now time.Time) bool {
	switch {
	case a.method == methodOther, a.Content, a.originCondition, a.noCache, a.minFresh != absent:
		return false
	case p.Has(NoCache), a.Authorization && !p.Has(Shared):
		return false
	}
	return a.takesStale() && (a.maxAge == absent || p.Age(now) <= int64(a.maxAge))
}

// IsError reports whether a status is one in whose place a stale response may
// be served (RFC 5861 §4).
func IsError(status int) bool {
	switch status {
	case 500, 502, 503, 504:
		return true
	}
	return false
}
