package conformance

const digits = fresh + ` | etag: "abc" | last-modified: Wed, 01 Jan 2020 00:00:00 GMT | test: 1 | =0123456789`

// ranging is a stored response of ten digits and a request for a part.
func ranging(section, name string, k kind, says, fields, want string) testCase {
	return testCase{section, name, k, says, "", []step{{answer: digits, want: "asked"}, {ask: "GET / | " + fields, answer: "200 | test: 2", want: want}}}
}

// ranges is RFC 9111 §3.3 and §3.4, RFC 9110 §13.1.5, §14 and §15.3.7.
var ranges = []testCase{
	ranging("RFC9110-14.1.2", "range-first", optional, "A stored whole answers a range: from the start.", "range: bytes=0-1", "hit | status 206 | content-range: bytes 0-1/10 | =01"),
	ranging("RFC9110-14.1.2", "range-open", optional, "To the end.", "range: bytes=1-", "hit | status 206 | content-range: bytes 1-9/10 | =123456789"),
	ranging("RFC9110-14.1.2", "range-suffix", optional, "The last bytes.", "range: bytes=-1", "hit | status 206 | content-range: bytes 9-9/10 | =9"),
	ranging("RFC9110-14.1.2", "range-beyond", required, "An end beyond the content is its end (RFC 9110 §14.1.2).", "range: bytes=5-100", "hit | status 206 | content-range: bytes 5-9/10 | =56789"),
	ranging("RFC9110-14.1.2", "range-suffix-beyond", required, "A longer suffix is all of it.", "range: bytes=-100", "hit | status 206 | content-range: bytes 0-9/10 | =0123456789"),
	ranging("RFC9110-15.5.17", "range-unsatisfiable", required, "A start beyond the content is 416.", "range: bytes=10-20", "hit | status 416 | content-range: bytes */10 | =*"),
	ranging("RFC9110-15.3.7.2", "range-several", check, "Several ranges are parts of a multipart.", "range: bytes=0-1, 4-5", "hit | status 206 | !content-range | =*"),
	ranging("RFC9110-14.2", "range-lines", check, "Two lines of Range are none.", "range: bytes=0-1 | range: bytes=4-5", "hit"),
	ranging("RFC9110-14.2", "range-unit", required, "Another unit is ignored (RFC 9110 §14.2).", "range: lines=0-1", "hit"),
	ranging("RFC9110-14.1.1", "range-garbage", required, "So is what is no range.", "range: bytes=x-y", "hit"),
	ranging("RFC9110-14.1.1", "range-backward", required, "And a range that ends before it begins.", "range: bytes=5-2", "hit"),
	ranging("RFC9111-3.4", "range-fields", required, "The fields are those that are stored (§3.4).", "range: bytes=0-1", `hit | status 206 | test: 1 | etag: "abc" | =01`),
	ranging("RFC9110-15.3.7", "range-length", required, "Content-Length is the part's.", "range: bytes=0-1", "hit | status 206 | content-length: 2 | =01"),
	ranging("RFC9110-13.1.5", "if-range-match", required, "If-Range with the strong tag gives the part (RFC 9110 §13.1.5).", `range: bytes=0-1 | if-range: "abc"`, "hit | status 206 | =01"),
	ranging("RFC9110-13.1.5", "if-range-differs", required, "With another, the whole.", `range: bytes=0-1 | if-range: "def"`, "hit"),
	ranging("RFC9110-13.1.5", "if-range-weak", required, "With a weak one, the whole.", `range: bytes=0-1 | if-range: W/"abc"`, "hit"),
	ranging("RFC9110-13.1.5", "if-range-date", required, "With the exact date, the part.", "range: bytes=0-1 | if-range: Wed, 01 Jan 2020 00:00:00 GMT", "hit | status 206 | =01"),
	ranging("RFC9110-13.1.5", "if-range-later", required, "With a later date, the whole.", "range: bytes=0-1 | if-range: Thu, 01 Jan 2026 00:00:00 GMT", "hit"),
	ranging("RFC9110-13.2.2", "range-inm", required, "A condition that ends in 304 goes before the range (RFC 9110 §13.2.2).", `range: bytes=0-1 | if-none-match: "abc"`, "hit | status 304"),
	{"RFC9110-14.2", "range-head", required, "A range of a HEAD is ignored (RFC 9110 §14.2).", "", []step{
		{answer: digits, want: "asked"},
		{ask: "HEAD / | range: bytes=0-1", want: "hit | status 200"},
	}},
	{"RFC9110-14.2", "range-miss", optional, "A miss is fetched whole, and the part given.", "", []step{
		{ask: "GET / | range: bytes=0-1", answer: digits, want: "asked | sent !range | status 206 | content-range: bytes 0-1/10 | =01"},
		{want: "hit | of 1 | status 200"},
	}},
	{"RFC9111-3.3", "range-206", required, "A part that an origin sends is not given as the whole (§3.3).", "", []step{
		{ask: "GET / | range: bytes=0-4", answer: "206 | cache-control: max-age=3600 | content-range: bytes 0-4/10 | =01234", want: "asked | status 206"},
		{want: "asked | status 200"},
	}},
	{"RFC9111-3.3", "range-206-other", required, "Nor as another part.", "", []step{
		{ask: "GET / | range: bytes=0-4", answer: "206 | cache-control: max-age=3600 | content-range: bytes 0-4/10 | =01234", want: "asked | status 206"},
		{ask: "GET / | range: bytes=5-9", answer: "206 | cache-control: max-age=3600 | content-range: bytes 5-9/10 | =56789", want: "asked | status 206 | =56789"},
	}},
	{"RFC9111-3.3", "range-uncacheable", required, "A range of what is not stored is the origin's to cut.", "", []step{
		{answer: "200 | cache-control: no-store", want: "asked"},
		{ask: "GET / | range: bytes=0-4", answer: "206 | cache-control: no-store | content-range: bytes 0-4/10 | =01234", want: "asked | status 206 | content-range: bytes 0-4/10"},
	}},
	{"RFC9111-4.3.1", "range-stale", required, "A stale whole is validated before a part of it is given.", "", []step{
		{answer: outdated + `etag: "abc" | =0123456789`, want: "asked"},
		{ask: "GET / | range: bytes=0-1", answer: `304 | etag: "abc"`, want: "validated | of 1 | status 206 | =01"},
	}},
	{"RFC9110-14.2", "range-404", required, "Only a 200 has parts (RFC 9110 §14.2).", "", []step{
		{answer: "404 | cache-control: max-age=3600", want: "asked"},
		{ask: "GET / | range: bytes=0-1", want: "hit | status 404"},
	}},
}

