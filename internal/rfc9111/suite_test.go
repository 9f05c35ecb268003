package rfc9111

import "testing"

// The scenarios of this file go through the groups of the public cache-tests
// suite (http-tests/cache-tests), in its order. Its "check" cases have no right
// answer; the one chosen here is the sentence.

// once is a scenario of two requests: what is answered first, and how a second
// request at a later second is answered.
func once(sentence, answer string, second int, want string) scenario {
	return scenario{sentence, nil, []step{
		{0, "GET /", answer, "fetch"},
		{second, "GET /", "200", want},
	}}
}

func TestSuiteFreshness(t *testing.T) {
	play(t, []scenario{
		once("Without freshness and validator nothing is stored (freshness-none).", "200", 3, "fetch"),
		once("A positive max-age is fresh.", "200 | cache-control: max-age=3600", 3, "hit"),
		once("A response that became stale is asked for again.", "200 | cache-control: max-age=2", 3, "fetch"),
		once("At the second of its lifetime's end it is no longer fresh.", "200 | cache-control: max-age=2", 2, "fetch"),
		once("max-age=0 is never fresh.", "200 | cache-control: max-age=0", 0, "fetch"),
		once("2^31-1 seconds are fresh.", "200 | cache-control: max-age=2147483647", 3, "hit"),
		once("2^31 seconds are fresh.", "200 | cache-control: max-age=2147483648", 3, "hit"),
		once("What no integer holds is still fresh.", "200 | cache-control: max-age=99999999999999999999999", 3, "hit"),
		once("An Age beyond the lifetime makes it stale.", "200 | date: @0 | cache-control: max-age=3600 | age: 7200", 3, "fetch"),
		once("Date counts: apparent_age is used.", "200 | date: @-7200 | cache-control: max-age=3600", 3, "fetch"),
		once("max-age goes before a past Expires.", "200 | cache-control: max-age=3600 | expires: @-7200 | date: @0", 3, "hit"),
		once("max-age goes before an invalid Expires.", "200 | cache-control: max-age=3600 | expires: 0 | date: @0", 3, "hit"),
		once("max-age=0 goes before a future Expires.", "200 | expires: @3600 | cache-control: max-age=0 | date: @0", 3, "fetch"),
		once("An unknown directive does not matter.", "200 | cache-control: foobar, max-age=3600", 3, "hit"),
		once("Directives have no case.", "200 | cache-control: MaX-aGe=3600", 3, "hit"),
		once("A negative max-age is stale.", "200 | cache-control: max-age=-3600", 3, "fetch"),
		once("s-maxage is fresh.", "200 | cache-control: s-maxage=3600", 3, "hit"),
		once("A short s-maxage goes before a long max-age.", "200 | cache-control: max-age=3600, s-maxage=1", 3, "fetch"),
		once("Their order does not matter.", "200 | cache-control: s-maxage=1, max-age=3600", 3, "fetch"),
		once("Nor does it on two lines.", "200 | cache-control: max-age=3600 | cache-control: s-maxage=1", 3, "fetch"),
		once("A long s-maxage goes before a short max-age.", "200 | cache-control: max-age=1, s-maxage=3600", 3, "hit"),
		once("And before a past Expires too.", "200 | expires: @-10 | cache-control: max-age=0, s-maxage=3600", 3, "hit"),
	})
}

