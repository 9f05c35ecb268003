package rfc9111

import "testing"

func TestSuiteTargeted(t *testing.T) {
	play(t, []scenario{
		once("CDN-Cache-Control alone is fresh.", "200 | cdn-cache-control: max-age=3600", 3, "hit"),
		once("2^31 s are.", "200 | cdn-cache-control: max-age=2147483648", 3, "hit"),
		once("99999999999 s are.", "200 | cdn-cache-control: max-age=99999999999", 3, "hit"),
		once("Age counts.", "200 | date: @0 | cdn-cache-control: max-age=3600 | age: 7200", 3, "fetch"),
		once("Whitespace before = makes it void.", "200 | cache-control: max-age=1 | cdn-cache-control: max-age =100", 3, "fetch"),
		once("Whitespace after = makes it void.", "200 | cache-control: max-age=1 | cdn-cache-control: max-age= 100", 3, "fetch"),
		once("max-age=0 is stale.", "200 | cdn-cache-control: max-age=0", 3, "fetch"),
		once("An unknown directive does not matter.", "200 | cdn-cache-control: foobar, max-age=3600", 3, "hit"),
		once("Keys have a case: upper case is malformed.", "200 | cdn-cache-control: MaX-aGe=3600", 3, "fetch"),
		once("A past Expires is ignored.", "200 | cdn-cache-control: max-age=3600 | expires: @-10000 | date: @0", 3, "hit"),
		once("An invalid Expires is.", "200 | cdn-cache-control: max-age=3600 | expires: 0 | date: @0", 3, "hit"),
		once("A future Expires is.", "200 | cdn-cache-control: max-age=0 | expires: @10000 | date: @0", 3, "fetch"),
		once("A future Expires is ignored if the field gives no lifetime.", "200 | cdn-cache-control: foobar | expires: @10000 | date: @0", 3, "fetch"),
		once("It goes before a shorter Cache-Control.", "200 | cache-control: max-age=1 | cdn-cache-control: max-age=3600", 3, "hit"),
		once("It goes before a longer one.", "200 | cache-control: max-age=3600 | cdn-cache-control: max-age=1", 3, "fetch"),
		once("Its private counts.", "200 | cdn-cache-control: private | cache-control: max-age=10000 | expires: @10000 | date: @0", 0, "fetch"),
		once("Its no-cache counts.", "200 | cdn-cache-control: no-cache | cache-control: max-age=10000 | expires: @10000 | date: @0", 0, "fetch"),
		once("Its no-store counts.", "200 | cdn-cache-control: no-store | cache-control: max-age=10000 | expires: @10000 | date: @0", 3, "fetch"),
		once("Cache-Control's no-store does not.", "200 | cache-control: no-store | cdn-cache-control: max-age=10000", 3, "hit"),
		once("An unknown type makes it void as a whole.", "200 | cdn-cache-control: max-age=10000, &&&&& | cache-control: no-store", 3, "fetch"),
		once("A string is no number: void.", `200 | cdn-cache-control: max-age="10000" | cache-control: no-store`, 3, "fetch"),
		once("Empty is absent.", "200 | cdn-cache-control: | cache-control: max-age=3600", 3, "hit"),
		once("Two lines are one.", "200 | cdn-cache-control: foo | cdn-cache-control: max-age=3600 | cache-control: no-store", 3, "hit"),
		once("The last of two counts, other than in Cache-Control.", "200 | cdn-cache-control: max-age=1, max-age=3600", 3, "hit"),
		once("Parameters are ignored.", "200 | cdn-cache-control: max-age=3600;a=1;b", 3, "hit"),
		once("A negative lifetime is stale.", "200 | cdn-cache-control: max-age=-5 | cache-control: max-age=3600", 3, "fetch"),
		{"The site's list goes before; the first usable one counts.", &Rules{Targeted: []string{"a-cache-control", "b-cache-control"}}, []step{
			{0, "GET /", "200 | b-cache-control: max-age=1 | a-cache-control: ? | cdn-cache-control: max-age=3600", "fetch"},
			{0, "GET /", "", "hit"},
			{3, "GET /", "200", "fetch"},
		}},
		{"An empty list is none.", &Rules{Targeted: []string{}}, []step{
			{0, "GET /", "200 | cdn-cache-control: max-age=3600 | cache-control: no-store", "fetch"},
			{0, "GET /", "200", "fetch"},
		}},
	})
}

