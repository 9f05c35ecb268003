package conformance

import "time"

const fresh = "200 | cache-control: max-age=3600"

// responseDirectives is RFC 9111 §5.2.2.
var responseDirectives = []testCase{
	once("RFC9111-5.2.2.7", "private", required, "private is not for a shared cache (§5.2.2.7).", "200 | cache-control: private, max-age=3600", "asked"),
	once("RFC9111-5.2.2.7", "private-upper-case", required, "private has no case.", "200 | cache-control: PrIvAtE, max-age=3600", "asked"),
	once("RFC9111-5.2.2.7", "private-s-maxage", required, "s-maxage does not change that.", "200 | cache-control: private, s-maxage=3600", "asked"),
	once("RFC9111-5.2.2.7", "private-public", required, "Nor does public.", "200 | cache-control: private, public, max-age=3600", "asked"),
	once("RFC9111-5.2.2.7", "private-field", optional, "A response with private for a field is stored without it.", `200 | cache-control: private="a", max-age=3600 | a: 1 | b: 2`, "hit | !a | b: 2"),
	once("RFC9111-5.2.2.7", "private-field-first", required, "The client whose response it is gets the field.", `200 | cache-control: private="a", max-age=3600 | a: 1`, "hit | !a"),
	once("RFC9111-5.2.2.7", "private-set-cookie", optional, "A cookie that is private is not stored, the rest is.", `200 | cache-control: private="set-cookie", max-age=3600 | set-cookie: u=1`, "hit | !set-cookie"),
	once("RFC9111-5.2.2.5", "no-store", required, "no-store is not stored (§5.2.2.5).", "200 | cache-control: no-store | last-modified: @-3600", "asked | sent !if-modified-since"),
	once("RFC9111-5.2.2.5", "no-store-upper-case", required, "no-store has no case.", "200 | cache-control: No-StOrE, max-age=3600", "asked"),
	once("RFC9111-5.2.2.5", "no-store-fresh", required, "max-age and Expires do not change that.", "200 | cache-control: max-age=3600, no-store | expires: @3600", "asked"),
	once("RFC9111-5.2.2.5", "no-store-line", required, "Nor does another line.", "200 | cache-control: max-age=3600 | cache-control: no-store", "asked"),
	once("RFC9111-5.2.2.4", "no-cache", required, "no-cache is not used without validation (§5.2.2.4).", "200 | cache-control: no-cache, max-age=3600 | expires: @3600", "asked"),
	once("RFC9111-5.2.2.4", "no-cache-upper-case", required, "no-cache has no case.", "200 | cache-control: No-CaChE, max-age=3600", "asked"),
	once("RFC9111-5.2.2.4", "no-cache-s-maxage", required, "s-maxage does not change that.", "200 | cache-control: no-cache, s-maxage=3600", "asked"),
	{"RFC9111-5.2.2.4", "no-cache-validated", optional, "A response with no-cache and a validator is validated.", "", []step{
		{answer: `200 | cache-control: no-cache | etag: "a"`, want: "asked"},
		{answer: `304 | etag: "a"`, want: `validated | sent if-none-match: "a" | of 1`},
		{answer: `304 | etag: "a"`, want: `validated | of 1`},
	}},
	{"RFC9111-5.2.2.4", "no-cache-changed", required, "If it is not current, the new one is given and validated in its turn.", "", []step{
		{answer: `200 | cache-control: no-cache, max-age=3600 | etag: "a"`, want: "asked"},
		{answer: `200 | cache-control: no-cache, max-age=3600 | etag: "b"`, want: "validated"},
		{answer: `304 | etag: "b"`, want: `validated | sent if-none-match: "b" | of 2`},
	}},
	once("RFC9111-5.2.2.4", "no-cache-field", optional, "With no-cache for a field the rest is used without it.", `200 | cache-control: no-cache="a", max-age=3600 | a: 1 | b: 2`, "hit | !a | b: 2"),
	once("RFC9111-5.2.2.4", "no-cache-fields", optional, "So it is for several fields.", `200 | cache-control: max-age=3600, no-cache="a, B" | a: 1 | b: 2 | c: 3`, "hit | !a | !b | c: 3"),
	once("RFC9111-5.2.2.4", "no-cache-empty", required, "An empty list of fields counts as none.", `200 | cache-control: no-cache="", max-age=3600`, "asked"),
	once("RFC9111-5.2.2.4", "no-cache-set-cookie", optional, "A cookie that is not to be reused is not, the rest is.", `200 | cache-control: no-cache="Set-Cookie", max-age=3600 | set-cookie: u=1`, "hit | !set-cookie"),
	once("RFC9111-5.2.2.4", "no-cache-field-and-all", required, "no-cache for all goes before no-cache for a field.", `200 | cache-control: no-cache="a", no-cache, max-age=3600 | a: 1`, "asked"),
	once("RFC9111-5.2.2.2", "must-revalidate-fresh", required, "must-revalidate does not matter while a response is fresh (§5.2.2.2).", "200 | cache-control: max-age=3600, must-revalidate", "hit"),
	once("RFC9111-5.2.2.2", "must-revalidate-stale", required, "When it is stale, it is validated.", `200 | cache-control: max-age=60, must-revalidate | age: 100 | etag: "a"`, "validated"),
	once("RFC9111-5.2.2.8", "proxy-revalidate-fresh", required, "So it is with proxy-revalidate (§5.2.2.8).", "200 | cache-control: max-age=3600, proxy-revalidate", "hit"),
	once("RFC9111-5.2.2.3", "must-understand", optional, "must-understand sets no-store aside for a status that is understood (§5.2.2.3).", "200 | cache-control: no-store, must-understand, max-age=3600", "hit"),
	once("RFC9111-5.2.2.3", "must-understand-599", required, "For one that is not, no-store holds.", "599 | cache-control: no-store, must-understand, max-age=3600", "asked"),
	once("RFC9111-5.2.2.3", "must-understand-alone", required, "must-understand alone forbids it too.", "599 | cache-control: must-understand, max-age=3600", "asked"),
	once("RFC9111-5.2.2.3", "must-understand-private", required, "private still holds beside it.", "200 | cache-control: private, must-understand, max-age=3600", "asked"),
	once("RFC9111-5.2.2.6", "no-transform", required, "no-transform does not matter to storing (§5.2.2.6).", "200 | cache-control: max-age=3600, no-transform", "hit"),
	once("RFC8246-2", "immutable", required, "immutable alone is no lifetime (RFC 8246 §2).", "200 | cache-control: immutable", "asked"),
	once("RFC9111-5.4", "pragma-response", required, "Pragma in a response means nothing (§5.4).", "200 | cache-control: max-age=3600 | pragma: no-cache", "hit"),
	once("RFC9213-2", "surrogate-control", check, "Surrogate-Control means nothing.", "200 | cache-control: max-age=3600 | surrogate-control: no-store", "hit"),
}