func TestSuiteCacheControlParsing(t *testing.T) {
	play(t, []scenario{
		once("Of two max-age the first counts (same line).", "200 | cache-control: max-age=1800, max-age=1", 3, "hit"),
		once("Of two max-age the first counts (two lines).", "200 | cache-control: max-age=1800 | cache-control: max-age=1", 3, "hit"),
		once("Also if it is the shorter one (same line).", "200 | cache-control: max-age=1, max-age=1800", 3, "fetch"),
		once("Also if it is the shorter one (two lines).", "200 | cache-control: max-age=1 | cache-control: max-age=1800", 3, "fetch"),
		once("A quoted number counts.", `200 | cache-control: max-age="3600"`, 3, "hit"),
		once("max-age within a quoted string is none.", `200 | cache-control: extension="max-age=3600", max-age=1`, 3, "fetch"),
		once("Nor is it behind the real one.", `200 | cache-control: max-age=1, extension="max-age=3600"`, 3, "fetch"),
		once("Nor behind an escaped quote.", `200 | cache-control: extension="\", max-age=3600", max-age=1`, 3, "fetch"),
		once("Nor if the real one is quoted.", `200 | cache-control: extension="max-age=100", max-age="1"`, 3, "fetch"),
		once("Whitespace before = makes it invalid, thus stale.", "200 | cache-control: max-age =3600", 3, "fetch"),
		once("Whitespace after = does too.", "200 | cache-control: max-age= 3600", 3, "fetch"),
		once("Zeros may lead.", "200 | cache-control: max-age=003600", 3, "hit"),
		once("Single quotes are no quotes.", "200 | cache-control: max-age='3600'", 3, "fetch"),
		once("3600.0 is no delta-seconds.", "200 | cache-control: max-age=3600.0", 3, "fetch"),
		once("3600.5 is none.", "200 | cache-control: max-age=3600.5", 3, "fetch"),
		once("a3600 is none.", "200 | cache-control: max-age=a3600", 3, "fetch"),
		once("3600a is none.", "200 | cache-control: max-age=3600a", 3, "fetch"),
		once("No number is none.", "200 | cache-control: max-age", 3, "fetch"),
		once("An empty number is none.", "200 | cache-control: max-age=", 3, "fetch"),
		once("An invalid max-age is stale even with a future Expires.", "200 | cache-control: max-age=x | expires: @3600 | date: @0", 3, "fetch"),
		once("Empty elements do not matter.", "200 | cache-control: ,, ,max-age=3600,,", 3, "hit"),
		once("no-store behind a stray quote is seen.", `200 | cache-control: max-age=3600, x="abc, no-store`, 3, "fetch"),
		once("max-age behind a stray quote is not.", `200 | cache-control: x="abc, max-age=3600`, 3, "fetch"),
		once("A stray quote ends with its line.", `200 | cache-control: x="abc | cache-control: max-age=3600`, 3, "hit"),
		once("no-store with a senseless argument counts.", "200 | cache-control: max-age=3600, no-store=1", 3, "fetch"),
		once("no-store with garbage behind it counts.", "200 | cache-control: max-age=3600, no-store;x", 3, "fetch"),
	})
}

func TestSuiteExpires(t *testing.T) {
	play(t, []scenario{
		once("A future Expires is fresh.", "200 | expires: @3600 | date: @0", 3, "hit"),
		once("A past Expires is not.", "200 | expires: @-3600 | date: @0", 3, "fetch"),
		once("The present is past.", "200 | expires: @0 | date: @0", 0, "fetch"),
		once("Expires before Date is stale, if both are ahead.", "200 | expires: @300 | date: @400", 3, "fetch"),
		once("Without a usable Date the arrival counts.", "200 | date: foo | expires: @10", 3, "hit"),
		once("Age counts if Date is behind.", "200 | date: @-10 | expires: @10 | age: 25", 0, "fetch"),
		once("Age counts if Date is ahead.", "200 | date: @10 | expires: @20 | age: 15", 0, "fetch"),
		once("0 is in the past.", "200 | expires: 0 | date: @0", 0, "fetch"),
		once("Of two lines the first counts.", "200 | expires: @0 | expires: @3600 | date: @0", 0, "fetch"),
		once("A day's case does not matter.", "200 | expires: THU, 18 Aug 2050 02:01:18 GMT | date: @0", 3, "hit"),
		once("A month's case does not matter.", "200 | expires: Thu, 18 AUG 2050 02:01:18 GMT | date: @0", 3, "hit"),
		once("The zone's case does not matter.", "200 | expires: Thu, 18 Aug 2050 02:01:18 gMT | date: @0", 3, "hit"),
		once("RFC 850's format is read.", "200 | expires: Thursday, 18-Aug-50 02:01:18 GMT | date: @0", 3, "hit"),
		once("asctime's format is read.", "200 | expires: Thu Aug 18 02:01:18 2050 | date: @0", 3, "hit"),
		once("UTC is no zone.", "200 | expires: Thu, 18 Aug 2050 02:01:18 UTC | date: @0", 3, "fetch"),
		once("A year of two digits is none.", "200 | expires: Thu, 18 Aug 50 02:01:18 GMT | date: @0", 3, "fetch"),
		once("The comma must be there.", "200 | expires: Thu 18 Aug 2050 02:01:18 GMT | date: @0", 3, "fetch"),
		once("Two spaces are not one.", "200 | expires: Thu, 18  Aug  2050 02:01:18 GMT | date: @0", 3, "fetch"),
		once("Dashes are no spaces.", "200 | expires: Thu, 18-Aug-2050 02:01:18 GMT | date: @0", 3, "fetch"),
		once("Periods are no colons.", "200 | expires: Thu, 18 Aug 2050 02.01.18 GMT | date: @0", 3, "fetch"),
		once("An hour has two digits.", "200 | expires: Thu, 18 Aug 2050 2:01:18 GMT | date: @0", 3, "fetch"),
	})
}