// failing is a stale response, and an origin that fails.
func failing(section, name string, k kind, says, control, answer, want string) testCase {
	return testCase{section, name, k, says, "failing", []step{
		{answer: "200 | age: 100 | cache-control: " + control + ` | etag: "a"`, want: "asked"},
		{answer: answer, want: want},
	}}
}

// stale is RFC 9111 §4.2.4 and RFC 5861.
var stale = []testCase{
	failing("RFC9111-4.2.4", "close", check, "Without leave a stale response does not stand in for an origin that ends the connection.", "max-age=60", "close", "failed"),
	failing("RFC9111-4.2.4", "503", check, "Nor for a 503.", "max-age=60", "503", "validated | status 503"),
	failing("RFC5861-4", "sie-close", optional, "stale-if-error lets it (RFC 5861 §4).", "max-age=60, stale-if-error=3600", "close", "stale"),
	failing("RFC5861-4", "sie-500", optional, "For a 500.", "max-age=60, stale-if-error=3600", "500", "stale"),
	failing("RFC5861-4", "sie-502", optional, "For a 502.", "max-age=60, stale-if-error=3600", "502", "stale"),
	failing("RFC5861-4", "sie-503", optional, "For a 503.", "max-age=60, stale-if-error=3600", "503", "stale"),
	failing("RFC5861-4", "sie-504", optional, "For a 504.", "max-age=60, stale-if-error=3600", "504", "stale"),
	failing("RFC5861-4", "sie-404", required, "Not for a 404.", "max-age=60, stale-if-error=3600", "404", "validated | status 404"),
	failing("RFC5861-4", "sie-window", required, "Nor when it is staler than that.", "max-age=60, stale-if-error=30", "close", "failed"),
	failing("RFC9111-5.1", "sie-age", required, "It has its true Age.", "max-age=60, stale-if-error=3600", "close", "stale | age: >=100"),
	failing("RFC9111-5.2.2.2", "must-revalidate", required, "must-revalidate forbids it (RFC 9111 §5.2.2.2).", "max-age=60, must-revalidate", "close", "failed"),
	failing("RFC9111-5.2.2.2", "must-revalidate-sie", required, "Also beside stale-if-error.", "max-age=60, must-revalidate, stale-if-error=3600", "close", "failed"),
	failing("RFC9111-5.2.2.8", "proxy-revalidate", required, "proxy-revalidate forbids it (§5.2.2.8).", "max-age=60, proxy-revalidate, stale-if-error=3600", "close", "failed"),
	failing("RFC9111-5.2.2.4", "no-cache-close", required, "no-cache forbids it (§5.2.2.4).", "max-age=60, no-cache, stale-if-error=3600", "close", "failed"),
	failing("RFC9111-5.2.2.10", "s-maxage-close", required, "s-maxage alone forbids it (§5.2.2.10).", "s-maxage=60", "close", "failed"),
	on("lenient", failing("RFC5861-4", "site-sie", optional, "A site may allow it for what says nothing.", "max-age=60", "503", "stale")),
	on("lenient", failing("RFC9111-5.2.2.2", "site-sie-must", required, "Not for must-revalidate.", "max-age=60, must-revalidate", "503", "validated | status 503")),
	on("lenient", failing("RFC9111-5.2.2.10", "site-sie-s-maxage", required, "Nor for s-maxage.", "s-maxage=60", "503", "validated | status 503")),
	on("lenient", failing("RFC9111-5.2.2.4", "site-sie-no-cache", required, "Nor for no-cache.", "no-cache", "503", "validated | status 503")),
	{"RFC5861-3", "swr", optional, "stale-while-revalidate serves it, and asks behind the client's back (RFC 5861 §3).", "", []step{
		{answer: `200 | age: 100 | cache-control: max-age=60, stale-while-revalidate=3600 | etag: "a"`, want: "asked"},
		{answer: `200 | cache-control: max-age=3600 | etag: "b"`, want: "renewed | of 1 | age: >=100"},
		{want: "hit | of 2"},
	}},
	{"RFC5861-3", "swr-304", optional, "A 304 there makes it fresh.", "", []step{
		{answer: `200 | age: 100 | cache-control: max-age=60, stale-while-revalidate=3600 | etag: "a"`, want: "asked"},
		{answer: `304 | cache-control: max-age=3600 | etag: "a"`, want: "renewed | of 1"},
		{want: "hit | of 1"},
	}},
	{"RFC5861-3", "swr-window", required, "Not when it is staler than that.", "", []step{
		{answer: `200 | age: 100 | cache-control: max-age=60, stale-while-revalidate=30 | etag: "a"`, want: "asked"},
		{answer: `200 | etag: "b"`, want: "validated"},
	}},
	{"RFC5861-3", "swr-window-ends", required, "The time runs from when it became stale, not from the last use.", "", []step{
		{answer: `200 | age: 59 | cache-control: max-age=59, stale-while-revalidate=2 | etag: "a"`, want: "asked"},
		{answer: `200 | cache-control: no-cache | etag: "b"`, want: "validated | of 2", after: 2100e6},
	}},
	{"RFC9111-5.2.2.2", "swr-must-revalidate", required, "must-revalidate forbids it.", "", []step{
		{answer: `200 | age: 100 | cache-control: max-age=60, must-revalidate, stale-while-revalidate=3600 | etag: "a"`, want: "asked"},
		{answer: `200 | etag: "b"`, want: "validated"},
	}},
	{"RFC9111-5.2.2.10", "swr-s-maxage", check, "An origin that says so beside s-maxage means both.", "", []step{
		{answer: `200 | age: 100 | cache-control: s-maxage=60, stale-while-revalidate=3600 | etag: "a"`, want: "asked"},
		{want: "renewed | of 1"},
	}},
	{"RFC9111-5.2.2.10", "swr-s-maxage-window", required, "After that time s-maxage forbids it again (RFC 9111 §5.2.2.10).", "", []step{
		{answer: `200 | age: 100 | cache-control: s-maxage=60, stale-while-revalidate=30 | etag: "a"`, want: "asked"},
		{answer: `200 | etag: "b"`, want: "validated"},
	}},
	{"RFC9111-5.2.2.10", "swr-s-maxage-max-stale", required, "A request's max-stale does not make it longer.", "", []step{
		{answer: `200 | age: 100 | cache-control: s-maxage=60, stale-while-revalidate=30 | etag: "a"`, want: "asked"},
		{ask: "GET / | cache-control: max-stale", answer: `200 | etag: "b"`, want: "validated"},
	}},
	{"RFC9111-5.2.2.10", "swr-s-maxage-error", required, "stale-while-revalidate is no leave to stand in for an error.", "failing", []step{
		{answer: `200 | age: 100 | cache-control: s-maxage=60, stale-while-revalidate=3600 | etag: "a"`, want: "asked"},
		{ask: "GET / | cache-control: max-age=90", answer: "503", want: "validated | status 503"},
	}},
	failing("RFC9111-5.2.2.10", "sie-s-maxage", check, "stale-if-error beside s-maxage lets it.", "s-maxage=60, stale-if-error=3600", "503", "stale"),
	failing("RFC9111-5.2.2.10", "sie-s-maxage-window", required, "Not when it is staler than that.", "s-maxage=60, stale-if-error=30", "503", "validated | status 503"),
	on("hurried", once("RFC9111-5.2.2.10", "site-swr-s-maxage", required, "A site's own stale-while-revalidate is not for s-maxage.", `200 | age: 100 | cache-control: s-maxage=60 | etag: "a"`, "validated")),
	{"RFC5861-3", "swr-error", optional, "What fails behind the client's back leaves what is stored.", "failing", []step{
		{answer: `200 | age: 100 | cache-control: max-age=60, stale-while-revalidate=3600 | etag: "a"`, want: "asked"},
		{answer: "503", want: "renewed | of 1"},
		{answer: "200 | cache-control: max-age=3600", want: "renewed | of 1"},
		{want: "hit | of 3"},
	}},
	{"RFC5861-3", "swr-new-no-store", required, "What the origin no longer lets be stored is gone.", "", []step{
		{answer: `200 | age: 100 | cache-control: max-age=60, stale-while-revalidate=3600 | etag: "a"`, want: "asked"},
		{answer: "200 | cache-control: no-store", want: "renewed | of 1"},
		{want: "asked"},
	}},
	on("hurried", once("RFC5861-3", "site-swr", check, "A site may allow it for what says nothing.", `200 | age: 100 | cache-control: max-age=60 | etag: "a"`, "renewed")),
	on("hurried", once("RFC9111-5.2.2.2", "site-swr-must", required, "Not for must-revalidate.", `200 | age: 100 | cache-control: max-age=60, must-revalidate | etag: "a"`, "validated")),
	on("hurried", once("RFC5861-3", "site-swr-0", required, "Nor for what the origin calls stale at once.", `200 | cache-control: max-age=0 | etag: "a"`, "validated")),
	on("hurried", once("RFC9111-5.2.2.4", "site-swr-no-cache", required, "Nor for no-cache.", `200 | cache-control: no-cache | etag: "a"`, "validated")),
	{"RFC9111-5.5", "no-warning", check, "Warning is obsolete and not sent (§5.5).", "failing", []step{
		{answer: `200 | age: 100 | cache-control: max-age=60, stale-if-error=3600 | etag: "a"`, want: "asked"},
		{answer: "503", want: "stale | !warning"},
	}},
}

