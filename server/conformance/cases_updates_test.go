package conformance

import "fmt"

// updates is RFC 9111 §3.2, by 304 (§4.3.4).
var updates = append([]testCase{
	{"RFC9111-3.2", "304-keeps", required, "A field that a 304 omits stays.", "", []step{
		{answer: outdated + `etag: "a" | test: 1`, want: "asked"},
		{answer: `304 | etag: "a" | cache-control: max-age=3600`, want: "validated | status 200 | test: 1"},
		{want: "hit | of 1 | test: 1"},
	}},
	{"RFC9111-3.2", "304-adds", required, "A field that is new is added.", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: `304 | etag: "a" | cache-control: max-age=3600 | test: 1`, want: "validated | status 200 | test: 1"},
		{want: "hit | of 1 | test: 1"},
	}},
	{"RFC9111-3.2", "304-lines", required, "All lines of a name are replaced.", "", []step{
		{answer: outdated + `etag: "a" | test: 1 | test: 2`, want: "asked"},
		{answer: `304 | etag: "a" | cache-control: max-age=3600 | test: 3`, want: "validated | status 200 | test: 3"},
		{want: "hit | of 1 | test: 3"},
	}},
	{"RFC9111-3.2", "304-expires", required, "Expires is updated, and counts.", "", []step{
		{answer: `200 | expires: @-60 | etag: "a"`, want: "asked"},
		{answer: `304 | etag: "a" | expires: @3600`, want: "validated | status 200"},
		{want: "hit | of 1"},
	}},
	{"RFC9111-3.2", "304-cache-control", required, "Cache-Control is updated, and counts.", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: `304 | etag: "a" | cache-control: max-age=3600`, want: "validated | status 200 | cache-control: max-age=3600"},
		{want: "hit | of 1 | cache-control: max-age=3600"},
	}},
	{"RFC9111-3.2", "304-no-store", required, "A 304 with no-store ends the storing.", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: `304 | etag: "a" | cache-control: no-store`, want: "validated | status 200"},
		{want: "asked | sent !if-none-match"},
	}},
	{"RFC9111-3.1", "304-connection", required, "What Connection names is not taken from a 304 (§3.1).", "", []step{
		{answer: outdated + `etag: "a" | test: 1`, want: "asked"},
		{answer: `304 | etag: "a" | cache-control: max-age=3600 | connection: test | test: 2`, want: "validated | status 200 | test: 1"},
		{want: "hit | of 1 | test: 1"},
	}},
	{"RFC9111-4.2.3", "304-age", required, "The age is the 304's.", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{answer: `304 | etag: "a" | cache-control: max-age=3600 | age: 50`, want: "validated | status 200"},
		{want: "hit | of 1 | age: >=50"},
	}},
	{"RFC9111-3.2", "304-date", required, "Date is the 304's.", "", []step{
		{answer: outdated + `etag: "a" | date: @-100`, want: "asked"},
		{answer: `304 | etag: "a" | cache-control: max-age=3600 | date: Wed, 01 Jan 2020 00:00:00 GMT | age: 0`, want: "validated | status 200 | date: Wed, 01 Jan 2020 00:00:00 GMT"},
	}},
}, changed()...)

// changed are fields with another value in a 304.
func changed() (cases []testCase) {
	for _, f := range []struct {
		name, before, after string
		keeps               bool
		kind                kind
	}{
		{"test-header", "a", "b", false, required},
		{"x-test-header", "a", "b", false, required},
		{"content-foo", "a", "b", false, required},
		{"x-content-foo", "a", "b", false, required},
		{"content-location", "/a", "/b", false, required},
		{"content-security-policy", "default-src 'self'", "default-src 'none'", false, required},
		{"content-type", "text/plain", "text/plain;charset=utf-8", false, required},
		{"content-language", "en", "de", false, required},
		{"clear-site-data", `"cache"`, `"cookies"`, false, required},
		{"public-key-pins", "a", "b", false, required},
		{"set-cookie2", "a=b", "a=c", false, required},
		{"x-frame-options", "deny", "sameorigin", false, required},
		{"x-xss-protection", "1", "0", false, required},
		{"link", "</a>", "</b>", false, required},
		{"content-encoding", "foo", "bar", true, required},
		{"content-md5", "rL0Y20zC+Fzt72VPzMSk2A==", "N7UdGUp1E+RbVvZSTy1R8g==", true, required},
		{"content-digest", "sha-256=:AA==:", "sha-256=:BB==:", true, required},
		{"content-range", "bytes 0-1/2", "bytes 0-2/3", true, required},
	} {
		want, says := f.after, "%s is updated, given and stored."
		if f.keeps {
			want, says = f.before, "%s describes what is stored, and stays."
		}
		cases = append(cases, testCase{"RFC9111-3.2", "304-" + f.name, f.kind, fmt.Sprintf(says, f.name), "", []step{
			{answer: outdated + `etag: "a" | ` + f.name + ": " + f.before, want: "asked"},
			{answer: `304 | etag: "a" | cache-control: max-age=3600 | ` + f.name + ": " + f.after, want: "validated | status 200 | " + f.name + ": " + want},
			{want: "hit | of 1 | " + f.name + ": " + want},
		}})
	}
	return append(cases, testCase{"RFC9111-3.2", "304-content-length", required, "Content-Length stays that of the content.", "", []step{
		{answer: outdated + `etag: "a" | =12345`, want: "asked"},
		{answer: `304 | etag: "a" | cache-control: max-age=3600 | content-length: 10`, want: "validated | status 200 | content-length: 5"},
		{want: "hit | of 1 | content-length: 5"},
	}})
}