func TestSuiteResponseDirectives(t *testing.T) {
	const long = " | expires: @10000 | date: @0"
	play(t, []scenario{
		once("private is not stored.", "200 | cache-control: private, max-age=3600", 0, "fetch"),
		once("no-store is not.", "200 | cache-control: no-store", 0, "fetch"),
		once("In whatever case.", "200 | cache-control: No-StOrE"+long, 0, "fetch"),
		once("Nor with max-age and Expires.", "200 | cache-control: max-age=10000, no-store"+long, 0, "fetch"),
		once("no-cache is not reused unasked.", "200 | cache-control: max-age=10000, no-cache"+long, 0, "fetch"),
		once("In whatever case.", "200 | cache-control: max-age=10000, No-CaChE"+long, 0, "fetch"),
		once("It is stored, and validated.", `200 | cache-control: no-cache | etag: "abcd"`, 0, "validate if-none-match"),
		once("Also with a long freshness.", `200 | cache-control: max-age=10000, no-cache | etag: "abcd"`+long, 0, "validate if-none-match"),
		once("no-cache with names concerns these fields alone.", `200 | cache-control: no-cache="show" | show: 1 | cache-control: max-age=3600 | date: @0`, 3, "hit"),
		once("Several names too.", `200 | cache-control: no-cache="a, Show" | show: 1 | cache-control: max-age=3600 | date: @0`, 3, "hit"),
		once("private with names does likewise.", `200 | cache-control: private="show", max-age=3600 | show: 1`, 3, "hit"),
		once("A token is a name too.", `200 | cache-control: private=show, max-age=3600 | show: 1`, 3, "hit"),
		once("An empty list of names is the whole response.", `200 | cache-control: private="", max-age=3600`, 3, "fetch"),
		once("Also if there is a comma in it.", `200 | cache-control: private=" , ", max-age=3600`, 3, "fetch"),
		once("So is what is no list of names.", `200 | cache-control: private="a b", max-age=3600`, 3, "fetch"),
		once("So is a list without an end.", `200 | cache-control: max-age=3600, private="a`, 3, "fetch"),
		once("The cookie that no-cache names is not stored, the rest is.", `200 | cache-control: no-cache="set-cookie", max-age=3600 | set-cookie: a=b`, 3, "hit"),
		once("must-revalidate is fresh while it is fresh.", `200 | cache-control: max-age=10000, must-revalidate | etag: "abcd"`, 1, "hit"),
		once("And validated after.", `200 | cache-control: max-age=2, must-revalidate | etag: "abcd"`, 3, "validate if-none-match"),
		once("immutable is validated when stale.", `200 | cache-control: max-age=2, immutable | etag: "abcd"`, 3, "validate if-none-match"),
		{"A newer response with no-store leaves the older one, which the caller may remove.", &Rules{HonorRequest: true}, []step{
			{0, "GET /", "200 | cache-control: max-age=10000 | show: 1", "fetch"},
			{3, "GET / | cache-control: no-cache", "200 | cache-control: no-store | show: 2", "fetch"},
			{6, "GET /", "", "hit 1"},
		}},
	})
}

