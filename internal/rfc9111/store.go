package rfc9111

import (
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Store decides whether the whole response to a request may be stored (RFC 9111
// §3), and makes the policy that is kept with it. The reason is [Stored], or
// why it is not stored; then the policy is of no use. The request was asked at
// asked and the head of the response came at got. nil rules are the defaults.
//
// It looks at heads alone: that the response is complete, and has room, is for
// the caller. [ParseVary] gives the fields that the key needs, [Kept] the fields
// that are stored.
func Store(a *Asked, status int, fields []hpack.Field, asked, got time.Time, rules *Rules) (Policy, Reason) {
	if rules == nil {
		rules = &defaultRules
	}
	switch {
	case a.method != methodGet:
		// HEAD has no content to store; §3 lets POST be stored with explicit
		// freshness and Content-Location, which no site relies on.
		return Policy{}, Method
	case a.NoStore:
		return Policy{}, RequestNoStore // §5.2.1.5
	case a.Content:
		return Policy{}, RequestContent
	}
	if reason := storable(status); reason != Stored {
		return Policy{}, reason
	}
	if Provoked(status) && rules.StatusFreshness[status] <= 0 {
		return Policy{}, Status
	}
	d, targeted := responseDirectives(fields, rules)
	if reason := permitted(a, status, &d); reason != Stored {
		return Policy{}, reason
	}
	if _, ok := ParseVary(fields); !ok {
		return Policy{}, VaryStar // §4.1: matches no request
	}
	if !rules.StoreSetCookie && !d.strips("set-cookie") {
		if _, ok := get(fields, "set-cookie"); ok {
			return Policy{}, SetCookie
		}
	}

	p := Policy{Born: born(fields, asked, got), Flags: d.flags()}
	l := lifetimeOf(&d, targeted, status, fields, got, rules)
	if l.explicit {
		p.Flags |= Explicit
	}
	if hasValidator(fields, &d, got) {
		p.Flags |= HasValidator
	}
	p.Lifetime = l.seconds
	if rules.MaxLifetime > 0 {
		p.Lifetime = min(p.Lifetime, seconds(rules.MaxLifetime))
	}
	p.Revalidate, p.OnError = staleness(&d, l, rules)
	p.Keep = max(p.Revalidate, p.OnError)
	validated := p.Has(HasValidator) && rules.keepStale() > 0
	if validated {
		p.Keep = max(p.Keep, rules.keepStale())
	}

	switch {
	case validated && (l.known || cacheableByDefault(status) || d.public):
		return p, Stored // §3: if only to be validated
	case !l.known:
		return Policy{}, NoFreshness // §3, last point
	case p.Has(NoCache):
		return Policy{}, NoCacheResponse // never usable without a validator
	case p.Left(got)+int64(p.Keep) <= 0:
		return Policy{}, AlreadyStale
	}
	if rules.HonorRequest && !p.Has(MustRevalidate) {
		// A request may take it stale (§5.2.1.2, RFC 5861 §4), or a HEAD renew
		// it (§4.3.5).
		p.Keep = max(p.Keep, min(p.Lifetime, keepUnvalidated, rules.keepStale()))
	}
	return p, Stored
}

// responseDirectives returns the directives that govern a response: those of
// the first usable targeted field, which then replaces Cache-Control and
// Expires (RFC 9213 §2.2), else those of Cache-Control. Pragma means nothing in
// a response (RFC 9111 §5.4).
func responseDirectives(fields []hpack.Field, rules *Rules) (d directives, targeted bool) {
	for _, name := range rules.targeted() {
		if d, ok := targetedDirectives(fields, name); ok {
			return d, true
		}
	}
	d = noDirectives()
	d.cacheControl(fields)
	return d, false
}

// permitted applies the directives that forbid to store (§3).
func permitted(a *Asked, status int, d *directives) Reason {
	if d.mustUnderstand { // §5.2.2.3
		if !understood(status) {
			return NotUnderstood
		}
		d.noStore = false
	}
	switch {
	case d.noStore:
		return NoStore // §5.2.2.5
	case d.private:
		return Private // §5.2.2.7
	case a.Authorization && !d.shared():
		return Authorization // §3.5
	}
	return Stored
}

// shared reports whether a directive lets the response answer requests of
// others than the authorized client that it was made for (§3.5).
func (d *directives) shared() bool { return d.public || d.sMaxAge >= 0 || d.mustRevalidate }

func (d *directives) flags() (f Flags) {
	set := func(on bool, flag Flags) {
		if on {
			f |= flag
		}
	}
	set(d.noCache, NoCache)
	// s-maxage means proxy-revalidate too (§5.2.2.10).
	set(d.mustRevalidate || d.proxyRevalidate || d.sMaxAge != absent, MustRevalidate)
	set(d.immutable, Immutable)
	set(d.shared(), Shared)
	set(len(d.strip) > 0, Strips)
	return f
}

// lifetime is how long a response is fresh, and by whose word.
type lifetime struct {
	seconds  int32
	explicit bool // the origin's
	known    bool // the origin's, the site's or an estimate
	from     string
}

// lifetimeOf calculates the freshness lifetime (§4.2.1): s-maxage, max-age,
// Expires less Date, and without these what the site says for the status, an
// estimate, what it says for all.
func lifetimeOf(d *directives, targeted bool, status int, fields []hpack.Field, got time.Time, rules *Rules) lifetime {
	// What is no number is stale, as §4.2.1 encourages.
	if d.sMaxAge != absent {
		return lifetime{max(d.sMaxAge, 0), true, true, "s-maxage"}
	}
	if d.maxAge != absent {
		return lifetime{max(d.maxAge, 0), true, true, "max-age"}
	}
	if expires, ok := get(fields, "expires"); ok && !targeted {
		at, ok := parseDate(expires, got)
		if !ok {
			return lifetime{0, true, true, "Expires"} // such as "0": in the past (§5.3)
		}
		date, ok := dateValue(fields, got)
		if !ok {
			date = got.Unix()
		}
		return lifetime{int32(min(max(at-date, 0), maxDelta)), true, true, "Expires"}
	}
	if configured, ok := rules.StatusFreshness[status]; ok {
		return lifetime{seconds(configured), false, configured > 0, "cache.negative"}
	}
	if !cacheableByDefault(status) && !d.public { // §4.2.2
		return lifetime{}
	}
	if rules.Heuristic {
		if modified, ok := lastModified(fields, got); ok {
			date, ok := dateValue(fields, got)
			if !ok {
				date = got.Unix()
			}
			estimate := min(max(date-modified, 0)/heuristicFraction, rules.heuristicMax())
			return lifetime{int32(min(estimate, maxDelta)), false, true, "Last-Modified, by cache.heuristics"}
		}
	}
	if rules.Freshness > 0 && status < 400 {
		return lifetime{seconds(rules.Freshness), false, true, "cache.default-fresh"}
	}
	return lifetime{}
}

// LifetimeFrom says what a response's freshness lifetime is taken from: a directive, a
// field or a setting; "" if nothing says how long it is fresh.
func LifetimeFrom(status int, fields []hpack.Field, got time.Time, rules *Rules) string {
	if rules == nil {
		rules = &defaultRules
	}
	d, targeted := responseDirectives(fields, rules)
	return lifetimeOf(&d, targeted, status, fields, got, rules).from
}

// staleness returns for how many seconds the response may be served stale while
// it is revalidated, and if the origin fails (RFC 5861). must-revalidate,
// proxy-revalidate and no-cache forbid both (RFC 9111 §4.2.4). s-maxage means
// proxy-revalidate (§5.2.2.10), so the site's defaults do not apply to it; but an
// origin that writes "s-maxage=60, stale-while-revalidate=30" means both, and
// what it says itself counts.
func staleness(d *directives, l lifetime, rules *Rules) (revalidate, onError int32) {
	if d.mustRevalidate || d.proxyRevalidate || d.noCache {
		return 0, 0
	}
	if l.known && d.sMaxAge == absent {
		// What the origin calls stale at once is not served unasked, unless
		// it cannot be asked.
		if l.seconds > 0 {
			revalidate = seconds(rules.StaleWhileRevalidate)
		}
		onError = seconds(rules.StaleIfError)
	}
	if d.staleWhileRevalidate != absent {
		revalidate = d.staleWhileRevalidate
	}
	if d.staleIfError != absent {
		onError = d.staleIfError
	}
	return revalidate, onError
}

// lastModified returns a usable Last-Modified in Unix seconds.
func lastModified(fields []hpack.Field, got time.Time) (int64, bool) {
	value, ok := get(fields, "last-modified")
	if !ok {
		return 0, false
	}
	return parseDate(value, got)
}

// hasValidator reports whether the stored fields have something to ask about.
func hasValidator(fields []hpack.Field, d *directives, got time.Time) bool {
	if etag, ok := get(fields, "etag"); ok && validETag(etag) && !d.strips("etag") {
		return true
	}
	_, ok := lastModified(fields, got)
	return ok && !d.strips("last-modified")
}
