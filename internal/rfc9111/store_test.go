package rfc9111

import (
	"testing"
	"time"
)

func TestStoreReasons(t *testing.T) {
	const fresh = "cache-control: max-age=60|"
	for _, tt := range []struct {
		sentence, method, request string
		status                    int
		response                  string
		rules                     *Rules
		want                      Reason
	}{
		{"A fresh response is stored.", "GET", "", 200, fresh, nil, Stored},
		{"Expires is explicit too.", "GET", "", 403, "expires: @60", nil, Stored},
		{"HEAD is not.", "HEAD", "", 200, fresh, nil, Method},
		{"POST is not.", "POST", "", 200, fresh, nil, Method},
		{"Methods have a case.", "get", "", 200, fresh, nil, Method},
		{"no-store of the request.", "GET", "cache-control: no-store", 200, fresh, nil, RequestNoStore},
		{"It counts with an argument.", "GET", "cache-control: no-store=x", 200, fresh, nil, RequestNoStore},
		{"A request with content.", "GET", "content-length: 1", 200, fresh, nil, RequestContent},
		{"A request whose content is empty.", "GET", "content-length: 0", 200, fresh, nil, Stored},
		{"A request in chunks.", "GET", "transfer-encoding: chunked", 200, fresh, nil, RequestContent},
		{"A part.", "GET", "range: bytes=0-1", 206, fresh, nil, Partial},
		{"The whole, though a part was asked for.", "GET", "range: bytes=0-1", 200, fresh, nil, Stored},
		{"Not final.", "GET", "", 103, fresh, nil, Status},
		{"Not a status.", "GET", "", 600, fresh, nil, Status},
		{"304 is no response of its own.", "GET", "", 304, fresh, nil, Status},
		{"no-store.", "GET", "", 200, fresh + "cache-control: no-store", nil, NoStore},
		{"no-store goes before private.", "GET", "", 200, "cache-control: private, no-store", nil, NoStore},
		{"private.", "GET", "", 200, fresh + "cache-control: private", nil, Private},
		{"private with and without names.", "GET", "", 200, fresh + `cache-control: private="a", private`, nil, Private},
		{"Authorization.", "GET", "authorization: x", 200, fresh, nil, Authorization},
		{"Authorization, proxy-revalidate is not enough.", "GET", "authorization: x", 200, "cache-control: max-age=60, proxy-revalidate", nil, Authorization},
		{"Authorization with s-maxage=0 and a validator.", "GET", "authorization: x", 200, `cache-control: s-maxage=0|etag: "a"`, nil, Stored},
		{"public behind a stray quote permits nothing.", "GET", "authorization: x", 200, `cache-control: max-age=60, x="y, public`, nil, Authorization},
		{"Vary: *.", "GET", "", 200, fresh + "vary: a, *", nil, VaryStar},
		{"Set-Cookie.", "GET", "", 200, fresh + "set-cookie: a=b", nil, SetCookie},
		{"Set-Cookie that is private is stripped.", "GET", "", 200, fresh + `set-cookie: a=b|cache-control: private="Set-Cookie"`, nil, Stored},
		{"must-understand with a status of no RFC.", "GET", "", 299, fresh + "cache-control: must-understand", nil, NotUnderstood},
		{"must-understand and private.", "GET", "", 200, fresh + "cache-control: must-understand, private", nil, Private},
		{"Nothing explicit and no validator.", "GET", "", 200, "", nil, NoFreshness},
		{"A status that needs explicit freshness, with a validator.", "GET", "", 403, `etag: "a"`, nil, NoFreshness},
		{"public stands in for it.", "GET", "", 403, `etag: "a"|cache-control: public`, nil, Stored},
		{"A validator alone, to be validated each time.", "GET", "", 200, `etag: "a"`, nil, Stored},
		{"A malformed tag is none.", "GET", "", 200, `etag: "a`, nil, NoFreshness},
		{"A malformed date is no validator.", "GET", "", 200, "last-modified: x", nil, NoFreshness},
		{"A validator that is stripped is none.", "GET", "", 200, `etag: "a"|cache-control: no-cache="etag"`, nil, NoFreshness},
		{"no-cache without a validator.", "GET", "", 200, fresh + "cache-control: no-cache", nil, NoCacheResponse},
		{"Stale on arrival.", "GET", "", 200, fresh + "age: 60", nil, AlreadyStale},
		{"Stale on arrival, and of use to few requests.", "GET", "", 200, fresh + "age: 60", &Rules{HonorRequest: true}, AlreadyStale},
		{"Stale on arrival, but of use on errors.", "GET", "", 200, "cache-control: max-age=60, stale-if-error=60|age: 60", nil, Stored},
		{"Stale on arrival, but of use for validation.", "GET", "", 200, fresh + `age: 60|etag: "a"`, nil, Stored},
		{"Not if nothing stale is kept.", "GET", "", 200, fresh + "age: 60", &Rules{KeepStale: -1}, AlreadyStale},
		{"Nor for validation then.", "GET", "", 200, `etag: "a"`, &Rules{KeepStale: -1}, NoFreshness},
		{"The site's default.", "GET", "", 200, "", &Rules{Freshness: time.Minute}, Stored},
		{"It does not make other statuses cacheable.", "GET", "", 403, "", &Rules{Freshness: time.Minute}, NoFreshness},
		{"Nor errors.", "GET", "", 404, "", &Rules{Freshness: time.Minute}, NoFreshness},
		{"Errors are as configured.", "GET", "", 503, "", &Rules{StatusFreshness: map[int]time.Duration{503: time.Second}}, Stored},
		{"A status may be exempt.", "GET", "", 200, "", &Rules{Freshness: time.Minute, StatusFreshness: map[int]time.Duration{200: 0}}, NoFreshness},
		{"An error that any client can provoke.", "GET", "", 400, fresh, nil, Status},
		{"Not with public and a validator either.", "GET", "", 414, `etag: "a"|cache-control: public, max-age=60`, nil, Status},
		{"Unless the site names it.", "GET", "", 400, "", &Rules{StatusFreshness: map[int]time.Duration{400: time.Second}}, Stored},
		{"Then the origin's lifetime counts.", "GET", "", 400, "cache-control: no-store", &Rules{StatusFreshness: map[int]time.Duration{400: time.Second}}, NoStore},
		{"Not with a lifetime of 0.", "GET", "", 400, fresh, &Rules{StatusFreshness: map[int]time.Duration{400: 0}}, Status},
		{"431 must not be stored, whatever the site says.", "GET", "", 431, fresh, &Rules{StatusFreshness: map[int]time.Duration{431: time.Second}}, Status},
		{"The origin goes before the configuration.", "GET", "", 503, "cache-control: max-age=0", &Rules{StatusFreshness: map[int]time.Duration{503: time.Second}}, AlreadyStale},
	} {
		asked := Ask(tt.method, lines(tt.request), tt.rules)
		if _, got := Store(&asked, tt.status, lines(tt.response), at(0), at(0), tt.rules); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.sentence, got, tt.want)
		}
	}
}

