package conformance

const (
	tagged = `200 | cache-control: max-age=3600 | etag: "abc"`
	weak   = `200 | cache-control: max-age=3600 | etag: W/"abc"`
	dated  = "200 | cache-control: max-age=3600 | last-modified: Wed, 01 Jan 2020 00:00:00 GMT"
)

// conditions are those of clients: RFC 9111 §4.3.2, RFC 9110 §13.
var conditions = []testCase{
	asking("RFC9111-4.3.2", "inm-match", optional, "A fresh response answers a matching If-None-Match with 304.", tagged, `if-none-match: "abc"`, `hit | status 304 | etag: "abc" | cache-control: max-age=3600`),
	asking("RFC9111-4.3.2", "inm-differs", required, "One that does not match with the whole.", tagged, `if-none-match: "def"`, "hit"),
	asking("RFC9111-4.3.2", "inm-list", optional, "One of a list is enough: the first.", tagged, `if-none-match: "abc", "def"`, "hit | status 304"),
	asking("RFC9111-4.3.2", "inm-list-last", optional, "The last.", tagged, `if-none-match: "def", "abc"`, "hit | status 304"),
	asking("RFC9111-4.3.2", "inm-list-tight", optional, "Without whitespace.", tagged, `if-none-match: "def","abc"`, "hit | status 304"),
	asking("RFC9111-4.3.2", "inm-lines", optional, "On another line.", tagged, `if-none-match: "def" | if-none-match: "abc"`, "hit | status 304"),
	asking("RFC9110-13.1.2", "inm-star", required, "* matches all that is stored (RFC 9110 §13.1.2).", tagged, "if-none-match: *", "hit | status 304"),
	asking("RFC9110-13.1.2", "inm-star-no-etag", required, "Also without an entity tag.", fresh, "if-none-match: *", "hit | status 304"),
	asking("RFC9110-13.1.2", "inm-weak-stored", required, "Comparison is weak: the stored tag is.", weak, `if-none-match: "abc"`, "hit | status 304"),
	asking("RFC9110-13.1.2", "inm-weak-asked", required, "That of the request is.", tagged, `if-none-match: W/"abc"`, "hit | status 304"),
	asking("RFC9110-13.1.2", "inm-weak-both", required, "Both are.", weak, `if-none-match: W/"abc"`, "hit | status 304"),
	asking("RFC9110-8.8.3", "inm-comma", required, "A comma in a tag is part of it.", `200 | cache-control: max-age=3600 | etag: "a,b"`, `if-none-match: "x", "a,b"`, "hit | status 304"),
	asking("RFC9110-8.8.3", "inm-part", required, "A part of a tag is none.", `200 | cache-control: max-age=3600 | etag: "a,b"`, `if-none-match: "b"`, "hit"),
	asking("RFC9110-8.8.3", "inm-case", required, "Tags have case.", tagged, `if-none-match: "ABC"`, "hit"),
	asking("RFC9110-8.8.3", "inm-unquoted", check, "A tag without quotes matches nothing.", tagged, "if-none-match: abc", "hit"),
	asking("RFC9110-8.8.3", "inm-w-lower", check, "w/ is not W/.", weak, `if-none-match: w/"abc"`, "hit"),
	asking("RFC9110-8.8.3", "inm-w-backslash", check, `W\ is not W/.`, weak, `if-none-match: W\"abc"`, "hit"),
	asking("RFC9110-8.8.3", "inm-w-alone", check, "W is not W/.", weak, `if-none-match: W"abc"`, "hit"),
	asking("RFC9110-13.1.2", "inm-no-etag", required, "Without a stored tag no tag matches.", fresh, `if-none-match: "abc"`, "hit"),
	asking("RFC9110-13.2.2", "inm-before-ims", required, "If-None-Match goes before If-Modified-Since (RFC 9110 §13.2.2).", tagged+" | last-modified: @-7200", `if-none-match: "def" | if-modified-since: @0`, "hit"),
	asking("RFC9110-15.4.5", "inm-304-no-content", required, "A 304 has neither content nor its length's lie (RFC 9110 §15.4.5).", tagged, `if-none-match: "abc"`, "hit | status 304 | !content-type"),
	asking("RFC9110-15.4.5", "inm-304-fields", required, "It has the fields that update the client's copy.", tagged+" | expires: @3600 | vary: Foo | content-location: /a", `if-none-match: "abc"`, "hit | status 304 | expires: =1 | vary: Foo | content-location: /a | date: =1"),
	asking("RFC9111-4.3.2", "ims-same", optional, "A fresh response answers If-Modified-Since of its date with 304.", dated, "if-modified-since: Wed, 01 Jan 2020 00:00:00 GMT", "hit | status 304"),
	asking("RFC9111-4.3.2", "ims-later", optional, "And of a later one.", dated, "if-modified-since: Wed, 01 Jan 2025 00:00:00 GMT", "hit | status 304"),
	asking("RFC9111-4.3.2", "ims-earlier", required, "Of an earlier one with the whole.", dated, "if-modified-since: Wed, 01 Jan 2014 00:00:00 GMT", "hit"),
	asking("RFC9110-5.6.7", "ims-rfc850", required, "RFC 850's format is read.", dated, "if-modified-since: Wednesday, 01-Jan-20 00:00:00 GMT", "hit | status 304"),
	asking("RFC9110-5.6.7", "ims-asctime", required, "asctime's too.", dated, "if-modified-since: Wed Jan  1 00:00:00 2020", "hit | status 304"),
	asking("RFC9110-13.1.3", "ims-garbage", required, "What is no date is ignored (RFC 9110 §13.1.3).", dated, "if-modified-since: yesterday", "hit"),
	asking("RFC9111-4.3.2", "ims-no-date", optional, "Without Last-Modified, Date stands in.", "200 | cache-control: max-age=3600 | date: @-100", "if-modified-since: @-50", "hit | status 304"),
	asking("RFC9111-4.3.2", "ims-no-date-earlier", required, "Then what is earlier than Date is modified since.", "200 | cache-control: max-age=3600 | date: @-100", "if-modified-since: @-500", "hit"),
	asking("RFC9110-13.2.1", "ims-404", required, "A condition changes nothing but a 200 (RFC 9110 §13.2.1).", "404 | cache-control: max-age=3600 | last-modified: @-3600", "if-modified-since: @0", "hit | status 404"),
	asking("RFC9110-13.2.1", "inm-301", required, "A redirect that is stored stays one.", `301 | cache-control: max-age=3600 | location: /a | etag: "abc"`, `if-none-match: "abc"`, "hit | status 301 | location: /a"),
	asking("RFC9111-4.3.2", "im-passed", required, "If-Match is the origin's to evaluate (§4.3.2).", tagged, `if-match: "abc"`, `asked | sent if-match: "abc"`),
	asking("RFC9111-4.3.2", "ius-passed", required, "So is If-Unmodified-Since.", dated, "if-unmodified-since: Wed, 01 Jan 2020 00:00:00 GMT", "asked | sent if-unmodified-since: Wed, 01 Jan 2020 00:00:00 GMT"),
	{"RFC9111-4.3.2", "im-412", required, "What it answers to that is passed on, and not stored.", "", []step{
		{answer: tagged, want: "asked"},
		{ask: `GET / | if-match: "def"`, answer: "412 | cache-control: max-age=3600", want: "asked"},
		{want: "hit | of 1"},
	}},
	{"RFC9111-4.3.2", "inm-miss", optional, "A miss is fetched whole for all, and the client's condition answered from that.", "", []step{
		{ask: `GET / | if-none-match: "abc"`, answer: tagged, want: "asked | status 304 | sent !if-none-match"},
		{want: "hit | of 1 | status 200"},
	}},
	{"RFC9110-13.1.2", "inm-uncacheable", required, "A response that is not stored answers the client's condition as the origin answers it.", "", []step{
		{ask: `GET / | if-none-match: "zzz"`, answer: `200 | cache-control: no-store | etag: "abc"`, want: "asked"},
	}},
	{"RFC9111-4.3.2", "inm-head", optional, "HEAD has conditions as GET.", "", []step{
		{answer: tagged, want: "asked"},
		{ask: `HEAD / | if-none-match: "abc"`, want: "hit | status 304"},
	}},
	{"RFC9111-5.2.1.1", "reload", required, "A reload is validated, and answered 304 if the client's copy is current.", "", []step{
		{answer: tagged, want: "asked"},
		{ask: `GET / | cache-control: max-age=0 | if-none-match: "abc"`, answer: `304 | etag: "abc"`, want: `validated | of 1 | status 304 | sent if-none-match: "abc"`},
	}},
	{"RFC9111-4.3.3", "reload-changed", required, "Or has the new response.", "", []step{
		{answer: tagged, want: "asked"},
		{ask: `GET / | cache-control: max-age=0 | if-none-match: "abc"`, answer: `200 | cache-control: max-age=3600 | etag: "def"`, want: `validated | status 200 | etag: "def"`},
		{want: "hit | of 2 | status 200"},
	}},
	{"RFC9111-4.3.2", "reload-newer-client", required, "A client with a newer copy than the cache's has a 304 of the new one.", "", []step{
		{answer: tagged, want: "asked"},
		{ask: `GET / | cache-control: no-cache | if-none-match: "def"`, answer: `200 | cache-control: max-age=3600 | etag: "def"`, want: `validated | status 304 | etag: "def" | sent if-none-match: "abc"`},
		{want: "hit | of 2 | status 200"},
	}},
	{"RFC9111-4.3.1", "inm-stale", required, "The client's condition is not the cache's own.", "", []step{
		{answer: `200 | cache-control: max-age=60 | age: 100 | etag: "abc"`, want: "asked"},
		{ask: `GET / | if-none-match: "def"`, answer: `304 | etag: "abc"`, want: `validated | of 1 | status 200 | sent if-none-match: "abc"`},
		{ask: `GET / | if-none-match: "abc"`, want: `hit | of 1 | status 304`},
	}},
}