// asking is two requests of which the second has fields.
func asking(section, name string, k kind, says, answer, fields, want string) testCase {
	return testCase{section, name, k, says, "", []step{{answer: answer, want: "asked"}, {ask: "GET / | " + fields, want: want}}}
}

// waiting is a response that becomes stale within two seconds, and what is asked then.
// One second is too few: ages are whole, and a response that arrives in the second after
// the one in which it was asked for would be stale before it is stored.
func waiting(section, name string, k kind, says, site, stored, ask, answer, want string) testCase {
	return testCase{section, name, k, says, site, []step{{answer: stored, want: "asked"}, {ask: ask, answer: answer, want: want, after: 2100 * time.Millisecond}}}
}

// requestDirectives is RFC 9111 §5.2.1 and §5.4.
var requestDirectives = []testCase{
	asking("RFC9111-5.2.1.1", "req-max-age-0", optional, "max-age=0 asks for validation (§5.2.1.1).", fresh+` | etag: "a"`, "cache-control: max-age=0", "validated"),
	asking("RFC9111-5.2.1.1", "req-max-age", optional, "A response older than max-age is not used.", fresh+" | age: 60", "cache-control: max-age=30", "asked"),
	asking("RFC9111-5.2.1.1", "req-max-age-younger", optional, "A younger one is.", fresh+" | age: 60", "cache-control: max-age=600", "hit"),
	asking("RFC9111-5.2.1.1", "req-max-age-bad", check, "A max-age that is no number asks for validation.", fresh, "cache-control: max-age=x", "asked"),
	asking("RFC8246-2", "req-max-age-immutable", check, "What is immutable is not asked for again (RFC 8246 §2).", "200 | cache-control: max-age=3600, immutable", "cache-control: max-age=0", "hit"),
	asking("RFC9111-5.2.1.3", "req-min-fresh", optional, "min-fresh asks for more freshness than is left (§5.2.1.3).", "200 | cache-control: max-age=60", "cache-control: min-fresh=600", "asked"),
	asking("RFC9111-5.2.1.3", "req-min-fresh-enough", optional, "With enough left it is a hit.", fresh, "cache-control: min-fresh=60", "hit"),
	asking("RFC9111-5.2.1.3", "req-min-fresh-age", optional, "Age counts.", "200 | cache-control: max-age=600 | age: 500", "cache-control: min-fresh=300", "asked"),
	asking("RFC9111-5.2.1.2", "req-max-stale", optional, "max-stale takes a stale response (§5.2.1.2).", `200 | cache-control: max-age=60 | age: 100 | etag: "a"`, "cache-control: max-stale=1000", "hit"),
	asking("RFC9111-5.2.1.2", "req-max-stale-any", optional, "Without a number however stale it is.", `200 | cache-control: max-age=60 | age: 9000 | etag: "a"`, "cache-control: max-stale", "hit"),
	waiting("RFC9111-5.2.1.2", "req-max-stale-no-tag", optional, "Also one without a validator.", "", "200 | cache-control: max-age=3 | age: 1", "GET / | cache-control: max-stale=1000", "", "hit | of 1"),
	waiting("RFC9111-5.2.1.2", "req-max-stale-no-tag-not", required, "Others are still answered from the origin.", "", "200 | cache-control: max-age=3 | age: 1", "GET /", "", "asked"),
	waiting("RFC9111-5.2.2.10", "req-max-stale-no-tag-s-maxage", required, "Not one without a validator that has s-maxage (§5.2.2.10).", "", "200 | cache-control: s-maxage=3 | age: 1", "GET / | cache-control: max-stale=1000", "", "asked"),
	waiting("RFC5861-4", "req-sie", optional, "stale-if-error lets a stale response stand in for an error (RFC 5861 §4).", "failing", `200 | cache-control: max-age=3 | age: 1 | etag: "a"`, "GET / | cache-control: stale-if-error=1000", "503", "stale"),
	waiting("RFC5861-4", "req-sie-no-tag", optional, "Also one without a validator.", "failing", "200 | cache-control: max-age=3 | age: 1", "GET / | cache-control: stale-if-error=1000", "503", "stale"),
	waiting("RFC9111-5.2.2.10", "req-sie-s-maxage", required, "Not one with s-maxage (§5.2.2.10).", "failing", "200 | cache-control: s-maxage=3 | age: 1", "GET / | cache-control: stale-if-error=1000", "503", "asked | status 503"),
	asking("RFC9111-5.2.1.2", "req-max-stale-older", required, "Not one that is staler than that.", `200 | cache-control: max-age=60 | age: 9000 | etag: "a"`, "cache-control: max-stale=1000", "asked"),
	asking("RFC9111-5.2.2.2", "req-max-stale-must", required, "Not one that must be validated (§5.2.2.2).", `200 | cache-control: max-age=60, must-revalidate | age: 100 | etag: "a"`, "cache-control: max-stale=1000", "asked"),
	asking("RFC9111-5.2.2.8", "req-max-stale-proxy", required, "Nor with proxy-revalidate (§5.2.2.8).", `200 | cache-control: max-age=60, proxy-revalidate | age: 100 | etag: "a"`, "cache-control: max-stale=1000", "asked"),
	asking("RFC9111-5.2.2.10", "req-max-stale-s-maxage", required, "Nor with s-maxage (§5.2.2.10).", `200 | cache-control: s-maxage=60 | age: 100 | etag: "a"`, "cache-control: max-stale=1000", "asked"),
	asking("RFC9111-5.2.2.4", "req-max-stale-no-cache", required, "Nor with no-cache (§5.2.2.4).", `200 | cache-control: max-age=60, no-cache | age: 100 | etag: "a"`, "cache-control: max-stale=1000", "asked"),
	asking("RFC9111-5.2.1.4", "req-no-cache", optional, "no-cache asks for validation (§5.2.1.4).", fresh, "cache-control: no-cache", "asked"),
	asking("RFC9111-5.2.1.4", "req-no-cache-etag", optional, "With the entity tag.", fresh+` | etag: "a"`, "cache-control: no-cache", `validated | sent if-none-match: "a"`),
	asking("RFC9111-5.2.1.4", "req-no-cache-date", optional, "Or the date.", fresh+" | last-modified: Wed, 01 Jan 2020 00:00:00 GMT", "cache-control: no-cache", "validated | sent if-modified-since: Wed, 01 Jan 2020 00:00:00 GMT"),
	asking("RFC9111-5.2.1.4", "req-no-cache-upper-case", optional, "no-cache has no case.", fresh, "cache-control: No-Cache", "asked"),
	asking("RFC9111-5.2", "req-no-cache-passed", required, "Cache-Control goes on to the origin (§5.2).", fresh, "cache-control: no-cache, foo=bar", "asked | sent cache-control: no-cache, foo=bar"),
	asking("RFC9111-5.2.3", "req-extension", required, "An unknown directive does not matter.", fresh, "cache-control: foo", "hit"),
	{"RFC9111-5.2.1.5", "req-no-store", required, "A response to a request with no-store is not stored (§5.2.1.5).", "", []step{
		{ask: "GET / | cache-control: no-store", answer: fresh, want: "asked"},
		{want: "asked"},
	}},
	asking("RFC9111-5.2.1.5", "req-no-store-fresh", check, "What was stored before may answer one.", fresh, "cache-control: no-store", "hit"),
	{"RFC9111-5.2.1.7", "req-only-if-cached", required, "only-if-cached with nothing stored is answered 504 (§5.2.1.7).", "", []step{
		{ask: "GET / | cache-control: only-if-cached", want: "unasked | status 504"},
	}},
	asking("RFC9111-5.2.1.7", "req-only-if-cached-stored", required, "With a fresh response stored, with that.", fresh, "cache-control: only-if-cached", "hit"),
	asking("RFC9111-5.2.1.7", "req-only-if-cached-stale", required, "With a stale one, 504.", `200 | cache-control: max-age=60 | age: 100 | etag: "a"`, "cache-control: only-if-cached", "unasked | status 504"),
	asking("RFC9111-5.4", "req-pragma", check, "Pragma: no-cache is no-cache if there is no Cache-Control (§5.4).", fresh, "pragma: no-cache", "asked"),
	asking("RFC9111-5.4", "req-pragma-control", check, "Beside Cache-Control it means nothing.", fresh, "pragma: no-cache | cache-control: foo", "hit"),
	asking("RFC9111-5.4", "req-pragma-other", required, "Another Pragma means nothing.", fresh, "pragma: foo", "hit"),
	on("strangers", asking("RFC9111-5.2.1", "req-strangers-no-cache", check, "A site may leave no-cache out of account.", fresh, "cache-control: no-cache", "hit")),
	on("strangers", asking("RFC9111-5.2.1", "req-strangers-max-age", check, "And max-age.", fresh, "cache-control: max-age=0", "hit")),
	on("strangers", asking("RFC9111-5.4", "req-strangers-pragma", check, "And Pragma.", fresh, "pragma: no-cache", "hit")),
	waiting("RFC9111-5.2.1", "req-strangers-no-tag", check, "Then nothing is kept for it.", "strangers", "200 | cache-control: max-age=3 | age: 1", "GET / | cache-control: max-stale", "", "asked"),
	on("strangers", asking("RFC9111-5.2.1", "req-strangers-max-stale", check, "And max-stale.", `200 | cache-control: max-age=60 | age: 100 | etag: "a"`, "cache-control: max-stale", "validated")),
}

