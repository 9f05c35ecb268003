package rfc9111

import (
	"strings"
	"testing"
)

func TestSuiteConditions(t *testing.T) {
	tagged := func(etag string) step {
		return step{0, "GET /", "200 | cache-control: max-age=3600 | etag: " + etag, "fetch"}
	}
	modified := step{0, "GET /", "200 | cache-control: max-age=100000 | last-modified: @-3000 | date: @0", "fetch"}
	play(t, []scenario{
		{"A matching tag is a 304.", nil, []step{tagged(`"abcdef"`), {1, `GET / | if-none-match: "abcdef"`, "", "hit 304"}}},
		{"Another is not.", nil, []step{tagged(`"abcdef"`), {1, `GET / | if-none-match: "abcdeg"`, "", "hit"}}},
		{"A weak one matches.", nil, []step{tagged(`W/"abcdef"`), {1, `GET / | if-none-match: W/"abcdef"`, "", "hit 304"}}},
		{"Weak and strong match.", nil, []step{tagged(`W/"abcdef"`), {1, `GET / | if-none-match: "abcdef"`, "", "hit 304"}}},
		{"Octets above ASCII match.", nil, []step{tagged(`"abcdefü"`), {1, `GET / | if-none-match: "abcdefü"`, "", "hit 304"}}},
		{"The first of a list.", nil, []step{tagged(`"abcdef"`), {1, `GET / | if-none-match: "abcdef", "1234", "5678"`, "", "hit 304"}}},
		{"The middle of a list.", nil, []step{tagged(`"abcdef"`), {1, `GET / | if-none-match: "1234", "abcdef", "5678"`, "", "hit 304"}}},
		{"The last of a list.", nil, []step{tagged(`"abcdef"`), {1, `GET / | if-none-match: "1234", "5678", "abcdef"`, "", "hit 304"}}},
		{"A tag with a comma.", nil, []step{tagged(`"a,b"`), {1, `GET / | if-none-match: "a", "a,b"`, "", "hit 304"}}},
		{"A star.", nil, []step{tagged(`"abcdef"`), {1, "GET / | if-none-match: *", "", "hit 304"}}},
		{"An unquoted tag is none.", nil, []step{tagged(`"abcdef"`), {1, "GET / | if-none-match: abcdef", "", "hit"}}},
		{"A lower-case w is none.", nil, []step{tagged(`w/"abcdef"`), {1, `GET / | if-none-match: w/"abcdef"`, "", "hit"}}},
		{"If-None-Match goes before If-Modified-Since.", nil, []step{
			{0, "GET /", `200 | cache-control: max-age=3600 | etag: "abcdef" | last-modified: @-5000`, "fetch"},
			{1, `GET / | if-none-match: "x" | if-modified-since: @-1`, "", "hit"},
			{1, `GET / | if-none-match: "abcdef" | if-modified-since: @-9000`, "", "hit 304"}}},
		{"The same date is a 304.", nil, []step{modified, {3, "GET / | if-modified-since: @-3000", "", "hit 304"}}},
		{"A later one is.", nil, []step{modified, {3, "GET / | if-modified-since: @-2000", "", "hit 304"}}},
		{"An earlier one is not.", nil, []step{modified, {3, "GET / | if-modified-since: @-3001", "", "hit"}}},
		{"RFC 850's format is read.", nil, []step{modified, {3, "GET / | if-modified-since: Sunday, 01-Mar-26 11:10:00 GMT", "", "hit 304"}}},
		{"Garbage is ignored.", nil, []step{modified, {3, "GET / | if-modified-since: tomorrow", "", "hit"}}},
		{"Without Last-Modified Date stands in.", nil, []step{
			{0, "GET /", "200 | cache-control: max-age=10000 | date: @0", "fetch"},
			{3, "GET / | if-modified-since: @-3000", "", "hit"}, {3, "GET / | if-modified-since: @1", "", "hit 304"}}},
		{"A stale response is validated, then the client's condition evaluated.", nil, []step{
			{0, "GET /", "200 | cache-control: max-age=2 | last-modified: @-3000 | date: @0", "fetch"},
			{3, "GET / | if-modified-since: @-3000", "304 | last-modified: @-3000 | date: @3", "validate if-modified-since 304"}}},
		{"A strong tag is asked about.", nil, []step{
			{0, "GET /", `200 | cache-control: max-age=2 | etag: "abcdef"`, "fetch"}, {3, "GET /", "200", "validate if-none-match"}}},
		{"A weak one is.", nil, []step{
			{0, "GET /", `200 | cache-control: max-age=2 | etag: W/"abcdef"`, "fetch"}, {3, "GET /", "200", "validate if-none-match"}}},
		{"Both validators are.", nil, []step{
			{0, "GET /", `200 | cache-control: max-age=2 | etag: "abcdef" | last-modified: @-9`, "fetch"},
			{3, "GET /", "200", "validate if-none-match if-modified-since"}}},
		{"An unquoted tag is no validator.", nil, []step{
			{0, "GET /", "200 | cache-control: max-age=2 | etag: abcdef", "fetch"}, {3, "GET /", "200", "fetch"}}},
		{"A variant's tag is not asked about for another.", nil, []step{
			{0, "GET / | abc: 123", `200 | cache-control: max-age=1 | etag: "abcdef" | vary: abc`, "fetch"},
			{3, "GET / | abc: 456", "200", "fetch"}, {3, "GET / | abc: 123", "200", "validate if-none-match"}}},
	})
}