// keeping is a field that is stored, dropping one that is not.
func keeping(name, value string) testCase {
	return once("RFC9111-3.1", "keep-"+name, required, name+" is stored.", fresh+" | "+name+": "+value, "hit | "+name+": "+value)
}

func dropping(name, value string) testCase {
	return once("RFC9111-3.1", "drop-"+name, required, name+" is for one connection, and not stored.", fresh+" | "+name+": "+value, "hit | !"+name)
}

// storedFields is RFC 9111 §3.1 and RFC 9110 §7.6.1.
var storedFields = []testCase{
	keeping("test-header", "a"),
	keeping("x-test-header", "a"),
	keeping("content-foo", "a"),
	keeping("content-type", "text/plain"),
	keeping("content-language", "de"),
	keeping("content-location", "/a"),
	keeping("content-encoding", "foo"),
	keeping("content-security-policy", "default-src 'none'"),
	keeping("content-disposition", "inline"),
	keeping("clear-site-data", `"cookies"`),
	keeping("strict-transport-security", "max-age=1"),
	keeping("x-frame-options", "deny"),
	keeping("x-xss-protection", "1"),
	keeping("public-key-pins", "a"),
	keeping("set-cookie2", "a=b"),
	keeping("www-authenticate", `Basic realm="a"`),
	keeping("link", "</a>; rel=next"),
	keeping("access-control-allow-origin", "*"),
	dropping("connection", "foo"),
	dropping("keep-alive", "timeout=5"),
	dropping("proxy-authenticate", `Basic realm="a"`),
	dropping("proxy-authentication-info", "a=b"),
	dropping("proxy-authorization", "a"),
	dropping("proxy-connection", "keep-alive"),
	dropping("te", "trailers"),
	dropping("upgrade", "foo"),
	once("RFC9111-3.1", "connection-lists", required, "What Connection names is not stored (§3.1).", fresh+" | connection: a, b | a: 1 | b: 2 | c: 3", "hit | !connection | !a | !b | c: 3"),
	once("RFC9111-3.1", "connection-case", required, "Whatever its case.", fresh+" | connection: A-Field | a-field: 1", "hit | !a-field"),
	once("RFC9111-3.1", "connection-lines", required, "On any line.", fresh+" | connection: a | connection: b | a: 1 | b: 2", "hit | !a | !b"),
	once("RFC9110-7.6.1", "connection-cache-control", required, "Connection cannot take Cache-Control's word away from a response that forbids storing.", "200 | cache-control: no-store | connection: cache-control", "asked"),
	once("RFC9110-5.3", "lines-kept", required, "Lines of a name keep their order.", fresh+" | test: 1 | test: 2 | test: 3", "hit | test: 1, 2, 3"),
	once("RFC9110-5.5", "value-kept", required, "Values are kept byte for byte.", fresh+` | test: a, "b ,c" ;d=é`, `hit | test: a, "b ,c" ;d=é`),
	once("RFC9110-5.5", "empty-kept", check, "An empty field is kept.", fresh+" | test: ", "hit | test: "),
	{"RFC9111-3.1", "first-too", required, "The first client does not get what is for the connection either.", "", []step{
		{answer: fresh + " | connection: a | a: 1 | keep-alive: timeout=5 | b: 2", want: "asked | !a | !keep-alive | b: 2"},
	}},
	{"RFC9110-7.6.1", "request-connection", required, "What a request's Connection names does not go on (RFC 9110 §7.6.1).", "", []step{
		{ask: "GET / | keep-alive: a | proxy-connection: b", want: "asked | sent !keep-alive | sent !proxy-connection | sent !connection"},
	}},
}