// targeted is RFC 9213.
var targeted = []testCase{
	once("RFC9213-2.2", "cdn-max-age", optional, "CDN-Cache-Control is a lifetime (§2.2).", "200 | cdn-cache-control: max-age=3600", "hit"),
	once("RFC9213-2.1", "cdn-32-bits", optional, "Large numbers are as for Cache-Control.", "200 | cdn-cache-control: max-age=2147483648", "hit"),
	once("RFC9213-2.1", "cdn-11-digits", optional, "Also with eleven digits.", "200 | cdn-cache-control: max-age=99999999999", "hit"),
	once("RFC9213-2.2", "cdn-age", required, "Age counts.", "200 | cdn-cache-control: max-age=3600 | age: 7200", "asked"),
	once("RFC9213-2.2", "cdn-0", required, "max-age=0 is never fresh.", "200 | cdn-cache-control: max-age=0", "asked"),
	once("RFC9213-2.2", "cdn-0-expires", required, "Whatever Expires says.", "200 | cdn-cache-control: max-age=0 | expires: @3600", "asked"),
	once("RFC9213-2.2", "cdn-0-cache-control", required, "And Cache-Control.", "200 | cdn-cache-control: max-age=0 | cache-control: max-age=3600", "asked"),
	once("RFC9213-2.2", "cdn-expires", optional, "A past Expires does not matter.", "200 | cdn-cache-control: max-age=3600 | expires: @-3600", "hit"),
	once("RFC9213-2.2", "cdn-bad-expires", optional, "Nor does an invalid one.", "200 | cdn-cache-control: max-age=3600 | expires: 0", "hit"),
	once("RFC9213-2.2", "cdn-longer", optional, "It goes before a shorter Cache-Control.", "200 | cdn-cache-control: max-age=3600 | cache-control: max-age=60 | age: 100", "hit"),
	once("RFC9213-2.2", "cdn-shorter", required, "And before a longer one.", "200 | cdn-cache-control: max-age=60 | cache-control: max-age=3600 | age: 100", "asked"),
	once("RFC9213-2.2", "cdn-s-maxage", required, "And before s-maxage.", "200 | cdn-cache-control: max-age=60 | cache-control: s-maxage=3600 | age: 100", "asked"),
	once("RFC9213-2.2", "cdn-private", required, "private is not stored.", "200 | cdn-cache-control: private | cache-control: max-age=3600 | expires: @3600", "asked"),
	once("RFC9213-2.2", "cdn-no-cache", required, "no-cache is validated.", "200 | cdn-cache-control: no-cache | cache-control: max-age=3600 | expires: @3600", "asked"),
	once("RFC9213-2.2", "cdn-no-store", required, "no-store is not stored.", "200 | cdn-cache-control: no-store | cache-control: max-age=3600 | expires: @3600", "asked"),
	once("RFC9213-2.2", "cdn-cache-control-no-store", required, "Cache-Control's no-store is for the others.", "200 | cdn-cache-control: max-age=3600 | cache-control: no-store", "hit"),
	once("RFC9213-2.2", "cdn-cache-control-private", required, "So is its private.", "200 | cdn-cache-control: max-age=3600 | cache-control: private", "hit"),
	once("RFC9213-2.2", "cdn-extension", optional, "An unknown member does not matter.", "200 | cdn-cache-control: foobar, max-age=3600", "hit"),
	once("RFC9213-2.1", "cdn-garbage", required, "What is no structured field is ignored (§2.1).", "200 | cdn-cache-control: max-age=3600, &&&&& | cache-control: no-store", "asked"),
	once("RFC9213-2.1", "cdn-string", required, "So is a string for a number.", `200 | cdn-cache-control: max-age="3600" | cache-control: no-store`, "asked"),
	once("RFC9213-2.1", "cdn-empty", required, "And an empty field.", "200 | cdn-cache-control:  | cache-control: max-age=3600", "hit"),
	once("RFC9213-2.1", "cdn-upper-case", check, "Keys are in lower case.", "200 | cdn-cache-control: MaX-aGe=3600 | cache-control: max-age=0", "asked"),
	once("RFC9213-2.1", "cdn-space-before", check, "Whitespace before = is no structured field.", "200 | cdn-cache-control: max-age =3600 | cache-control: no-store", "asked"),
	once("RFC9213-2.1", "cdn-space-behind", check, "Nor is whitespace after it.", "200 | cdn-cache-control: max-age= 3600 | cache-control: no-store", "asked"),
	once("RFC9213-2.2", "cdn-passed-on", check, "The field goes on to the client.", "200 | cdn-cache-control: max-age=3600", "hit | cdn-cache-control: max-age=3600"),
}