func TestStorePolicy(t *testing.T) {
	const day = 24 * 60 * 60
	born := at(0).Unix()
	for _, tt := range []struct {
		sentence, response string
		rules              *Rules
		want               Policy
	}{
		{"max-age.", "cache-control: max-age=60", nil,
			Policy{born, 60, 0, 0, 0, Explicit}},
		{"s-maxage forbids to serve it stale and may answer authorized requests.", "cache-control: s-maxage=60", nil,
			Policy{born, 60, 0, 0, 0, Explicit | MustRevalidate | Shared}},
		{"A validator is kept for a day.", `cache-control: max-age=60|etag: "a"`, nil,
			Policy{born, 60, 0, 0, day, Explicit | HasValidator}},
		{"Or as configured, rounded up.", `cache-control: max-age=60|etag: "a"`, &Rules{KeepStale: 1500 * time.Millisecond},
			Policy{born, 60, 0, 0, 2, Explicit | HasValidator}},
		{"Without a validator it is kept as long again, if a request may take it stale.", "cache-control: max-age=60", &Rules{HonorRequest: true},
			Policy{born, 60, 0, 0, 60, Explicit}},
		{"For an hour at most.", "cache-control: max-age=86400", &Rules{HonorRequest: true},
			Policy{born, 86400, 0, 0, 3600, Explicit}},
		{"What it is of use for itself may be longer.", "cache-control: max-age=60, stale-if-error=90", &Rules{HonorRequest: true},
			Policy{born, 60, 0, 90, 90, Explicit}},
		{"No request may take what must be validated.", "cache-control: max-age=60, proxy-revalidate", &Rules{HonorRequest: true},
			Policy{born, 60, 0, 0, 0, Explicit | MustRevalidate}},
		{"Nor is it kept if nothing stale is.", "cache-control: max-age=60", &Rules{HonorRequest: true, KeepStale: -1},
			Policy{born, 60, 0, 0, 0, Explicit}},
		{"no-cache is never served stale.", `cache-control: max-age=60, no-cache, stale-if-error=9|etag: "a"`, &Rules{StaleWhileRevalidate: time.Minute},
			Policy{born, 60, 0, 0, day, Explicit | HasValidator | NoCache}},
		{"What is of use longer is kept longer.", "cache-control: max-age=60, stale-while-revalidate=7, stale-if-error=9", nil,
			Policy{born, 60, 7, 9, 9, Explicit}},
		{"The first of two counts.", "cache-control: stale-if-error=9, max-age=60, stale-if-error=1", nil,
			Policy{born, 60, 0, 9, 9, Explicit}},
		{"What is no number is 0, and not the default.", "cache-control: max-age=60, stale-if-error=x", &Rules{StaleIfError: time.Minute},
			Policy{born, 60, 0, 0, 0, Explicit}},
		{"The site's defaults.", "", &Rules{Freshness: time.Minute, StaleWhileRevalidate: 5 * time.Second, StaleIfError: time.Hour},
			Policy{born, 60, 5, 3600, 3600, 0}},
		{"The site's maximum.", "cache-control: max-age=86400, immutable", &Rules{MaxLifetime: time.Hour},
			Policy{born, 3600, 0, 0, 0, Explicit | Immutable}},
		{"public.", "cache-control: public, max-age=1", nil,
			Policy{born, 1, 0, 0, 0, Explicit | Shared}},
		{"must-revalidate.", "cache-control: must-revalidate, max-age=1", nil,
			Policy{born, 1, 0, 0, 0, Explicit | Shared | MustRevalidate}},
		{"proxy-revalidate.", "cache-control: proxy-revalidate, max-age=1", nil,
			Policy{born, 1, 0, 0, 0, Explicit | MustRevalidate}},
		{"Names that are stripped.", `cache-control: max-age=1, private="a"`, nil,
			Policy{born, 1, 0, 0, 0, Explicit | Strips}},
		{"An estimate is not explicit.", "last-modified: @-1000|date: @0", &Rules{Heuristic: true},
			Policy{born, 100, 0, 0, day, HasValidator}},
		{"A Last-Modified of the future gives none.", "last-modified: @1000|date: @0", &Rules{Heuristic: true},
			Policy{born, 0, 0, 0, day, HasValidator}},
		{"Expires of the far future is capped.", "expires: Fri, 31 Dec 9999 23:59:59 GMT", nil,
			Policy{born, maxDelta, 0, 0, 0, Explicit}},
	} {
		asked := Ask("GET", nil, tt.rules)
		got, reason := Store(&asked, 200, lines(tt.response), at(0), at(0), tt.rules)
		if got != tt.want || reason != Stored {
			t.Errorf("%s\n got %+v %v\nwant %+v", tt.sentence, got, reason, tt.want)
		}
	}
}

