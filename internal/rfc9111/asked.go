package rfc9111

import (
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Asked is what a request says that matters to a cache. It refers to nothing of
// the request.
type Asked struct {
	// What the request has, for the caller to look at.
	Cookie          bool // Cookie
	Range           bool // Range
	IfRange         bool // If-Range
	IfNoneMatch     bool // If-None-Match
	IfModifiedSince bool // If-Modified-Since
	Authorization   bool // Authorization

	// Content is a request with content. The fields show it in HTTP/1.1;
	// the caller sets it for HTTP/2, in which the frames do. A key does not
	// cover content, so it is neither answered from the store nor stored.
	Content bool

	NoStore      bool // §5.2.1.5
	OnlyIfCached bool // §5.2.1.7

	originCondition bool // If-Match, If-Unmodified-Since
	noCache         bool
	plain           bool // nothing that Reuse must look at: the quick way
	authorized      bool // plain but for Authorization
	method          methodClass

	maxAge, minFresh, maxStale, staleIfError int32 // seconds or absent
}

// methodClass is how a method concerns a cache.
type methodClass uint8

const (
	methodOther methodClass = iota // neither answered nor stored
	methodGet
	methodHead // answered from a stored GET; only freshens
)

// Ask reads a request in one pass. Unless rules.HonorRequest is set, the
// directives by which a client asks for more than what is stored (no-cache,
// max-age, min-fresh) or for less (max-stale, stale-if-error) are ignored;
// no-store and only-if-cached always count, because neither makes the origin
// work for what is stored. nil rules are the defaults.
func Ask(method string, fields []hpack.Field, rules *Rules) Asked {
	a := Asked{maxAge: absent, minFresh: absent, maxStale: absent, staleIfError: absent}
	switch method {
	case "GET", "QUERY":
		// What is stored for a QUERY has its content in the key (RFC 10008 §2.7),
		// and is no other request's.
		a.method = methodGet
	case "HEAD":
		a.method = methodHead
	}
	control, pragma := false, false
	for i := range fields {
		switch f := &fields[i]; f.Name {
		case "cache-control":
			control = true
			a.cacheControl(f.Value)
		case "pragma":
			pragma = pragma || pragmaNoCache(f.Value)
		case "authorization":
			a.Authorization = true
		case "cookie":
			a.Cookie = true
		case "range":
			a.Range = true
		case "if-range":
			a.IfRange = true
		case "if-none-match":
			a.IfNoneMatch = true
		case "if-modified-since":
			a.IfModifiedSince = true
		case "if-match", "if-unmodified-since":
			a.originCondition = true
		case "content-length":
			a.Content = a.Content || strings.Trim(f.Value, "0") != ""
		case "transfer-encoding":
			a.Content = true
		}
	}
	// Pragma counts only without Cache-Control (§5.4).
	a.noCache = a.noCache || pragma && !control
	if rules == nil || !rules.HonorRequest {
		a.noCache = false
		a.maxAge, a.minFresh, a.maxStale, a.staleIfError = absent, absent, absent, absent
	}
	nothing := a.method != methodOther && !a.noCache && !a.OnlyIfCached && !a.originCondition &&
		a.maxAge == absent && a.minFresh == absent && a.maxStale == absent
	a.plain, a.authorized = nothing && !a.Authorization, nothing && a.Authorization
	return a
}

// Identify says that the client is known by something beside the request's fields,
// such as its certificate: what it is answered is its own, unless the response says
// otherwise, as with Authorization (§3.5).
func (a *Asked) Identify() {
	if !a.Authorization {
		a.Authorization, a.plain, a.authorized = true, false, a.plain
	}
}

// Admitted says that Authorization is for us, who have admitted the client, and that
// the origin does not get it: what the origin answers is for all who are admitted, and
// §3.5 does not apply.
func (a *Asked) Admitted() {
	if a.Authorization {
		a.Authorization, a.plain, a.authorized = false, a.authorized, false
	}
}

// cacheControl takes one Cache-Control line of a request (§5.2.1). A malformed
// number is read as the one that is strictest for the cache. Of a directive that is
// given twice, the first counts.
func (a *Asked) cacheControl(value string) {
	s := scanner{rest: value}
	for s.next() {
		switch n := s.name; {
		case strings.EqualFold(n, "no-cache"):
			a.noCache = true
		case strings.EqualFold(n, "no-store"):
			a.NoStore = true
		case strings.EqualFold(n, "max-age"):
			first(&a.maxAge, max(s.delta(), 0))
		case strings.EqualFold(n, "only-if-cached"):
			a.OnlyIfCached = true
		case strings.EqualFold(n, "min-fresh"):
			d := s.delta()
			if d < 0 {
				d = maxDelta
			}
			first(&a.minFresh, d)
		case strings.EqualFold(n, "max-stale"):
			d := int32(maxDelta) // without a number: however stale (§5.2.1.2)
			if s.broken || s.argument != "" || s.quoted {
				d = max(s.delta(), 0)
			}
			first(&a.maxStale, d)
		case strings.EqualFold(n, "stale-if-error"):
			first(&a.staleIfError, max(s.delta(), 0))
		}
	}
}

// pragmaNoCache reports whether a Pragma line has no-cache (§5.4).
func pragmaNoCache(value string) bool {
	s := scanner{rest: value}
	for s.next() {
		if strings.EqualFold(s.name, "no-cache") {
			return true
		}
	}
	return false
}

// Plain reports whether the request has nothing that [Reuse] must look at: a
// stored response answers it as long as it is fresh.
func (a *Asked) Plain() bool { return a.plain && !a.Content }

// PlainAuthorized reports whether the request is plain but for Authorization: a
// stored response answers it as long as it is fresh and [Shared].
func (a *Asked) PlainAuthorized() bool { return a.authorized && !a.Content }