func TestSuiteRequestDirectives(t *testing.T) {
	honor := &Rules{HonorRequest: true}
	fresh := step{0, "GET /", `200 | cache-control: max-age=1500 | etag: "a" | date: @0`, "fetch"}
	aged := step{0, "GET /", "200 | cache-control: max-age=1500 | age: 1000", "fetch"}
	stale := step{0, "GET /", `200 | cache-control: max-age=1 | etag: "a"`, "fetch"}
	strict := step{0, "GET /", `200 | cache-control: max-age=1, must-revalidate | etag: "a"`, "fetch"}
	again := "304 | date: @3"
	asks := "validate if-none-match"
	play(t, []scenario{
		{"max-age=0 asks the origin.", honor, []step{fresh, {3, "GET / | cache-control: max-age=0", again, asks}}},
		{"Also in the same second.", honor, []step{fresh, {0, "GET / | cache-control: max-age=0", "304 | date: @0", asks}}},
		{"max-age=1 does if it is older.", honor, []step{fresh, {3, "GET / | cache-control: max-age=1", again, asks}}},
		{"max-age=3 does not if it is as old.", honor, []step{fresh, {3, "GET / | cache-control: max-age=3", "", "hit"}}},
		{"Age counts.", honor, []step{aged, {0, "GET / | cache-control: max-age=600", "200", "fetch"}}},
		{"A malformed max-age is 0.", honor, []step{fresh, {3, "GET / | cache-control: max-age=x", again, asks}}},
		{"max-stale allows a stale response.", honor, []step{stale, {3, "GET / | cache-control: max-stale=1000", "", "hit"}}},
		{"Without a number, any.", honor, []step{stale, {3, "GET / | cache-control: max-stale", "", "hit"}}},
		{"Up to its number.", honor, []step{stale, {3, "GET / | cache-control: max-stale=1", again, asks}}},
		{"And with it.", honor, []step{stale, {3, "GET / | cache-control: max-stale=2", "", "hit"}}},
		{"With a malformed number, none.", honor, []step{stale, {3, "GET / | cache-control: max-stale=x", again, asks}}},
		{"Not what must be revalidated.", honor, []step{strict, {3, "GET / | cache-control: max-stale=1000", again, asks}}},
		{"max-age does not take what is served while it is revalidated.", honor, []step{
			{0, "GET /", `200 | cache-control: max-age=1, stale-while-revalidate=60, stale-if-error=60 | etag: "a"`, "fetch"},
			{3, "GET / | cache-control: max-age=30", "", "error"},
			{3, "GET / | cache-control: max-age=30, max-stale", "", "stale"},
			{3, "GET / | cache-control: min-fresh=0", "", "error"}}},
		{"min-fresh asks if too little is left.", honor, []step{fresh, {3, "GET / | cache-control: min-fresh=2000", again, asks}}},
		{"And not if enough is.", honor, []step{fresh, {3, "GET / | cache-control: min-fresh=1497", "", "hit"}}},
		{"Age counts.", honor, []step{aged, {0, "GET / | cache-control: min-fresh=1000", "200", "fetch"}}},
		{"no-cache validates.", honor, []step{fresh, {3, "GET / | cache-control: no-cache", again, asks}}},
		{"In whatever case.", honor, []step{fresh, {3, "GET / | cache-control: x, NO-Cache", again, asks}}},
		{"By default strangers force nothing.", nil, []step{fresh,
			{3, "GET / | cache-control: no-cache, max-age=0, min-fresh=9999", "", "hit"}}},
		{"And get nothing stale.", nil, []step{stale, {3, "GET / | cache-control: max-stale", again, asks}}},
		{"no-store is served what is stored.", honor, []step{fresh, {3, "GET / | cache-control: no-store", "", "hit"}}},
		{"But its response is not stored.", nil, []step{
			{0, "GET / | cache-control: no-store", "200 | cache-control: max-age=3600", "fetch"}, {0, "GET /", "200", "fetch"}}},
		{"only-if-cached without a stored response is a 504.", nil, []step{{0, "GET / | cache-control: only-if-cached", "200", "504"}}},
		{"With a stale one too.", nil, []step{stale, {3, "GET / | cache-control: only-if-cached", "200", "504"}}},
		{"With a fresh one it is served.", nil, []step{fresh, {3, "GET / | cache-control: only-if-cached", "200", "hit"}}},
		{"It says nothing about a POST.", nil, []step{{0, "POST / | cache-control: only-if-cached", "200", "fetch"}}},
		{"A reload does not ask about what is immutable.", honor, []step{
			{0, "GET /", `200 | cache-control: max-age=100, immutable | etag: "a"`, "fetch"},
			{3, "GET / | cache-control: max-age=0", "", "hit"},
			{3, "GET / | cache-control: no-cache", again, asks}}},
		{"If-Match is the origin's to evaluate.", nil, []step{fresh, {3, `GET / | if-match: "b"`, "412", "fetch"}}},
	})
}

