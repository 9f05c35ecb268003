package conformance

import (
	"fmt"
	"strings"
)

// invalidation is RFC 9111 §4.4.
var invalidation = append(append([]testCase{
	{"RFC9111-4.4", "invalidate-other-host", required, "A Location at another host is left alone.", "", []step{
		{ask: "GET /a", answer: fresh, want: "asked"},
		{ask: "POST / | =x", answer: "200 | location: https://elsewhere.test{}/a", want: "asked"},
		{ask: "GET /a", want: "hit | of 1"},
	}},
	{"RFC9111-4.4", "invalidate-absolute", required, "An absolute Location at the same host counts.", "", []step{
		{ask: "GET /a", answer: fresh, want: "asked"},
		{ask: "POST / | =x", answer: "201 | location: https://plain.test{}/a", want: "asked"},
		{ask: "GET /a", want: "asked"},
	}},
	{"RFC9111-4.4", "invalidate-scheme", required, "One of another scheme is another origin.", "", []step{
		{ask: "GET /a", answer: fresh, want: "asked"},
		{ask: "POST / | =x", answer: "201 | location: http://plain.test{}/a", want: "asked"},
		{ask: "GET /a", want: "hit | of 1"},
	}},
	{"RFC9111-4.4", "invalidate-port", required, "So is one of another port.", "", []step{
		{ask: "GET /a", answer: fresh, want: "asked"},
		{ask: "POST / | =x", answer: "201 | location: https://plain.test:8443{}/a", want: "asked"},
		{ask: "GET /a", want: "hit | of 1"},
	}},
	{"RFC9111-4.4", "invalidate-host-case", required, "Hosts have no case, and 443 is the port.", "", []step{
		{ask: "GET /a", answer: fresh, want: "asked"},
		{ask: "POST / | =x", answer: "201 | location: https://PLAIN.test:443{}/a", want: "asked"},
		{ask: "GET /a", want: "asked"},
	}},
	{"RFC9111-4.4", "invalidate-bad-location", required, "What is no URL does not matter.", "", []step{
		{answer: fresh, want: "asked"},
		{ask: "POST / | =x", answer: "201 | location: http://[::1", want: "asked"},
		{want: "asked"},
	}},
	{"RFC9111-4.4", "invalidate-relative", required, "A relative one is resolved.", "", []step{
		{ask: "GET /a/b", answer: fresh, want: "asked"},
		{ask: "POST /a/c | =x", answer: "201 | location: b", want: "asked"},
		{ask: "GET /a/b", want: "asked"},
	}},
	{"RFC9111-4.4", "invalidate-303", required, "A redirect is no error (§4.4).", "", []step{
		{answer: fresh, want: "asked"},
		{ask: "POST / | =x", answer: "303 | location: {}/b", want: "asked"},
		{want: "asked"},
	}},
	{"RFC9111-4.4", "invalidate-query", required, "The query is part of the target.", "", []step{
		{ask: "GET /?a", answer: fresh, want: "asked"},
		{ask: "POST /?b | =x", want: "asked"},
		{ask: "GET /?a", want: "hit | of 1"},
		{ask: "POST /?a | =x", want: "asked"},
		{ask: "GET /?a", want: "asked"},
	}},
	{"RFC9111-4.4", "invalidate-variants", required, "All variants are invalidated.", "", []step{
		{ask: "GET / | foo: 1", answer: byFoo, want: "asked"},
		{ask: "GET / | foo: 2", answer: byFoo, want: "asked"},
		{ask: "POST / | =x", want: "asked"},
		{ask: "GET / | foo: 1", want: "asked"},
		{ask: "GET / | foo: 2", want: "asked"},
	}},
	{"RFC9111-4.4", "invalidate-error-of-get", required, "An error in the place of a GET invalidates nothing else.", "", []step{
		{answer: fresh, want: "asked"},
		{ask: "OPTIONS /", want: "asked"},
		{want: "hit | of 1"},
	}},
}, unsafeMethods()...), safeMethods()...)

