package rfc9111

import (
	"regexp"
	"strings"
	"testing"
)

func TestReasons(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	tokens := map[string]bool{"": true, "bypass": true, "method": true, "uri-miss": true, "vary-miss": true, "miss": true, "request": true, "stale": true, "partial": true}
	seen := map[string]bool{}
	for r := None; r < Reasons; r++ {
		if !name.MatchString(r.String()) || seen[r.String()] {
			t.Errorf("reason %d: the name %q is no label, or there twice", r, r)
		}
		seen[r.String()] = true
		if s := r.Sentence(); len(s) < 10 || !strings.HasSuffix(s, ".") || s[:1] != strings.ToUpper(s[:1]) || seen[s] {
			t.Errorf("%v: %q is no sentence, or there twice", r, s)
		}
		seen[r.Sentence()] = true
		if !tokens[r.Forward()] {
			t.Errorf("%v: fwd=%s is not one of RFC 9211 §2.2", r, r.Forward())
		}
		if r.Hit() && r.Forward() != "" {
			t.Errorf("%v: is a hit and forwarded", r)
		}
	}
	// Each reason that Reuse can give with a verdict is one of the kind.
	for r, verdict := range map[Reason]Verdict{
		Fresh: Serve, StaleAllowed: Serve, StaleRevalidating: ServeAndRevalidate,
		Miss: Fetch, Method: Fetch, RequestContent: Fetch, RequestCondition: Fetch, Authorization: Fetch,
		Expired: Validate, NoCacheResponse: Validate, RequestNoCache: Validate, RequestMaxAge: Validate, RequestMinFresh: Validate,
	} {
		if hit := verdict == Serve || verdict == ServeAndRevalidate; hit != r.Hit() || hit == (r.Forward() != "") {
			t.Errorf("%v: is it a hit? %v, but %q", r, r.Hit(), r.Forward())
		}
	}
	if r := Reasons; r.String() == "" || r.Sentence() == "" || r.Hit() || r.Forward() != "" {
		t.Error("a value beyond the last must be harmless")
	}
}

func TestCacheStatus(t *testing.T) {
	for _, tt := range []struct {
		sentence string
		status   CacheStatus
		want     string
	}{
		{"A hit.", CacheStatus{Cache: "hotpath", Served: Fresh, TTL: 57, HasTTL: true}, "hotpath; hit; ttl=57"},
		{"A stale hit.", CacheStatus{Cache: "hotpath", Served: StaleRevalidating, TTL: -3, HasTTL: true}, "hotpath; hit; ttl=-3; detail=stale_revalidating"},
		{"A miss that is stored.", CacheStatus{Cache: "hotpath", Served: Miss, ForwardStatus: 200, Kept: Stored, TTL: 60, HasTTL: true}, "hotpath; fwd=uri-miss; fwd-status=200; stored; ttl=60"},
		{"A miss that is not.", CacheStatus{Cache: "hotpath", Served: Miss, Kept: SetCookie}, "hotpath; fwd=uri-miss; detail=set_cookie"},
		{"A miss that waited.", CacheStatus{Cache: "hotpath", Served: Miss, Collapsed: true}, "hotpath; fwd=uri-miss; collapsed"},
		{"The same, as a reason.", CacheStatus{Cache: "hotpath", Served: Collapsed}, "hotpath; fwd=uri-miss; collapsed"},
		{"Another variant.", CacheStatus{Cache: "hotpath", Served: VaryMismatch}, "hotpath; fwd=vary-miss"},
		{"A validation.", CacheStatus{Cache: "hotpath", Served: Revalidated, ForwardStatus: 304, Kept: Stored}, "hotpath; fwd=stale; fwd-status=304; stored; detail=revalidated"},
		{"An error that was hidden.", CacheStatus{Cache: "hotpath", Served: StaleOnError, ForwardStatus: 503, TTL: -9, HasTTL: true}, "hotpath; fwd=stale; fwd-status=503; ttl=-9; detail=stale_on_error"},
		{"The request's wish.", CacheStatus{Cache: "hotpath", Served: RequestNoCache}, "hotpath; fwd=request; detail=request_no_cache"},
		{"A method.", CacheStatus{Cache: "hotpath", Served: Method, Kept: Method}, "hotpath; fwd=method; detail=method"},
		{"A bypass.", CacheStatus{Cache: "hotpath", Served: Bypass}, "hotpath; fwd=bypass"},
		{"Our own 504.", CacheStatus{Cache: "hotpath", Served: OnlyIfCached}, "hotpath; detail=only_if_cached"},
		{"A key is quoted, and what a string cannot hold is encoded.", CacheStatus{Cache: "hotpath", Served: Fresh, Key: "/a\"b\\cü\n"}, `hotpath; hit; key="/a\"b\\c%C3%BC%0A"`},
		{"A name that is no token is quoted.", CacheStatus{Cache: "my edge", Served: Fresh}, `"my edge"; hit`},
		{"A host and port are a token.", CacheStatus{Cache: "edge1:8443", Served: Fresh}, "edge1:8443; hit"},
		{"No name is an empty string.", CacheStatus{Served: Fresh}, `""; hit`},
	} {
		if got := string(AppendCacheStatus(nil, &tt.status)); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.sentence, got, tt.want)
		}
	}
}

func FuzzCacheStatus(f *testing.F) {
	f.Add("hotpath", "/a\"\\ü", int64(-5), uint8(1), uint8(20))
	f.Add("", "\x00", int64(1<<31), uint8(200), uint8(0))
	f.Fuzz(func(t *testing.T, cache, key string, ttl int64, served, kept uint8) {
		ttl %= 1e15 // what a structured field's integer holds
		s := CacheStatus{Cache: cache, Key: key, TTL: ttl, HasTTL: true, Served: Reason(served), Kept: Reason(kept), ForwardStatus: 200, Collapsed: true}
		p := structured{rest: string(AppendCacheStatus(nil, &s))}
		if m := (member{}); !p.item(&m) || p.rest != "" || m.kind != kindToken && m.kind != kindString {
			t.Fatalf("%s is no item of a structured field", AppendCacheStatus(nil, &s))
		}
	})
}