func TestSuiteUpdateBy304(t *testing.T) {
	play(t, []scenario{
		{"What the 304 omits is kept.", nil, []step{
			{0, "GET /", "200 | cache-control: max-age=2 | last-modified: @-9 | date: @0 | show: A", "fetch"},
			{3, "GET /", "304 | last-modified: @-9 | date: @3", "validate if-modified-since A"},
			{4, "GET /", "", "hit A"}}},
		{"What it has is returned and stored.", nil, []step{
			{0, "GET /", `200 | cache-control: max-age=2 | etag: "a" | date: @0 | show: A`, "fetch"},
			{3, "GET /", `304 | cache-control: max-age=3600 | etag: "a" | date: @3 | show: B`, "validate if-none-match B"},
			{9, "GET /", "", "hit B"}}},
		{"Its Expires counts.", nil, []step{
			{0, "GET /", `200 | expires: @1 | etag: "a" | date: @0`, "fetch"},
			{3, "GET /", `304 | expires: @3600 | etag: "a" | date: @3`, "validate if-none-match"},
			{9, "GET /", "", "hit"}}},
		{"Its Age counts.", nil, []step{
			{0, "GET /", `200 | cache-control: max-age=9 | etag: "a" | date: @0`, "fetch"},
			{10, "GET /", `304 | etag: "a" | date: @10 | age: 9`, "validate if-none-match"},
			{10, "GET /", "200", "validate if-none-match"}}},
		{"Without a Date it is as young as its arrival.", nil, []step{
			{0, "GET /", `200 | cache-control: max-age=9 | etag: "a" | date: @0`, "fetch"},
			{10, "GET /", `304 | etag: "a"`, "validate if-none-match"},
			{18, "GET /", "", "hit"}}},
		{"With another strong tag it is about something else.", nil, []step{
			{0, "GET /", `200 | cache-control: max-age=2 | etag: "a" | date: @0`, "fetch"},
			{3, "GET /", `304 | etag: "b"`, "validate if-none-match unmatched"}}},
	})

	stored := `content-type: text/plain|content-length: 5|content-encoding: gzip|test: A|date: @0|age: 7|etag: "a"`
	for _, tt := range []struct{ sentence, from, want string }{
		{"An empty 304 takes Date and Age away.", "", `content-type: text/plain|content-length: 5|content-encoding: gzip|test: A|etag: "a"`},
		{"Content-Length and Content-Encoding are the stored content's.", "content-length: 10|content-encoding: br|content-range: x",
			`content-type: text/plain|content-length: 5|content-encoding: gzip|test: A|etag: "a"`},
		{"Hop-by-hop fields and those that Connection lists are left out.", "connection: Test, close|test: B|keep-alive: 5|transfer-encoding: chunked|upgrade: x|te: x|proxy-connection: x",
			`content-type: text/plain|content-length: 5|content-encoding: gzip|test: A|etag: "a"`},
		{"All lines of a name replace all of it.", "test: B|test: C|content-type: text/html|date: @9",
			`content-length: 5|content-encoding: gzip|etag: "a"|test: B|test: C|content-type: text/html|date: @9`},
		{"Digests are the stored content's.", "content-md5: x|content-digest: y",
			`content-type: text/plain|content-length: 5|content-encoding: gzip|test: A|etag: "a"`},
		{"Others of the content's fields are updated.", "content-location: /x|content-security-policy: y|set-cookie: a=c",
			`content-type: text/plain|content-length: 5|content-encoding: gzip|test: A|etag: "a"|content-location: /x|content-security-policy: y|set-cookie: a=c`},
	} {
		if got, want := text(Freshen(lines(stored), lines(tt.from))), text(lines(tt.want)); got != want {
			t.Errorf("%s\n got %s\nwant %s", tt.sentence, got, want)
		}
	}
}

