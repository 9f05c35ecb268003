package rfc9111

// Reason is why a request was answered as it was, or why a response was or was
// not stored. It is one enumeration for the label of metrics ([Reason.String]),
// for Cache-Status (RFC 9211) and for people ([Reason.Sentence]), so that they
// cannot disagree. Its values are counted from 0 to [Reasons]-1 and may change
// from release to release; the names stay.
type Reason uint8

const (
	// None is no reason yet.
	None Reason = iota

	// Answered from the store.
	Fresh
	StaleRevalidating
	StaleAllowed

	// Answered with what is stored, after the request was forwarded.
	StaleOnError
	Revalidated

	// The request is forwarded, because of what is stored or is not.
	Miss
	VaryMismatch
	Collapsed
	Expired
	NoCacheResponse
	Invalidated

	// The request is forwarded, because of the request or the site.
	RequestNoCache
	RequestMaxAge
	RequestMinFresh
	RequestCondition
	RequestContent
	Method
	Range
	Authorization
	Bypass
	KnownUncacheable

	// Neither.
	OnlyIfCached

	// Stored, and why not.
	Stored
	RequestNoStore
	NoStore
	Private
	NotUnderstood
	SetCookie
	Status
	Partial
	NoFreshness
	AlreadyStale
	VaryStar
	TooManyVariants
	TooLarge
	NoRoom
	Incomplete

	// Reasons is how many there are.
	Reasons
)

// reasons has everything that is said of a reason. hit and forward are the
// parameters of Cache-Status (RFC 9211 §2.1, §2.2), one of the two for what
// answers a request; a reason that only says why a response is not stored has
// neither, and nor has a 504 of our own.
var reasons = [Reasons]struct {
	name     string
	hit      bool
	forward  string
	sentence string
}{
	None: {"none", false, "", "Nothing was decided."},

	Fresh:             {"fresh", true, "", "The stored response is fresh."},
	StaleRevalidating: {"stale_revalidating", true, "", "The stored response is stale; it was served while it is revalidated."},
	StaleAllowed:      {"stale_allowed", true, "", "The stored response is stale, but the request's max-stale allows it."},

	StaleOnError: {"stale_on_error", false, "stale", "The stored response is stale; it was served because the origin failed."},
	Revalidated:  {"revalidated", false, "stale", "The origin confirmed that the stored response is current."},

	Miss:            {"miss", false, "uri-miss", "Nothing is stored for this resource."},
	VaryMismatch:    {"vary_mismatch", false, "vary-miss", "No stored response fits the request's fields that Vary names."},
	Collapsed:       {"collapsed", false, "uri-miss", "The request followed the fetch that another had begun."},
	Expired:         {"expired", false, "stale", "The stored response is no longer fresh."},
	NoCacheResponse: {"no_cache", false, "stale", "The response has no-cache: it must be validated before each use."},
	Invalidated:     {"invalidated", false, "miss", "The stored response was purged, or a successful change made it obsolete."},

	RequestNoCache:   {"request_no_cache", false, "request", "The request has no-cache."},
	RequestMaxAge:    {"request_max_age", false, "request", "The stored response is older than the request's max-age."},
	RequestMinFresh:  {"request_min_fresh", false, "request", "The stored response will not stay fresh for the request's min-fresh."},
	RequestCondition: {"request_condition", false, "bypass", "The request has If-Match or If-Unmodified-Since, which the origin evaluates."},
	RequestContent:   {"request_content", false, "bypass", "The request has content, which no key covers."},
	Method:           {"method", false, "method", "The request's method is not one that is answered from the store or stored."},
	Range:            {"range", false, "miss", "The request asks for a range of what is not stored."},
	Authorization:    {"authorization", false, "bypass", "The request has Authorization, or the client a certificate that the site asks for, and the response does not say that it may be shared."},
	Bypass:           {"bypass", false, "bypass", "The configuration does not cache this request."},
	KnownUncacheable: {"known_uncacheable", false, "miss", "The resource's last response might not be stored, so this request did not wait for another's."},

	OnlyIfCached: {"only_if_cached", false, "", "The request has only-if-cached, and nothing stored may answer it."},

	Stored:          {"stored", false, "", "The response was stored."},
	RequestNoStore:  {"request_no_store", false, "", "The request has no-store."},
	NoStore:         {"no_store", false, "", "The response has no-store."},
	Private:         {"private", false, "", "The response has private."},
	NotUnderstood:   {"must_understand", false, "", "The response has must-understand, and its status is not one that is implemented."},
	SetCookie:       {"set_cookie", false, "", "The response sets a cookie."},
	Status:          {"status", false, "", "The response's status is not stored: it is not final, or speaks of the request alone."},
	Partial:         {"partial", false, "", "The response is a part of a representation."},
	NoFreshness:     {"no_freshness", false, "", "The response does not say how long it is fresh, and its status or the lack of a validator does not let it be stored without."},
	AlreadyStale:    {"already_stale", false, "", "The response is stale on arrival, and has no validator to revalidate it with."},
	VaryStar:        {"vary_star", false, "", "The response's Vary is *, names the client's certificate, or is not readable: it fits no other request."},
	TooManyVariants: {"too_many_variants", false, "", "The resource has as many variants as are stored of one."},
	TooLarge:        {"too_large", false, "", "The response is larger than what is stored of one."},
	NoRoom:          {"no_room", false, "", "What is arriving takes all the bytes that the cache may hold."},
	Incomplete:      {"incomplete", false, "", "The response broke off before its end."},
}

// String returns the reason's name: the label of metrics and the detail of
// Cache-Status.
func (r Reason) String() string {
	if r >= Reasons {
		return "unknown"
	}
	return reasons[r].name
}

// Sentence explains the reason to a person.
func (r Reason) Sentence() string {
	if r >= Reasons {
		return "The reason is unknown."
	}
	return reasons[r].sentence
}

// Hit reports whether the request was answered without the origin (RFC
// 9211 §2.1).
func (r Reason) Hit() bool { return r < Reasons && reasons[r].hit }

// Forward returns why the request went to the origin, as the token of RFC 9211
// §2.2; "" for a reason that is not about that.
func (r Reason) Forward() string {
	if r >= Reasons {
		return ""
	}
	return reasons[r].forward
}