// incomplete is RFC 9111 §3.3 and RFC 9112 §8.
var incomplete = []testCase{
	on("failing", testCase{"RFC9112-8", "cut-length", required, "A content that ends before its length is seen to be broken, and not stored.", "", []step{
		{answer: fresh + " | cut", want: "broken"},
		{want: "asked"},
	}}),
	on("failing", testCase{"RFC9112-8", "cut-chunked", required, "So is one that ends within its chunks.", "", []step{
		{answer: fresh + " | cut | chunked", want: "broken"},
		{want: "asked"},
	}}),
	on("failing", testCase{"RFC9111-3.3", "cut-keeps", required, "What was stored before stays as it is.", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: fresh + ` | etag: "b" | cut`, want: "broken"},
		{answer: "200", want: "asked"},
	}}),
	on("failing", testCase{"RFC9110-15.6.3", "close-at-once", required, "An origin that ends the connection without an answer is a 502.", "", []step{
		{answer: "close", want: "failed"},
		{want: "asked"},
	}}),
	{"RFC9112-6.3", "until-end", check, "A content that ends with the connection is stored.", "", []step{
		{answer: fresh + " | until-end", want: "asked"},
		{want: "hit"},
	}},
	{"RFC9110-2.5", "version-1.0", required, "A response of HTTP/1.0 is as one of HTTP/1.1.", "", []step{
		{answer: fresh + " | 1.0 | until-end", want: "asked"},
		{want: "hit"},
	}},
	{"RFC9112-6.1", "version-1.0-chunked", required, "HTTP/1.0 has no codings: such a response is refused (RFC 9112 §6.1).", "failing", []step{
		{answer: fresh + " | 1.0 | chunked", want: "failed"},
		{want: "asked"},
	}},
	{"RFC9112-6.3", "two-lengths", required, "A response with two lengths is refused (RFC 9112 §6.3).", "failing", []step{
		{answer: fresh + " | content-length: 5 | content-length: 6 | =12345", want: "failed"},
		{want: "asked"},
	}},
	{"RFC9112-6.3", "length-and-coding", required, "So is one with a length and a coding.", "failing", []step{
		{answer: fresh + " | chunked | content-length: 5", want: "failed"},
		{want: "asked"},
	}},
	{"RFC9112-6.1", "odd-coding", required, "And one with a coding that is unknown.", "failing", []step{
		{answer: fresh + " | transfer-encoding: foo", want: "failed"},
		{want: "asked"},
	}},
	{"RFC9112-7.1", "chunked", required, "A chunked response is stored whole.", "", []step{
		{answer: fresh + " | chunked", want: "asked"},
		{want: "hit"},
	}},
	{"RFC9111-3", "empty", required, "A response without content is stored.", "", []step{
		{answer: fresh + " | =", want: "asked | content-length: 0"},
		{want: "hit | content-length: 0"},
	}},
	{"RFC9110-15.3.5", "204", required, "So is a 204.", "", []step{
		{answer: "204 | cache-control: max-age=3600", want: "asked | !content-length"},
		{want: "hit"},
	}},
}