func unsafeMethods() (cases []testCase) {
	for _, m := range []string{"POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "UNKNOWN"} {
		low := strings.ToLower(m)
		ask := m + " / | =x"
		cases = append(cases,
			testCase{"RFC9111-4.4", "invalidate-" + low, required, fmt.Sprintf("A %s that succeeds invalidates its target.", m), "", []step{
				{answer: fresh, want: "asked"}, {ask: ask, want: "asked | sent " + m}, {want: "asked"},
			}},
			testCase{"RFC9111-4.4", "invalidate-failed-" + low, optional, fmt.Sprintf("A %s that fails does not.", m), "", []step{
				{answer: fresh, want: "asked"}, {ask: ask, answer: "500", want: "asked"}, {want: "hit | of 1"},
			}},
			testCase{"RFC9111-4.4", "invalidate-location-" + low, required, fmt.Sprintf("A %s invalidates Location.", m), "", []step{
				{ask: "GET /a", answer: fresh, want: "asked"}, {ask: ask, answer: "200 | location: {}/a", want: "asked"}, {ask: "GET /a", want: "asked"},
			}},
			testCase{"RFC9111-4.4", "invalidate-content-location-" + low, required, fmt.Sprintf("A %s invalidates Content-Location.", m), "", []step{
				{ask: "GET /a", answer: fresh, want: "asked"}, {ask: ask, answer: "200 | content-location: {}/a", want: "asked"}, {ask: "GET /a", want: "asked"},
			}})
	}
	return cases
}

func safeMethods() (cases []testCase) {
	for _, m := range []string{"OPTIONS", "PROPFIND", "REPORT", "QUERY"} {
		cases = append(cases, testCase{"RFC9110-9.2.1", "safe-" + strings.ToLower(m), optional, fmt.Sprintf("%s is safe: it invalidates nothing.", m), "", []step{
			{answer: fresh, want: "asked"}, {ask: m + " /", want: "asked | sent " + m}, {want: "hit | of 1"},
		}})
	}
	return cases
}

// methods is RFC 9111 §3, RFC 9110 §9 and §15.2, RFC 8297.
var methods = []testCase{
	{"RFC9110-9.3.3", "post-not-stored", required, "A POST's response does not answer a POST.", "", []step{
		{ask: "POST / | =x", answer: fresh, want: "asked"},
		{ask: "POST / | =x", answer: fresh, want: "asked"},
	}},
	{"RFC9110-9.3.3", "post-not-get", required, "Nor a GET, without Content-Location.", "", []step{
		{ask: "POST / | =x", answer: fresh, want: "asked"},
		{want: "asked"},
	}},
	{"RFC9110-9.3.3", "post-content-location", check, "Nor with it: what RFC 9110 §9.3.3 allows is not done.", "", []step{
		{ask: "POST / | =x", answer: fresh + " | content-location: {}/", want: "asked"},
		{want: "asked"},
	}},
	{"RFC9111-4", "get-not-post", required, "A stored GET does not answer a POST.", "", []step{
		{answer: fresh, want: "asked"},
		{ask: "POST / | =x", want: "asked | sent POST"},
	}},
	{"RFC9110-9.3.1", "get-with-content", required, "A GET with content is neither answered from the store nor stored.", "", []step{
		{ask: "GET / | =x", answer: fresh, want: "asked"},
		{want: "asked"},
	}},
	{"RFC9110-9.3.1", "get-with-content-later", required, "Nor does it replace what is stored.", "", []step{
		{answer: fresh, want: "asked"},
		{ask: "GET / | =x", answer: fresh, want: "asked"},
		{want: "hit | of 1"},
	}},
	{"RFC9111-4.3.2", "post-condition", required, "The conditions of a POST are the origin's.", "", []step{
		{answer: tagged, want: "asked"},
		{ask: `POST / | if-none-match: "abc" | =x`, answer: "412", want: `asked | sent if-none-match: "abc"`},
		{want: "hit | of 1"},
	}},
	{"RFC9110-9.3.7", "options-not-stored", required, "OPTIONS is not stored (RFC 9110 §9.3.7).", "", []step{
		{ask: "OPTIONS /", answer: fresh, want: "asked"},
		{ask: "OPTIONS /", answer: fresh, want: "asked"},
	}},
	{"RFC9111-4", "method-override", required, "X-HTTP-Method-Override changes no method.", "", []step{
		{answer: fresh, want: "asked"},
		{ask: "GET / | x-http-method-override: DELETE", want: "hit"},
	}},
	{"RFC9110-15.2", "interim-102", optional, "102 is passed on, and the final response stored.", "", []step{
		{answer: "102 ;; " + fresh, want: "asked | interim 102"},
		{want: "hit"},
	}},
	{"RFC8297-2", "interim-103", optional, "103 is passed on with its fields, which are not stored (RFC 8297).", "", []step{
		{answer: "103 | link: </a.css>; rel=preload | test: 1 ;; " + fresh, want: "asked | interim 103 | early link: </a.css>; rel=preload | early test: 1 | !link"},
		{want: "hit | !link | !test"},
	}},
	{"RFC8297-2", "interim-two", optional, "So are several.", "", []step{
		{answer: "103 | link: </a> ;; 103 | link: </b> ;; " + fresh, want: "asked | interim 103 | early link: </b>"},
		{want: "hit"},
	}},
	{"RFC9110-6.5", "trailers", optional, "Trailers are passed on, and not taken for fields (RFC 9110 §6.5).", "", []step{
		{answer: "200 | cache-control: no-store | trailer: test | +test: 1", want: "asked | +test: 1 | !test"},
	}},
	{"RFC9110-6.5.1", "trailers-stored", required, "Those of a stored response are not merged into its fields.", "", []step{
		{answer: fresh + " | trailer: test | +test: 1", want: "asked | !test"},
		{want: "hit | !test"},
	}},
	{"RFC9110-6.5.1", "trailers-no-store", required, "Cache-Control in a trailer means nothing.", "", []step{
		{answer: "200 | trailer: cache-control | +cache-control: max-age=3600", want: "asked | !cache-control"},
		{want: "asked"},
	}},
}