func TestSuiteUpdateByHead(t *testing.T) {
	becomes := step{0, "GET /", "200 | cache-control: max-age=2 | show: 1 | last-modified: @-9", "fetch"}
	play(t, []scenario{
		{"A HEAD goes to the origin if the stored response is stale, and updates it.", nil, []step{becomes,
			{3, "HEAD /", "200 | cache-control: max-age=1000 | show: 2 | date: @3", "validate if-modified-since"},
			{9, "GET /", "", "hit 2"}}},
		{"With another validator the stored response is stale.", nil, []step{becomes,
			{3, "HEAD /", "200 | cache-control: max-age=1000 | last-modified: @1", "validate if-modified-since"},
			{4, "GET /", "200", "fetch"}}},
		{"With another length too.", nil, []step{becomes,
			{3, "HEAD /", "200 | cache-control: max-age=1000 | content-length: 6", "validate if-modified-since"},
			{4, "GET /", "200", "fetch"}}},
		{"A 410 updates nothing.", nil, []step{becomes,
			{3, "HEAD /", "410 | cache-control: max-age=1000 | show: 2", "validate if-modified-since"},
			{4, "GET /", "200", "validate if-modified-since"}}},
	})
}

func TestSuiteInvalidation(t *testing.T) {
	fresh := func(target string) step {
		return step{0, "GET " + target, "200 | cache-control: max-age=3600", "fetch"}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO", "get"} {
		play(t, []scenario{
			{"The target of a successful " + method + ".", nil, []step{fresh("/a"), {1, method + " /a", "200", "fetch"}, {2, "GET /a", "200", "fetch"}}},
			{"Not of a failed " + method + ".", nil, []step{fresh("/a"), {1, method + " /a", "500", "fetch"}, {2, "GET /a", "", "hit"}}},
			{"Location of a " + method + ".", nil, []step{fresh("/a?x"), {1, method + " /b", "201 | location: a?x", "fetch"}, {2, "GET /a?x", "200", "fetch"}}},
			{"Content-Location of a " + method + ".", nil, []step{fresh("/a"), {1, method + " /b", "200 | content-location: https://EXAMPLE.com:443/a#f", "fetch"}, {2, "GET /a", "200", "fetch"}}},
			{"Not of another origin.", nil, []step{fresh("/a"), {1, method + " /b", "200 | location: https://example.org/a | content-location: http://example.com/a", "fetch"}, {2, "GET /a", "", "hit"}}},
		})
	}
	for _, method := range []string{"HEAD", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "CONNECT"} {
		if got := Invalidates(nil, method, 200, "https", "example.com", "/", nil); got != nil {
			t.Errorf("%s is safe, but invalidates %q", method, got)
		}
	}
	for _, tt := range []struct{ sentence, target, answer, want string }{
		{"The request's own target, as it stands.", "/a%2fb?q=%20", "", "/a%2fb?q=%20"},
		{"Each target once.", "/a", "location: /a|content-location: /a", "/a"},
		{"Dots are resolved.", "/x/y", "location: ../z", "/x/y /z"},
		{"An authority that differs by its port is another.", "/a", "location: https://example.com:8443/b", "/a"},
		{"No path is the root.", "/a", "location: https://example.com", "/a /"},
		{"A path of two slashes is an authority.", "/a", "location: //example.com/b", "/a /b"},
		{"Another scheme without an authority is another.", "/a", "location: mailto:x@example.com", "/a"},
		{"What is no URI is ignored.", "/a", "location: %zz", "/a"},
		{"A target in asterisk form has nothing stored.", "*", "location: /b", ""},
	} {
		if got := strings.Join(Invalidates(nil, "POST", 200, "https", "example.com", tt.target, lines(tt.answer)), " "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.sentence, got, tt.want)
		}
	}
}