// heads is RFC 9111 §4.3.5 and RFC 9110 §9.3.2.
var heads = []testCase{
	{"RFC9110-9.3.2", "head-hit", optional, "A stored GET answers HEAD.", "", []step{
		{answer: fresh + " | test: 1", want: "asked"},
		{ask: "HEAD /", want: "hit | test: 1"},
	}},
	{"RFC9110-9.3.2", "head-stale", optional, "A HEAD with a stale response goes to the origin as HEAD.", "", []step{
		{answer: outdated + `etag: "a"`, want: "asked"},
		{ask: "HEAD /", answer: `200 | etag: "a"`, want: "asked | sent HEAD"},
	}},
	{"RFC9110-9.3.2", "head-not-stored", required, "A HEAD is not stored as a GET.", "", []step{
		{ask: "HEAD /", answer: fresh, want: "asked"},
		{want: "asked"},
	}},
	{"RFC9111-4.3.5", "head-freshens", optional, "A HEAD that agrees freshens what is stored.", "", []step{
		{answer: outdated + `etag: "a" | test: 1 | other: 1 | =abc`, want: "asked"},
		{ask: "HEAD /", answer: `200 | etag: "a" | cache-control: max-age=3600 | test: 2 | content-length: 3`, want: "asked"},
		{want: "hit | of 1 | test: 2 | other: 1"},
	}},
	{"RFC9111-4.3.5", "head-freshens-no-tag", optional, "One without validators is freshened if the length agrees.", "", []step{
		{answer: "200 | cache-control: max-age=3 | age: 1 | test: 1 | =abc", want: "asked"},
		{ask: "HEAD /", answer: "200 | cache-control: max-age=3600 | test: 2 | content-length: 3", want: "asked", after: 2100e6},
		{want: "hit | of 1 | test: 2"},
	}},
	{"RFC9111-4.3.5", "head-other-length-no-tag", required, "And not if another length came.", "", []step{
		{answer: "200 | cache-control: max-age=3 | age: 1 | =abc", want: "asked"},
		{ask: "HEAD /", answer: "200 | cache-control: max-age=3600 | content-length: 4", want: "asked", after: 2100e6},
		{want: "asked"},
	}},
	{"RFC9111-4.3.5", "head-other-etag", required, "One with another entity tag makes it stale.", "", []step{
		{answer: tagged, want: "asked"},
		{ask: "HEAD / | cache-control: no-cache", answer: `200 | etag: "zzz" | cache-control: max-age=3600`, want: "asked"},
		{want: "asked"},
	}},
	{"RFC9111-4.3.5", "head-other-date", required, "So does one with another date.", "", []step{
		{answer: dated, want: "asked"},
		{ask: "HEAD / | cache-control: no-cache", answer: "200 | last-modified: Wed, 01 Jan 2025 00:00:00 GMT | cache-control: max-age=3600", want: "asked"},
		{want: "asked"},
	}},
	{"RFC9111-4.3.5", "head-other-length", required, "And one with another length.", "", []step{
		{answer: tagged + " | =12345", want: "asked"},
		{ask: "HEAD / | cache-control: no-cache", answer: `200 | etag: "abc" | cache-control: max-age=3600 | content-length: 6`, want: "asked"},
		{want: "asked"},
	}},
	{"RFC9111-4.3.5", "head-410", check, "A HEAD that fails changes nothing.", "", []step{
		{answer: tagged, want: "asked"},
		{ask: "HEAD / | cache-control: no-cache", answer: "410", want: "asked"},
		{want: "hit | of 1"},
	}},
	{"RFC9110-8.6", "head-length", required, "The length in a HEAD's response is the content's.", "", []step{
		{answer: fresh + " | =12345", want: "asked"},
		{ask: "HEAD /", want: "hit | content-length: 5"},
	}},
}