func TestAge(t *testing.T) {
	for _, tt := range []struct {
		sentence   string
		asked, got time.Time
		response   string
		now        time.Time
		want       int64
	}{
		{"Without Date and Age it is the time since it was asked for.", at(0), at(0), "", at(5), 5},
		{"The way counts: it may have been made when it was asked for.", at(0), at(3), "", at(3), 3},
		{"Age is added to the way.", at(0), at(3), "age: 10", at(3), 13},
		{"Date alone is the apparent age.", at(0), at(0), "date: @-10", at(0), 10},
		{"The older of the two counts: Date.", at(0), at(0), "date: @-20|age: 10", at(0), 20},
		{"The older of the two counts: Age.", at(0), at(3), "date: @-2|age: 10", at(3), 13},
		{"A Date of the future makes nothing younger.", at(0), at(3), "date: @100|age: 10", at(3), 13},
		{"A broken Date is none.", at(0), at(0), "date: tomorrow|age: 10", at(0), 10},
		{"Parts of a second make it older.", at(0).Add(999 * time.Millisecond), at(1), "", at(2), 2},
		{"It ends at 2^31-1, as many digits as any number has.", at(0), at(0), "date: Mon, 01 Jan 0001 00:00:00 GMT", at(0), maxDelta},
		{"A clock that was set back does not make it younger than 0.", at(0), at(0), "", at(-5), 0},
		{"Nor does one that is set back under way.", at(10), at(8), "", at(8), 0},
	} {
		asked := Ask("GET", nil, nil)
		p, _ := Store(&asked, 200, lines(tt.response+`|cache-control: max-age=1000|etag: "a"`), tt.asked, tt.got, nil)
		if got := p.Age(tt.now); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.sentence, got, tt.want)
		}
	}
}

func TestPolicyTimes(t *testing.T) {
	p := Policy{Born: at(0).Unix(), Lifetime: 60, Keep: 30}
	if p.Left(at(10)) != 50 || p.Left(at(70)) != -10 {
		t.Errorf("left: got %d and %d, want 50 and -10", p.Left(at(10)), p.Left(at(70)))
	}
	if !p.Fresh(at(59)) || p.Fresh(at(60)) {
		t.Error("it must be fresh before the end of its lifetime, and not at it")
	}
	if p.FreshUntil() != at(60).Unix() || p.KeepUntil() != at(90).Unix() {
		t.Errorf("fresh until %d, kept until %d", p.FreshUntil(), p.KeepUntil())
	}
	far := Policy{Born: at(0).Unix(), Lifetime: maxDelta, Keep: maxDelta}
	if far.KeepUntil() <= far.FreshUntil() {
		t.Error("the greatest times must not overflow")
	}
}