// authorization is RFC 9111 §3.5.
var authorization = []testCase{
	{"RFC9111-3.5", "auth", required, "A response to a request with Authorization is not for others.", "", []step{
		{ask: "GET / | authorization: FOO", answer: fresh, want: "asked"},
		{want: "asked"},
	}},
	{"RFC9111-3.5", "auth-same", required, "Nor for the same client without validation.", "", []step{
		{ask: "GET / | authorization: FOO", answer: fresh, want: "asked"},
		{ask: "GET / | authorization: FOO", want: "asked"},
	}},
	{"RFC9111-3.5", "auth-public", optional, "With public it is for all.", "", []step{
		{ask: "GET / | authorization: FOO", answer: "200 | cache-control: max-age=3600, public", want: "asked"},
		{want: "hit"},
	}},
	{"RFC9111-3.5", "auth-must-revalidate", optional, "With must-revalidate too.", "", []step{
		{ask: "GET / | authorization: FOO", answer: "200 | cache-control: max-age=3600, must-revalidate", want: "asked"},
		{want: "hit"},
	}},
	{"RFC9111-3.5", "auth-s-maxage", optional, "And with s-maxage.", "", []step{
		{ask: "GET / | authorization: FOO", answer: "200 | cache-control: s-maxage=3600", want: "asked"},
		{want: "hit"},
	}},
	{"RFC9111-3.5", "auth-proxy-revalidate", required, "Not with proxy-revalidate.", "", []step{
		{ask: "GET / | authorization: FOO", answer: "200 | cache-control: max-age=3600, proxy-revalidate", want: "asked"},
		{want: "asked"},
	}},
	{"RFC9111-3.5", "auth-private-public", required, "public does not help against private.", "", []step{
		{ask: "GET / | authorization: FOO", answer: "200 | cache-control: max-age=3600, public, private", want: "asked"},
		{want: "asked"},
	}},
	{"RFC9111-3.5", "auth-vary", required, "Vary: Authorization is no leave to store.", "", []step{
		{ask: "GET / | authorization: FOO", answer: fresh + " | vary: Authorization", want: "asked"},
		{ask: "GET / | authorization: FOO", want: "asked"},
	}},
	{"RFC9111-3.5", "auth-later", check, "What was stored for all does not answer one with Authorization, unless it says so.", "", []step{
		{answer: fresh, want: "asked"},
		{ask: "GET / | authorization: FOO", want: "asked | sent authorization: FOO"},
		{want: "hit | of 1"},
	}},
	{"RFC9111-3.5", "auth-public-two", required, "What is public answers every client.", "", []step{
		{ask: "GET / | authorization: FOO", answer: "200 | cache-control: max-age=3600, public", want: "asked"},
		{ask: "GET / | authorization: BAR", want: "hit"},
	}},
	{"RFC9111-3.5", "auth-401", required, "A 401 is not stored for others without a lifetime.", "", []step{
		{answer: `401 | www-authenticate: Basic realm="a"`, want: "asked"},
		{ask: "GET / | authorization: FOO", want: "asked"},
	}},
}