func TestSuiteAuthorization(t *testing.T) {
	asks := func(cacheControl string) step {
		return step{0, "GET / | authorization: FOO", "200 | date: @0 | cache-control: " + cacheControl, "fetch"}
	}
	play(t, []scenario{
		{"A response to Authorization is not stored, even with Expires.", nil, []step{
			{0, "GET / | authorization: FOO", "200 | expires: @2592000 | date: @0", "fetch"}, {3, "GET /", "200", "fetch"}}},
		{"public allows it.", nil, []step{asks("max-age=3600, public"), {3, "GET /", "", "hit"}}},
		{"must-revalidate allows it.", nil, []step{asks("max-age=3600, must-revalidate"), {3, "GET /", "", "hit"}}},
		{"s-maxage allows it.", nil, []step{asks("s-maxage=3600"), {3, "GET / | authorization: BAR", "", "hit"}}},
		{"An s-maxage that is no number does not.", nil, []step{asks("s-maxage=x, max-age=3600"), {3, "GET /", "200", "fetch"}}},
		{"What was stored without is not for a client that has one, unless it says so.", nil, []step{
			{0, "GET /", "200 | cache-control: max-age=3600", "fetch"}, {3, "GET / | authorization: FOO", "200", "fetch"}, {3, "GET /", "", "hit"}}},
	})
}

func TestSuiteOther(t *testing.T) {
	play(t, []scenario{
		{"Queries are different resources.", nil, []step{
			{0, "GET /?1", "200 | cache-control: max-age=3600", "fetch"}, {0, "GET /?2", "200", "fetch"}, {0, "GET /?1", "", "hit"}}},
		once("Content-Disposition does not matter.", "200 | cache-control: max-age=3600 | content-disposition: attachment", 1, "hit"),
		once("A response with Set-Cookie is not stored by default.", "200 | cache-control: max-age=3600 | set-cookie: a=b", 1, "fetch"),
		{"It is if the site says so.", &Rules{StoreSetCookie: true}, []step{
			{0, "GET /", "200 | cache-control: max-age=3600 | set-cookie: a=b", "fetch"}, {1, "GET /", "", "hit"}}},
		{"A request's Cookie does not matter.", nil, []step{
			{0, "GET /", "200 | cache-control: max-age=3600", "fetch"}, {1, "GET / | cookie: a=b", "", "hit"}}},
	})
	asked := Ask("GET", nil, nil)
	for _, tt := range []struct {
		sentence, answer string
		second           int
		want             int64
	}{
		{"Age is generated.", "expires: @2592000|date: @0", 3, 3},
		{"It goes on from the one that came, with Expires.", "expires: @2592000|date: @0|age: 30", 3, 33},
		{"And with max-age.", "cache-control: max-age=600|date: @0|age: 30", 3, 33},
	} {
		p, _ := Store(&asked, 200, lines(tt.answer), at(0), at(0), nil)
		if got := p.Age(at(tt.second)); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.sentence, got, tt.want)
		}
	}
}

func TestSuiteHeaders(t *testing.T) {
	for _, tt := range []struct{ sentence, came, want string }{
		{"Ordinary fields are stored, Date is not changed.", "test: 1|content-type: text/plain|date: @-5|x-frame-options: deny|strict-transport-security: x",
			"test: 1|content-type: text/plain|date: @-5|x-frame-options: deny|strict-transport-security: x"},
		{"Those of the connection are not.", "date: @0|connection: x|keep-alive: x|proxy-authenticate: x|proxy-authentication-info: x|proxy-authorization: x|proxy-connection: x|te: x|trailer: x|transfer-encoding: x|upgrade: x", "date: @0"},
		{"Nor are those that Connection lists.", "connection: A, b|a: 1|b: 2|c: 3|date: @0", "c: 3|date: @0"},
		{"Nor those that no-cache and private name.", `cache-control: no-cache="A, b", private=c|a: 1|b: 2|c: 3|d: 4|date: @0`, `cache-control: no-cache="A, b", private=c|d: 4|date: @0`},
		{"Age is generated anew.", "age: 5|date: @0", "date: @0"},
		{"A missing Date is the arrival.", "a: 1", "a: 1|date: @0"},
		{"An invalid one too.", "date: yesterday|a: 1", "a: 1|date: @0"},
	} {
		if got, want := text(Kept(nil, lines(tt.came), at(0), nil)), text(lines(tt.want)); got != want {
			t.Errorf("%s\n got %s\nwant %s", tt.sentence, got, want)
		}
	}
}