func TestSuiteAgeParsing(t *testing.T) {
	const fresh = "200 | date: @0 | cache-control: max-age=3600 | "
	play(t, []scenario{
		once("Letters are ignored.", fresh+"age: abc", 3, "hit"),
		once("A negative number is ignored.", fresh+"age: -7200", 3, "hit"),
		once("A decimal is ignored.", fresh+"age: 7200.0", 3, "hit"),
		once("2^31-1 is stale.", fresh+"age: 2147483647", 3, "fetch"),
		once("2^31 is stale.", fresh+"age: 2147483648", 3, "fetch"),
		once("2^31+1 is stale.", fresh+"age: 2147483649", 3, "fetch"),
		once("What no integer holds is stale.", fresh+"age: 99999999999999999999999", 3, "fetch"),
		once("The first of a list counts, if old.", fresh+"age: 7200, 0", 3, "fetch"),
		once("The first of a list counts, if new.", fresh+"age: 0, 7200", 3, "hit"),
		once("The first line counts, if old.", fresh+"age: 7200 | age: 0", 3, "fetch"),
		once("The first line counts, if new.", fresh+"age: 0 | age: 7200", 3, "hit"),
		once("The same twice is once.", fresh+"age: 0, 0", 3, "hit"),
		once("Also on two lines.", "200 | date: @0 | cache-control: max-age=10000 | age: 3600 | age: 3600", 3, "hit"),
		once("A parameter makes it void.", fresh+"age: 7200;foo=bar", 3, "hit"),
		once("An empty line is no value.", fresh+"age: | age: 7200", 3, "fetch"),
	})
}

func TestSuitePragma(t *testing.T) {
	honor := &Rules{HonorRequest: true}
	stored := step{0, "GET /", "200 | cache-control: max-age=3600", "fetch"}
	play(t, []scenario{
		{"A request's Pragma is ignored by default.", nil, []step{stored, {1, "GET / | pragma: no-cache", "200", "hit"}}},
		{"It counts if requests are honoured.", honor, []step{stored, {1, "GET / | pragma: no-cache", "200", "fetch"}}},
		{"But not beside Cache-Control.", honor, []step{stored, {1, "GET / | pragma: no-cache | cache-control: foo", "200", "hit"}}},
		{"Nor if it says something else.", honor, []step{stored, {1, `GET / | pragma: x="no-cache"`, "200", "hit"}}},
		once("In a response it means nothing.", "200 | cache-control: max-age=3600 | pragma: no-cache", 1, "hit"),
	})
}

