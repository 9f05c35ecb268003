package conformance

const byFoo = "200 | cache-control: max-age=3600 | vary: Foo"

// varying is two requests with fields each.
func varying(section, name string, k kind, says, vary, first, second, want string) testCase {
	ask := func(fields string) string {
		if fields == "" {
			return "GET /"
		}
		return "GET / | " + fields
	}
	return testCase{section, name, k, says, "", []step{
		{ask: ask(first), answer: fresh + " | " + vary, want: "asked"},
		{ask: ask(second), want: want},
	}}
}

// naming is two variants that are stored and a request that selects none.
func naming(section, name string, k kind, says, fields, answer, want string) testCase {
	return testCase{section, name, k, says, "", []step{
		{ask: "GET / | foo: 1", answer: byFoo + ` | etag: "a" | last-modified: @-3600 | =first`, want: "asked"},
		{ask: "GET / | foo: 2", answer: byFoo + ` | etag: "b" | last-modified: @-3600 | =other`, want: "validated"},
		{ask: "GET / | foo: 3" + fields, answer: answer, want: want},
	}}
}

// vary is RFC 9111 §4.1.
var vary = []testCase{
	varying("RFC9111-4.1", "vary-match", optional, "A response with Vary answers a request with the same value.", "vary: Foo", "foo: 1", "foo: 1", "hit | vary: Foo"),
	varying("RFC9111-4.1", "vary-differs", required, "Not one with another value.", "vary: Foo", "foo: 1", "foo: 2", "asked"),
	varying("RFC9111-4.1", "vary-absent-stored", required, "Not one with a value if the first had none.", "vary: Foo", "", "foo: 1", "asked"),
	varying("RFC9111-4.1", "vary-absent", required, "Not one without a value if the first had one.", "vary: Foo", "foo: 1", "", "asked"),
	varying("RFC9111-4.1", "vary-absent-both", optional, "If neither has a value they match.", "vary: Foo", "", "", "hit"),
	varying("RFC9111-4.1", "vary-empty", required, "An empty value is not an absent one.", "vary: Foo", "foo: ", "", "asked"),
	varying("RFC9111-4.1", "vary-upper-case", required, "Names have no case.", "vary: fOO", "foo: 1", "foo: 2", "asked"),
	varying("RFC9111-4.1", "vary-value-case", required, "Values have.", "vary: Foo", "foo: a", "foo: A", "asked"),
	varying("RFC9111-4.1", "vary-other", optional, "Fields that Vary does not name do not matter.", "vary: Foo", "foo: 1 | other: 2", "foo: 1 | other: 3", "hit"),
	varying("RFC9111-4.1", "vary-two", optional, "Two fields select together.", "vary: Foo, Bar", "foo: 1 | bar: a", "foo: 1 | bar: a", "hit"),
	varying("RFC9111-4.1", "vary-two-differs", required, "Both must match: the first does not.", "vary: Foo, Bar", "foo: 1 | bar: a", "foo: 2 | bar: a", "asked"),
	varying("RFC9111-4.1", "vary-two-differs-second", required, "The second does not.", "vary: Foo, Bar", "foo: 1 | bar: a", "foo: 1 | bar: b", "asked"),
	varying("RFC9111-4.1", "vary-two-absent", required, "None is there.", "vary: Foo, Bar", "foo: 1 | bar: a", "", "asked"),
	varying("RFC9111-4.1", "vary-swapped", required, "The values of two fields are not each other's.", "vary: Foo, Bar", "foo: 1 | bar: 2", "foo: 2 | bar: 1", "asked"),
	varying("RFC9111-4.1", "vary-run-together", required, "Nor do they run together.", "vary: Foo, Bar", "foo: 1 | bar: 23", "foo: 12 | bar: 3", "asked"),
	varying("RFC9111-4.1", "vary-three", optional, "So do three.", "vary: Foo, Bar, Baz", "foo: 1 | bar: a | baz: 7", "foo: 1 | bar: a | baz: 7", "hit"),
	varying("RFC9111-4.1", "vary-three-differs", required, "All must match.", "vary: Foo, Bar, Baz", "foo: 1 | bar: a | baz: 7", "foo: 2 | bar: a | baz: 7", "asked"),
	varying("RFC9111-4.1", "vary-three-order", optional, "The order of a request's fields does not matter.", "vary: Foo, Bar, Baz", "foo: 1 | bar: a | baz: 7", "baz: 7 | bar: a | foo: 1", "hit"),
	varying("RFC9111-4.1", "vary-three-order-differs", required, "In another order they must match as well.", "vary: Foo, Bar, Baz", "foo: 1 | bar: a | baz: 7", "foo: 1 | baz: 7 | bar: b", "asked"),
	varying("RFC9111-4.1", "vary-three-absent", optional, "What is absent in both matches.", "vary: Foo, Bar, Baz", "foo: 1 | baz: 7", "foo: 1 | baz: 7", "hit"),
	varying("RFC9111-4.1", "vary-lines", required, "Lines of Vary are one list.", "vary: Foo | vary: Bar", "foo: 1 | bar: a", "foo: 1 | bar: b", "asked"),
	varying("RFC9111-4.1", "vary-star", required, "No request matches *.", "vary: *", "foo: 1", "foo: 1", "asked"),
	varying("RFC9111-4.1", "vary-star-star", required, "Nor *, *.", "vary: *, *", "foo: 1", "foo: 1", "asked"),
	varying("RFC9111-4.1", "vary-star-star-lines", required, "Nor * on two lines.", "vary: * | vary: *", "foo: 1", "foo: 1", "asked"),
	varying("RFC9111-4.1", "vary-empty-star", required, "Nor * behind an empty member.", "vary: , *", "foo: 1", "foo: 1", "asked"),
	varying("RFC9111-4.1", "vary-empty-star-lines", required, "Nor * behind an empty line.", "vary:  | vary: *", "foo: 1", "foo: 1", "asked"),
	varying("RFC9111-4.1", "vary-star-foo", required, "Nor * before a name.", "vary: *, Foo", "foo: 1", "foo: 1", "asked"),
	varying("RFC9111-4.1", "vary-foo-star", required, "Nor * behind one.", "vary: Foo, *", "foo: 1", "foo: 1", "asked"),
	varying("RFC9111-4.1", "vary-foo-star-lines", required, "Nor on another line.", "vary: Foo | vary: *", "foo: 1", "foo: 1", "asked"),
	varying("RFC9111-4.1", "vary-garbage", check, "Nor what is no name.", "vary: a b", "foo: 1", "foo: 1", "asked"),
	varying("RFC9111-4.1", "vary-nothing", required, "An empty Vary selects by nothing.", "vary: ", "foo: 1", "foo: 2", "hit"),
	varying("RFC9111-4.1", "vary-combine", optional, "Lines of a selecting field are one.", "vary: Foo", "foo: 1, 2", "foo: 1 | foo: 2", "hit"),
	varying("RFC9111-4.1", "vary-space", optional, "Whitespace around commas does not matter.", "vary: Foo", "foo: 1,2", "foo: 1, 2", "hit"),
	varying("RFC9111-4.1", "vary-line-order", required, "The order of lines does.", "vary: Foo", "foo: 1 | foo: 2", "foo: 2 | foo: 1", "asked"),
	varying("RFC9111-4.1", "vary-language-case", optional, "Languages have no case.", "vary: Accept-Language", "accept-language: en, de", "accept-language: eN, De", "hit"),
	varying("RFC9111-4.1", "vary-language-space", optional, "Whitespace does not matter to them.", "vary: Accept-Language", "accept-language: en, de", "accept-language: en,   de", "hit"),
	varying("RFC9111-4.1", "vary-language-order", check, "Their order does: it breaks ties.", "vary: Accept-Language", "accept-language: en, de", "accept-language: de, en", "asked"),
	varying("RFC9111-4.1", "vary-cookie", required, "Cookie is a field as others.", "vary: Cookie", "cookie: a=1", "cookie: a=2", "asked"),
	varying("RFC9111-4.1", "vary-origin", required, "So is Origin.", "vary: Origin", "origin: https://a.test", "origin: https://b.test", "asked"),
	{"RFC9111-4.1", "vary-variants", optional, "Several variants are stored.", "", []step{
		{ask: "GET / | foo: 1", answer: byFoo, want: "asked"},
		{ask: "GET / | foo: 2", answer: byFoo, want: "asked"},
		{ask: "GET / | foo: 1", want: "hit | of 1"},
		{ask: "GET / | foo: 2", want: "hit | of 2"},
	}},
	{"RFC9111-4.1", "vary-changes", required, "If Vary grows, what was stored before is not taken for more than it is.", "", []step{
		{ask: "GET / | foo: 1 | bar: 1", answer: byFoo, want: "asked"},
		{ask: "GET / | foo: 2 | bar: 1", answer: fresh + " | vary: Foo, Bar", want: "asked"},
		{ask: "GET / | foo: 2 | bar: 2", want: "asked"},
	}},
	{"RFC9111-4.2", "vary-variant-stale", required, "One variant's age is not the other's.", "", []step{
		{ask: "GET / | foo: 1", answer: byFoo, want: "asked"},
		{ask: "GET / | foo: 2", answer: `200 | cache-control: max-age=60 | age: 100 | vary: Foo | etag: "b"`, want: "asked"},
		{ask: "GET / | foo: 1", want: "hit | of 1"},
		{ask: "GET / | foo: 2", answer: `304 | etag: "b" | vary: Foo`, want: `validated | of 2 | sent if-none-match: "b"`},
	}},
	naming("RFC9111-4.1", "vary-named", optional, "A request that selects none is sent with the entity tags of the variants, and a 304 names the answer (§4.1).", "", `304 | etag: "a" | vary: Foo`, `validated | of 1 | status 200 | sent if-none-match: "b", "a" | sent !if-modified-since`),
	naming("RFC9111-4.1", "vary-named-range", optional, "The client's range is taken of that.", " | range: bytes=0-1", `304 | etag: "a" | vary: Foo`, "validated | of 1 | status 206 | =fi | sent !range"),
	naming("RFC9111-4.1", "vary-named-inm", optional, "And its condition.", ` | if-none-match: "a"`, `304 | etag: "a" | vary: Foo`, `validated | of 1 | status 304 | sent if-none-match: "b", "a"`),
	naming("RFC9111-4.3.4", "vary-named-other", required, "One that names no variant confirms none: it is asked again without a condition (§4.3.4).", "", `304 | etag: "c" | then 200 | cache-control: max-age=3600 | vary: Foo`, "stale | of 3 | status 200"),
	naming("RFC9111-4.3.4", "vary-named-weak", check, "A weak tag names none: it may be that of other content.", "", `304 | etag: W/"a" | then 200 | cache-control: max-age=3600 | vary: Foo`, "stale | of 3 | status 200"),
	naming("RFC9111-4.3.4", "vary-named-none", required, "Nor does a 304 without a tag.", "", "304 | -etag | then 200 | cache-control: max-age=3600 | vary: Foo", "stale | of 3 | status 200"),
	naming("RFC9111-4.3.3", "vary-named-200", required, "A 200 is the variant for the request.", "", `200 | cache-control: max-age=3600 | vary: Foo | etag: "c"`, "validated | of 3 | status 200"),
	naming("RFC9111-4.1", "vary-named-authorization", check, "For a request with Authorization none is sent.", " | authorization: FOO", `200 | cache-control: no-store`, "asked | sent !if-none-match"),
	{"RFC9111-4.3.4", "vary-named-updated", optional, "What a 304 names is stored for the request, with its fields; the other keeps its own.", "", []step{
		{ask: "GET / | foo: 1", answer: outdated + `vary: Foo | etag: "a" | test: 1`, want: "asked"},
		{ask: "GET / | foo: 2", answer: `304 | etag: "a" | vary: Foo | cache-control: max-age=3600 | test: 2`, want: "validated | of 1 | status 200 | test: 2"},
		{ask: "GET / | foo: 2", want: "hit | of 1 | test: 2"},
		{ask: "GET / | foo: 1", answer: `304 | etag: "a" | vary: Foo | cache-control: max-age=3600 | test: 1`, want: "validated | of 1 | status 200 | test: 1"},
	}},
	{"RFC9111-4.3.4", "vary-named-no-store", required, "If the 304 has no-store, the answer to this request is not stored; the other is its own.", "", []step{
		{ask: "GET / | foo: 1", answer: byFoo + ` | etag: "a"`, want: "asked"},
		{ask: "GET / | foo: 2", answer: `304 | etag: "a" | vary: Foo | cache-control: no-store`, want: "validated | of 1 | status 200"},
		{ask: "GET / | foo: 1", want: "hit | of 1"},
		{ask: "GET / | foo: 2", want: "asked"},
	}},
	{"RFC9111-4.1", "vary-named-cookie", check, "No tags are sent if Vary names Cookie: pages of users may have the same.", "", []step{
		{ask: "GET / | cookie: a=1", answer: fresh + ` | vary: Cookie | etag: "a"`, want: "asked"},
		{ask: "GET / | cookie: a=2", answer: fresh + ` | vary: Cookie | etag: "a"`, want: "asked | sent !if-none-match"},
	}},
	{"RFC9111-4.1", "vary-named-origin", check, "Nor if it names Origin: one origin's leave to read would be another's.", "", []step{
		{ask: "GET / | origin: https://a.test", answer: fresh + ` | vary: Origin | etag: "a"`, want: "asked"},
		{ask: "GET / | origin: https://b.test", answer: fresh + ` | vary: Origin | etag: "a"`, want: "asked | sent !if-none-match"},
	}},
	{"RFC9110-8.8.3.3", "vary-named-strong-coding", check, "Nor if it names Accept-Encoding: servers have given both codings one strong tag.", "", []step{
		{ask: "GET / | accept-encoding: gzip", answer: fresh + ` | vary: Accept-Encoding | content-encoding: gzip | etag: "a"`, want: "asked"},
		{ask: "GET / | accept-encoding: identity", answer: fresh + ` | vary: Accept-Encoding | etag: "a"`, want: "asked | sent !if-none-match"},
	}},
	{"RFC9110-8.8.1", "vary-named-coding", check, "Nor is a weak tag, which may be that of a coding that the client does not take.", "", []step{
		{ask: "GET / | accept-encoding: gzip", answer: fresh + ` | vary: Accept-Encoding | content-encoding: gzip | etag: W/"a" | last-modified: @-3600`, want: "asked"},
		{ask: "GET / | accept-encoding: identity", answer: fresh + ` | vary: Accept-Encoding | etag: W/"a"`, want: "asked | sent !if-none-match | sent !if-modified-since"},
	}},
	{"RFC9111-4.1", "vary-head", required, "HEAD selects as GET does.", "", []step{
		{ask: "GET / | foo: 1", answer: byFoo, want: "asked"},
		{ask: "HEAD / | foo: 2", want: "asked"},
		{ask: "HEAD / | foo: 1", want: "hit | of 1"},
	}},
	{"RFC9111-4.1", "vary-no-store", required, "A variant that is not stored leaves the others.", "", []step{
		{ask: "GET / | foo: 1", answer: byFoo, want: "asked"},
		{ask: "GET / | foo: 2", answer: "200 | cache-control: no-store | vary: Foo", want: "asked"},
		{ask: "GET / | foo: 2", want: "asked"},
	}},
}