// outdated is stale and has validators.
const outdated = "200 | cache-control: max-age=60 | age: 100 | "

// validating is a stale response and one that is asked about.
func validating(section, name string, k kind, says, stored, answer, want string) testCase {
	return testCase{section, name, k, says, "", []step{{answer: outdated + stored, want: "asked"}, {answer: answer, want: want}}}
}

// doubting is a 304 about another response, and what the origin answers then.
func doubting(section, name string, k kind, says, control, fields, then, want string) testCase {
	return testCase{section, "doubted-" + name, k, says, "failing", []step{
		{answer: `200 | age: 100 | etag: "a" | cache-control: ` + control, want: "asked"},
		{ask: "GET /" + fields, answer: `304 | etag: "zz" | then ` + then, want: want},
	}}
}

// validation is RFC 9111 §4.3.1, §4.3.3 and §4.3.4.
var validation = []testCase{
	validating("RFC9111-4.3.1", "validate-etag", optional, "A stale response with an entity tag is validated with it.", `etag: "a"`, `304 | etag: "a"`, `validated | sent if-none-match: "a" | status 200`),
	validating("RFC9111-4.3.1", "validate-weak", optional, "With a weak one too.", `etag: W/"a"`, `304 | etag: W/"a"`, `validated | sent if-none-match: W/"a" | status 200`),
	validating("RFC9111-4.3.1", "validate-date", optional, "With a date.", "last-modified: Wed, 01 Jan 2020 00:00:00 GMT", "304", "validated | sent if-modified-since: Wed, 01 Jan 2020 00:00:00 GMT | status 200"),
	validating("RFC9111-4.3.1", "validate-both", optional, "With both.", `etag: "a" | last-modified: Wed, 01 Jan 2020 00:00:00 GMT`, `304 | etag: "a"`, `validated | sent if-none-match: "a" | sent if-modified-since: Wed, 01 Jan 2020 00:00:00 GMT | status 200`),
	validating("RFC9110-8.8.3", "validate-bad-etag", check, "What is no entity tag is not sent.", `etag: abc`, "200", "asked | sent !if-none-match"),
	validating("RFC9111-4.3.1", "validate-none", required, "Without a validator there is no condition.", "foo: bar", "200", "asked | sent !if-none-match | sent !if-modified-since"),
	validating("RFC9111-4.3.3", "validate-200", required, "A full answer replaces what was stored (§4.3.3).", `etag: "a"`, `200 | etag: "b" | foo: 2`, "validated | foo: 2"),
	validating("RFC9111-4.3.3", "validate-404", required, "So does an error of the client's (§4.3.3).", `etag: "a"`, "404", "validated | status 404"),
	validating("RFC9111-4.3.3", "validate-500", required, "A server error is passed on, unless stale responses are allowed.", `etag: "a"`, "500", "validated | status 500"),
	{"RFC9111-4.3.3", "validate-gone", required, "What is gone is not served again.", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: "410", want: "validated"},
		{answer: "200", want: "asked | sent !if-none-match"},
	}},
	{"RFC9111-4.3.4", "validate-fresh-again", optional, "A 304 with a lifetime makes it fresh again (§4.3.4).", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: `304 | etag: "a" | cache-control: max-age=3600`, want: "validated | status 200"},
		{want: "hit | of 1 | age: >=0"},
	}},
	{"RFC9111-4.3.4", "validate-stale-again", required, "One without keeps the stored one's, counted anew from its own Date.", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: `304 | etag: "a" | date: @-100`, want: "validated | status 200"},
		{answer: `304 | etag: "a"`, want: "validated | of 1 | status 200"},
		{want: "hit | of 1"},
	}},
	{"RFC9111-4.3.4", "validate-other-etag", required, "A 304 about another entity tag confirms nothing: it is asked again without a condition (§4.3.4).", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: `304 | etag: "b" | cache-control: max-age=3600`, want: `stale | status 200 | etag: "a" | sent if-none-match: "a"`},
		{answer: `200 | etag: "c"`, want: "validated"},
	}},
	{"RFC9111-4.3.4", "validate-other-etag-fails", required, "Nor does it if the origin has no proper answer to that.", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: `304 | etag: "b" | cache-control: max-age=3600 | then 999`, want: `stale | status 200 | etag: "a"`},
		{answer: `200 | etag: "c"`, want: "validated"},
	}},
	doubting("RFC9111-5.2.2.2", "must", required, "Not in the place of one with must-revalidate (§5.2.2.2).", "max-age=60, must-revalidate", "", "999", "failed"),
	doubting("RFC9111-5.2.2.2", "must-close", required, "Nor if the connection ends.", "max-age=60, must-revalidate", "", "close", "failed"),
	doubting("RFC9111-5.2.2.8", "proxy", required, "Nor with proxy-revalidate (§5.2.2.8).", "max-age=60, proxy-revalidate", "", "999", "failed"),
	doubting("RFC9111-5.2.2.10", "s-maxage", required, "Nor with s-maxage (§5.2.2.10).", "s-maxage=60", "", "999", "failed"),
	doubting("RFC9111-5.2.2.4", "no-cache", required, "Nor with no-cache (§5.2.2.4).", "max-age=60, no-cache", "", "999", "failed"),
	doubting("RFC9111-5.2.1.4", "req-no-cache", required, "Nor for a request with no-cache (§5.2.1.4).", "max-age=60", " | cache-control: no-cache", "999", "failed"),
	doubting("RFC9111-4.3.3", "must-500", required, "An error that comes then is passed on, if the response must be validated.", "max-age=60, must-revalidate", "", "500", "stale | of 2 | status 500"),
	doubting("RFC5861-4", "sie-500", optional, "With stale-if-error, what is stored stands in for it (RFC 5861 §4).", "max-age=60, stale-if-error=3600", "", "500", "stale"),
	{"RFC9111-4.3.4", "validate-other-etag-new", required, "What it answers then is given and stored.", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: `304 | etag: "b" | then 200 | cache-control: max-age=3600`, want: "stale | of 2 | status 200"},
		{want: "hit | of 2 | status 200"},
	}},
	{"RFC9111-4.3.3", "validate-new-no-store", required, "An answer that may not be stored replaces what was.", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: "200 | cache-control: no-store", want: "validated"},
		{want: "asked | sent !if-none-match"},
	}},
	{"RFC9111-4.3.1", "validate-latest", required, "The latest response is validated, not an earlier one.", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: outdated + `etag: "b"`, want: "validated"},
		{answer: `304 | etag: "b"`, want: `validated | sent if-none-match: "b" | of 2 | status 200`},
	}},
	{"RFC9111-4.3.1", "validate-vary", required, "A condition is about the variant that the request selects.", "", []step{
		{ask: "GET / | foo: 1", answer: outdated + `etag: "a" | vary: Foo`, want: "asked"},
		{ask: "GET / | foo: 2", answer: outdated + `etag: "b" | vary: Foo`, want: "asked"},
		{ask: "GET / | foo: 1", answer: `304 | etag: "a" | vary: Foo`, want: "validated | of 1 | status 200"},
	}},
}
