package rfc9111

import (
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// browser is what a browser asks with, as HTTP/2 carries it.
var browser = []hpack.Field{
	{Name: "sec-ch-ua", Value: `"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"`},
	{Name: "sec-ch-ua-mobile", Value: "?0"},
	{Name: "sec-ch-ua-platform", Value: `"Linux"`},
	{Name: "upgrade-insecure-requests", Value: "1"},
	{Name: "user-agent", Value: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"},
	{Name: "accept", Value: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"},
	{Name: "sec-fetch-site", Value: "same-origin"},
	{Name: "sec-fetch-mode", Value: "navigate"},
	{Name: "sec-fetch-dest", Value: "document"},
	{Name: "referer", Value: "https://www.example.com/articles/2026/"},
	{Name: "accept-encoding", Value: "gzip, deflate, br, zstd"},
	{Name: "accept-language", Value: "en-GB,en;q=0.9,de;q=0.8"},
	{Name: "cookie", Value: "session=0123456789abcdef"},
}

func TestHitsDoNotAllocate(t *testing.T) {
	rules := &Rules{HonorRequest: true}
	plain := Ask("GET", nil, nil)
	stored, reason := Store(&plain, 200, lines("cache-control: max-age=60, stale-while-revalidate=60, stale-if-error=60"), at(0), at(0), rules)
	if reason != Stored {
		t.Fatal(reason)
	}
	vary := Vary("accept-encoding,accept-language")
	key := make([]byte, 0, 1024)
	status := make([]byte, 0, 256)
	wishes := lines(`cache-control: No-Cache, max-age="5", min-fresh=3, max-stale, only-if-cached|pragma: no-cache|authorization: x|if-match: "a"`)
	for _, fields := range [][]hpack.Field{browser, wishes, nil} {
		allocs := testing.AllocsPerRun(100, func() {
			for second := range 200 {
				asked := Ask("GET", fields, rules)
				now := at(second)
				_, reason := Reuse(&asked, &stored, now)
				MayServeOnError(&asked, &stored, now)
				key = vary.AppendKey(key[:0], fields)
				status = AppendCacheStatus(status[:0], &CacheStatus{Cache: "hotpath", Served: reason, TTL: stored.Left(now), HasTTL: true, Key: "/index.html"})
				NotModified(fields, nil, 0)
				Invalidates(nil, "GET", 200, "https", "example.com", "/", fields)
			}
		})
		if allocs != 0 {
			t.Errorf("%d fields: %v allocations, want none", len(fields), allocs)
		}
	}
}

var sink Verdict

func BenchmarkAskAndReuse(b *testing.B) {
	asked := Ask("GET", nil, nil)
	now := at(5)
	policy, _ := Store(&asked, 200, lines("cache-control: max-age=60"), at(0), at(0), nil)
	b.Run("ask and reuse", func(b *testing.B) {
		for b.Loop() {
			asked := Ask("GET", browser, nil)
			sink, _ = Reuse(&asked, &policy, now)
		}
	})
	// A request that repeats byte for byte is asked once.
	b.Run("reuse", func(b *testing.B) {
		for b.Loop() {
			sink, _ = Reuse(&asked, &policy, now)
		}
	})
	b.Run("vary key", func(b *testing.B) {
		var key []byte
		for b.Loop() {
			key = Vary("accept-encoding,accept-language").AppendKey(key[:0], browser)
		}
	})
	b.Run("store", func(b *testing.B) {
		response := lines(`date: @0|cache-control: public, max-age=60|etag: "a"|vary: accept-encoding|content-type: text/html|server: x`)
		for b.Loop() {
			Store(&asked, 200, response, now, now, nil)
		}
	})
}

func TestReuseWithoutPolicy(t *testing.T) {
	for _, tt := range []struct {
		method, request string
		verdict         Verdict
		reason          Reason
	}{
		{"GET", "", Fetch, Miss},
		{"HEAD", "", Fetch, Miss},
		{"GET", "authorization: x", Fetch, Miss},
		{"GET", "cache-control: only-if-cached", GatewayTimeout, OnlyIfCached},
		{"DELETE", "", Fetch, Method},
	} {
		asked := Ask(tt.method, lines(tt.request), nil)
		if v, r := Reuse(&asked, nil, at(0)); v != tt.verdict || r != tt.reason {
			t.Errorf("%s %s: got %d %v, want %d %v", tt.method, tt.request, v, r, tt.verdict, tt.reason)
		}
		if MayServeOnError(&asked, nil, at(0)) {
			t.Error("nothing stored cannot be served")
		}
	}
}

func TestZeroPolicyIsValidated(t *testing.T) {
	asked := Ask("GET", nil, nil)
	if v, r := Reuse(&asked, &Policy{}, time.Unix(0, 0)); v != Validate || r != Expired {
		t.Errorf("got %d %v", v, r)
	}
}

func TestClockSetBack(t *testing.T) {
	asked := Ask("GET", nil, nil)
	p := Policy{Born: at(10).Unix(), Flags: HasValidator}
	if v, _ := Reuse(&asked, &p, at(0)); v != Validate {
		t.Errorf("what is never fresh must not be fresh by a clock that was set back: got %d", v)
	}
}

func TestAsked(t *testing.T) {
	a := Ask("GET", lines(`cookie: a|range: bytes=0-1|if-range: "a"|if-none-match: "a"|if-modified-since: @0|authorization: x|cache-control: no-store, only-if-cached`), nil)
	if !a.Cookie || !a.Range || !a.IfRange || !a.IfNoneMatch || !a.IfModifiedSince || !a.Authorization || !a.NoStore || !a.OnlyIfCached || a.Content {
		t.Errorf("got %+v", a)
	}
	if a := Ask("GET", browser, nil); !a.Cookie || a.Range || a.Authorization || a.NoStore || !a.plain {
		t.Errorf("a browser's request is plain: %+v", a)
	}
	a = Ask("GET", nil, nil)
	a.Content = true
	if v, r := Reuse(&a, &Policy{Born: at(0).Unix(), Lifetime: 60}, at(1)); v != Fetch || r != RequestContent {
		t.Errorf("content that only the frames show: got %d %v", v, r)
	}
}