func TestSuiteStale(t *testing.T) {
	becomes := func(cacheControl string) step {
		return step{0, "GET /", "200 | cache-control: " + cacheControl, "fetch"}
	}
	defaults := &Rules{StaleIfError: 60e9, StaleWhileRevalidate: 60e9}
	play(t, []scenario{
		{"Nothing stale is served on a broken connection by default.", nil, []step{becomes("max-age=2"), {3, "GET /", "", "error"}}},
		{"It is if the site says so.", &Rules{StaleIfError: 60e9}, []step{becomes("max-age=2"), {3, "GET /", "", "saved"}}},
		{"Also on a 503.", &Rules{StaleIfError: 60e9}, []step{becomes("max-age=2"), {3, "GET /", "503", "saved"}}},
		{"But not on a 404.", &Rules{StaleIfError: 60e9}, []step{becomes("max-age=2"), {3, "GET /", "404", "fetch"}}},
		{"Or if the response says so.", nil, []step{becomes("max-age=2, stale-if-error=60"), {3, "GET /", "", "saved"}}},
		{"On an error too.", nil, []step{becomes("max-age=0, stale-if-error=60"), {3, "GET /", "500", "saved"}}},
		{"Up to its time.", nil, []step{becomes("max-age=0, stale-if-error=1"), {3, "GET /", "500", "fetch"}}},
		{"must-revalidate forbids it.", defaults, []step{becomes("max-age=2, must-revalidate, stale-if-error=60"), {3, "GET /", "", "error"}}},
		{"proxy-revalidate forbids it.", defaults, []step{becomes("max-age=2, proxy-revalidate, stale-if-error=60"), {3, "GET /", "", "error"}}},
		{"no-cache forbids it.", defaults, []step{
			{0, "GET /", `200 | cache-control: no-cache, stale-if-error=60 | etag: "a"`, "fetch"}, {3, "GET /", "", "error"}}},
		{"s-maxage forbids the site's default.", defaults, []step{becomes("max-age=2, s-maxage=2"), {3, "GET /", "", "error"}}},
		{"But not what stands beside it.", nil, []step{becomes("s-maxage=2, stale-if-error=60"), {3, "GET /", "", "saved"}}},
		{"A request may allow it, if requests are honoured.", &Rules{HonorRequest: true, KeepStale: 60e9}, []step{
			{0, "GET /", `200 | cache-control: max-age=0 | etag: "a"`, "fetch"},
			{1, "GET / | cache-control: stale-if-error=3600", "500", "saved"}}},
		{"Up to its time.", &Rules{HonorRequest: true}, []step{
			{0, "GET /", `200 | cache-control: max-age=0 | etag: "a"`, "fetch"},
			{3, "GET / | cache-control: stale-if-error=1", "500", "validate if-none-match"}}},
		{"stale-while-revalidate serves and asks.", nil, []step{
			{0, "GET /", `200 | cache-control: max-age=0, stale-while-revalidate=3600 | etag: "abc" | show: 1`, "fetch"},
			{1, "GET /", `200 | cache-control: max-age=3600 | etag: "def" | show: 2`, "stale 1"},
			{3, "GET /", "", "hit 2"}}},
		{"Up to its time.", nil, []step{
			{0, "GET /", `200 | cache-control: max-age=1, stale-while-revalidate=2 | etag: "abc"`, "fetch"},
			{2, "GET /", "", "stale"},
			{3, "GET /", "200", "validate if-none-match"}}},
		{"The site's default holds for what was fresh once.", defaults, []step{becomes("max-age=1"), {2, "GET /", "200", "stale"}}},
		{"Not for what the origin calls stale at once.", defaults, []step{
			{0, "GET /", `200 | cache-control: max-age=0 | etag: "a"`, "fetch"}, {0, "GET /", "200", "validate if-none-match"}}},
		{"Nor for what says nothing.", defaults, []step{
			{0, "GET /", `200 | etag: "a"`, "fetch"}, {0, "GET /", "", "error"}}},
		{"A 0 of the origin is its word.", defaults, []step{becomes("max-age=1, stale-while-revalidate=0, stale-if-error=0"), {2, "GET /", "", "error"}}},
	})
}