// keys is RFC 9111 §2 and §4, and what may not choose a response.
var keys = []testCase{
	{"RFC9111-2", "query-differs", required, "Another query is another resource.", "", []step{
		{ask: "GET /?a=1", answer: fresh, want: "asked"},
		{ask: "GET /?a=2", want: "asked"},
	}},
	{"RFC9111-2", "query-none", required, "So is none.", "", []step{
		{ask: "GET /?a=1", answer: fresh, want: "asked"},
		{ask: "GET /", want: "asked"},
	}},
	{"RFC9111-2", "query-same", optional, "The same query is the same resource.", "", []step{
		{ask: "GET /?a=1", answer: fresh, want: "asked"},
		{ask: "GET /?a=1", want: "hit"},
	}},
	{"RFC9111-2", "query-order", check, "Parameters in another order are another resource.", "", []step{
		{ask: "GET /?a=1&b=2", answer: fresh, want: "asked"},
		{ask: "GET /?b=2&a=1", want: "asked"},
	}},
	{"RFC9111-2", "query-empty", check, "An empty query is not none.", "", []step{
		{ask: "GET /a", answer: fresh, want: "asked"},
		{ask: "GET /a?", want: "asked"},
	}},
	{"RFC9110-4.2.3", "path-case", required, "Paths have case.", "", []step{
		{ask: "GET /a", answer: fresh, want: "asked"},
		{ask: "GET /A", want: "asked"},
	}},
	{"RFC9110-4.2.3", "path-slash", required, "A slash at the end is part of the path.", "", []step{
		{ask: "GET /a", answer: fresh, want: "asked"},
		{ask: "GET /a/", want: "asked"},
	}},
	{"RFC9110-4.2.3", "path-escaped", check, "An escaped slash is none.", "", []step{
		{ask: "GET /a/b", answer: fresh, want: "asked"},
		{ask: "GET /a%2Fb", want: "asked"},
	}},
	{"RFC9111-4.1", "cookie-request", optional, "A Cookie does not matter to what is stored for all.", "", []step{
		{answer: fresh, want: "asked"},
		{ask: "GET / | cookie: a=b", want: "hit"},
	}},
	{"RFC9111-7.3", "set-cookie", check, "A response with Set-Cookie is not stored.", "", []step{
		{answer: fresh + " | set-cookie: a=b", want: "asked | set-cookie: a=b"},
		{want: "asked"},
	}},
	on("cookies", once("RFC9111-7.3", "set-cookie-allowed", optional, "A site may allow it.", fresh+" | set-cookie: a=b", "hit | set-cookie: a=b")),
	on("cookies", testCase{"RFC9111-3.2", "set-cookie-304", required, "Then a 304 updates the cookie.", "", []step{
		{answer: outdated + `etag: "a" | set-cookie: a=b`, want: "asked"},
		{answer: `304 | etag: "a" | cache-control: max-age=3600 | set-cookie: a=c`, want: "validated | status 200 | set-cookie: a=c"},
		{want: "hit | of 1 | set-cookie: a=c"},
	}}),
	{"RFC9111-7.1", "forwarded-unkeyed", required, "A stranger's X-Forwarded-Host does not reach the origin.", "", []step{
		{ask: "GET / | x-forwarded-host: evil.test", answer: fresh, want: "asked | sent x-forwarded-host: plain.test"},
		{want: "hit"},
	}},
	{"RFC9111-7.1", "forwarded-proto-unkeyed", required, "Nor does X-Forwarded-Proto.", "", []step{
		{ask: "GET / | x-forwarded-proto: http", answer: fresh, want: "asked | sent x-forwarded-proto: https"},
		{want: "hit"},
	}},
}