func TestSuiteStatus(t *testing.T) {
	for _, status := range []string{"200", "203", "204", "299", "301", "302", "303", "307", "308", "403", "404", "410", "499", "500", "502", "503", "504", "599"} {
		hit := "hit " + status
		if status == "200" {
			hit = "hit"
		}
		play(t, []scenario{
			once("A fresh "+status+" is reused.", status+" | cache-control: max-age=3600", 3, hit),
			once("A stale "+status+" is not.", status+" | cache-control: max-age=3600 | age: 7200", 3, "fetch"),
		})
	}
	play(t, []scenario{
		once("must-understand forbids to store an unknown status.", "599 | cache-control: max-age=3600, no-store, must-understand", 1, "fetch"),
		once("It does so without no-store too.", "599 | cache-control: max-age=3600, must-understand", 1, "fetch"),
		once("It overrides no-store for a known one.", "200 | cache-control: max-age=3600, no-store, must-understand", 1, "hit"),
		once("412 speaks of the request's condition.", "412 | cache-control: max-age=3600", 1, "fetch"),
		once("416 speaks of the request's range.", "416 | cache-control: max-age=3600", 1, "fetch"),
		once("400 speaks of the request.", "400 | cache-control: max-age=3600", 1, "fetch"),
		once("429 must not be stored.", "429 | cache-control: max-age=3600", 1, "fetch"),
		once("511 must not be stored.", "511 | cache-control: max-age=3600", 1, "fetch"),
		once("206 is no whole.", "206 | cache-control: max-age=3600 | content-range: bytes 0-4/10", 1, "fetch"),
	})
}

func TestSuiteHeuristics(t *testing.T) {
	on := &Rules{Heuristic: true}
	for status, want := range map[string]string{
		"200": "hit", "203": "hit 203", "204": "hit 204", "404": "hit 404", "405": "hit 405", "410": "hit 410", "414": "fetch", "501": "hit 501",
		"201": "fetch", "202": "fetch", "403": "fetch", "502": "fetch", "503": "fetch", "504": "fetch", "599": "fetch",
	} {
		play(t, []scenario{{"A " + status + " a day after its modification.", on, []step{
			{0, "GET /", status + " | last-modified: @-86400 | date: @0", "fetch"},
			{0, "GET /", "200", want},
		}}})
	}
	play(t, []scenario{
		{"public makes any status cacheable.", on, []step{
			{0, "GET /", "599 | last-modified: @-86400 | date: @0 | cache-control: public", "fetch"},
			{0, "GET /", "200", "hit 599"},
		}},
		{"A tenth of 60 s is fresh for 3 s.", on, []step{
			{0, "GET /", "200 | last-modified: @-60 | date: @0", "fetch"},
			{3, "GET /", "304 | date: @3", "hit"},
			{6, "GET /", "304 | date: @6", "validate if-modified-since"},
		}},
		{"A tenth of 20 years is cut to a day.", on, []step{
			{0, "GET /", "200 | last-modified: @-630720000 | date: @0", "fetch"},
			{86399, "GET /", "", "hit"},
			{86400, "GET /", "304 | date: @86400", "validate if-modified-since"},
		}},
		{"Off, which is the default, each use is validated.", nil, []step{
			{0, "GET /", "200 | last-modified: @-86400 | date: @0", "fetch"},
			{0, "GET /", "304 | date: @0", "validate if-modified-since"},
		}},
	})
}

func TestSuiteMethods(t *testing.T) {
	play(t, []scenario{
		{"POST is neither stored nor answered.", nil, []step{
			{0, "POST /", "200 | cache-control: max-age=3600 | content-location: /", "fetch"},
			{0, "GET /", "200 | cache-control: max-age=3600", "fetch"},
			{0, "POST /", "500", "fetch"},
		}},
		{"HEAD is answered from a stored GET.", nil, []step{
			{0, "GET /", "200 | cache-control: max-age=3600", "fetch"},
			{1, "HEAD /", "200", "hit"},
		}},
		{"HEAD stores nothing.", nil, []step{
			{0, "HEAD /", "200 | cache-control: max-age=3600", "fetch"},
			{1, "GET /", "200", "fetch"},
		}},
		{"A GET with content is not answered from the store.", nil, []step{
			{0, "GET /", "200 | cache-control: max-age=3600", "fetch"},
			{1, "GET / | content-length: 3", "200 | cache-control: max-age=3600 | show: poison", "fetch"},
			{2, "GET /", "200", "hit"},
		}},
	})
}
