package rfc9111

import "time"

// Rules are a site's choices, if the RFCs leave one. The zero value, or nil,
// is what the RFCs make of a response without anything of our own added.
// Durations count in whole seconds, rounded up; zero is off unless said
// otherwise, and negative is as zero.
type Rules struct {
	// HonorRequest lets a request's no-cache, max-age, min-fresh, max-stale
	// and stale-if-error decide. RFC 9111 §5.2.1 calls them advisory: with
	// them any stranger can send every request to the origin.
	HonorRequest bool

	// Freshness is the freshness lifetime of a response with a status below
	// 400 that is cacheable by default and says nothing itself.
	Freshness time.Duration

	// StatusFreshness is the same for single status codes; it comes before
	// Freshness. It is the only way in which an error without explicit
	// freshness is stored, and in which one that a client can provoke
	// ([Provoked]) is stored at all. A value of 0 turns Freshness and Heuristic off
	// for the status.
	StatusFreshness map[int]time.Duration

	// Heuristic estimates a lifetime from Last-Modified: a tenth of the time
	// since, HeuristicMax at most (§4.2.2). Off, such a response is stored
	// with a lifetime of 0: each use is validated, which saves the content's
	// transfer and shows nothing that the origin did not confirm.
	Heuristic bool

	// HeuristicMax limits Heuristic; 0: one day.
	HeuristicMax time.Duration

	// StaleWhileRevalidate and StaleIfError apply to responses that do not
	// say so themselves and do not forbid it (RFC 5861).
	StaleWhileRevalidate time.Duration
	StaleIfError         time.Duration

	// MaxLifetime limits every freshness lifetime; 0: no limit but 2^31-1 s.
	MaxLifetime time.Duration

	// KeepStale is how long a response that has a validator is of use after
	// it is no longer fresh; 0: one day, negative: not at all. One that has
	// none is kept as long again as it was fresh, an hour at most, if
	// HonorRequest is set and it does not forbid to be served stale.
	KeepStale time.Duration

	// StoreSetCookie allows to store responses with Set-Cookie. Such a
	// cookie goes to everybody.
	StoreSetCookie bool

	// Targeted is the target list of RFC 9213 §2.2: names, in lower case, of
	// fields that replace Cache-Control and Expires, the first usable one
	// counting. nil: cdn-cache-control. Empty: none.
	Targeted []string
}

const (
	// heuristicMax is a day: RFC 9111 §4.2.2 once asked for a warning above
	// it, and what changes less than every ten days may be a day old.
	heuristicMax = 24 * time.Hour

	// heuristicFraction is the "typical setting" of RFC 9111 §4.2.2.
	heuristicFraction = 10

	// keepStale is a day: an entry that is not used leaves by its order in
	// the cache long before, and a 304 costs less than the content.
	keepStale = 24 * time.Hour

	// keepUnvalidated is for how many seconds at most a response without a
	// validator is kept when it is stale: few requests take it then.
	keepUnvalidated = 60 * 60
)

var (
	defaultRules    Rules
	defaultTargeted = []string{"cdn-cache-control"}
)

func (r *Rules) targeted() []string {
	if r.Targeted == nil {
		return defaultTargeted
	}
	return r.Targeted
}

func (r *Rules) heuristicMax() int64 {
	if r.HeuristicMax == 0 {
		return int64(heuristicMax / time.Second)
	}
	return int64(seconds(r.HeuristicMax))
}

func (r *Rules) keepStale() int32 {
	if r.KeepStale == 0 {
		return int32(keepStale / time.Second)
	}
	return seconds(r.KeepStale)
}