func TestSuiteVary(t *testing.T) {
	one := step{0, "GET / | foo: 1", "200 | cache-control: max-age=5000 | vary: Foo | show: 1", "fetch"}
	three := step{0, "GET / | foo: 1 | bar: abc | baz: 789", "200 | cache-control: max-age=5000 | vary: Foo, Bar, Baz", "fetch"}
	language := func(first, second, want string) []step {
		return []step{
			{0, "GET / | accept-language: " + first, "200 | cache-control: max-age=5000 | vary: Accept-Language", "fetch"},
			{1, "GET / | accept-language: " + second, "200", want}}
	}
	scenarios := []scenario{
		{"A request that matches is a hit.", nil, []step{one, {1, "GET / | foo: 1", "200", "hit 1"}}},
		{"Another value is not.", nil, []step{one, {1, "GET / | foo: 2", "200", "fetch"}}},
		{"No value is not.", nil, []step{one, {1, "GET /", "200", "fetch"}}},
		{"An empty value is not.", nil, []step{one, {1, "GET / | foo:", "200", "fetch"}}},
		{"Two variants are stored side by side.", nil, []step{one,
			{1, "GET / | foo: 2", "200 | cache-control: max-age=5000 | vary: Foo | show: 2", "fetch"},
			{2, "GET / | foo: 1", "200", "hit 1"}, {2, "GET / | foo: 2", "200", "hit 2"}}},
		{"Fields that Vary does not name do not matter.", nil, []step{
			{0, "GET / | foo: 1 | other: 2", "200 | cache-control: max-age=5000 | vary: Foo", "fetch"},
			{1, "GET / | foo: 1 | other: 3", "200", "hit"}}},
		{"Three fields match.", nil, []step{three, {1, "GET / | baz: 789 | foo: 1 | bar: abc", "200", "hit"}}},
		{"One of them differs by its end.", nil, []step{three, {1, "GET / | foo: 1 | bar: abcde | baz: 789", "200", "fetch"}}},
		{"One of them is missing.", nil, []step{three, {1, "GET / | foo: 1 | baz: 789", "200", "fetch"}}},
		{"One was missing in both.", nil, []step{
			{0, "GET / | foo: 1 | baz: 789", "200 | cache-control: max-age=5000 | vary: Foo, Bar, Baz", "fetch"},
			{1, "GET / | foo: 1 | baz: 789", "200", "hit"}}},
		{"Lines are combined.", nil, []step{
			{0, "GET / | foo: 1, 2", "200 | cache-control: max-age=5000 | vary: Foo", "fetch"},
			{1, "GET / | foo: 1 | foo: 2", "200", "hit"}, {1, "GET / | foo: 2 | foo: 1", "200", "fetch"}}},
		{"Whitespace around commas does not matter.", nil, []step{
			{0, "GET / | foo: 1,2", "200 | cache-control: max-age=5000 | vary: Foo", "fetch"},
			{1, "GET / | foo:  1 , 2 ", "200", "hit"}}},
		{"Languages have no case.", nil, language("en, de", "eN, De", "hit")},
		{"Nor whitespace.", nil, language("en, de", " en ,   de", "hit")},
		{"Their order is kept: origins break ties by it.", nil, language("en, de", "de, en", "fetch")},
	}
	for _, star := range []string{"*", "*, *", "* | vary: *", ", *", " | vary: *", "*, Foo", "Foo, *", "Foo Bar"} {
		scenarios = append(scenarios, scenario{"Vary: " + star + " matches nothing.", nil, []step{
			{0, "GET / | foo: 1", "200 | cache-control: max-age=5000 | last-modified: @-3000 | vary: " + star, "fetch"},
			{1, "GET / | foo: 1", "200", "fetch"}}})
	}
	play(t, scenarios)
}
