package rfc9111

import (
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// FuzzReuse checks what no combination of directives, ages and rules may break.
func FuzzReuse(f *testing.F) {
	f.Add("max-age=1, stale-while-revalidate=60", "no-cache", 0, 5, false, true)
	f.Add("s-maxage=1, stale-if-error=9", "max-stale", 3, 2, true, true)
	f.Add("no-cache, max-age=60", "only-if-cached", 0, 1, false, false)
	f.Add("must-revalidate, max-age=1, stale-while-revalidate=9", "max-stale=5, max-age=9", 0, 3, true, true)
	f.Add("public, immutable, max-age=9", "max-age=0", 0, 1, true, true)
	f.Fuzz(func(t *testing.T, response, request string, age, second int, authorized, honor bool) {
		second %= 1 << 30
		rules := &Rules{HonorRequest: honor, StaleIfError: 10e9, StaleWhileRevalidate: 10e9}
		fields := []hpack.Field{{Name: "cache-control", Value: request}}
		if authorized {
			fields = append(fields, hpack.Field{Name: "authorization", Value: "x"})
		}
		asked := Ask("GET", fields, rules)
		anyone := Ask("GET", nil, nil)
		came := append(lines(`etag: "a"|age: 0`), hpack.Field{Name: "cache-control", Value: response})
		came[1].Value = strings.Repeat("1", age&3)
		p, reason := Store(&anyone, 200, came, at(0), at(0), rules)
		if reason != Stored {
			if p != (Policy{}) {
				t.Fatalf("%q: not stored, but it has a policy", response)
			}
			return
		}
		now := at(second)
		fresh := p.Fresh(now)
		verdict, reason := Reuse(&asked, &p, now)
		if hit := verdict == Serve || verdict == ServeAndRevalidate; hit != reason.Hit() {
			t.Fatalf("verdict %d for the reason %v", verdict, reason)
		}
		forbidden := p.Has(NoCache) || authorized && !p.Has(Shared)
		switch {
		case verdict == Serve && forbidden, verdict == ServeAndRevalidate && forbidden:
			t.Fatalf("%q is served to %q", response, request)
		case verdict == Serve && !fresh && (!honor || p.Has(MustRevalidate)):
			t.Fatalf("%q is served stale to %q", response, request)
		case verdict == ServeAndRevalidate && (fresh || p.Revalidate == 0):
			t.Fatalf("%q is revalidated for %q", response, request)
		case !honor && verdict == Validate && fresh && !p.Has(NoCache):
			t.Fatalf("%q forces a fetch of what is fresh", request)
		case asked.OnlyIfCached && (verdict == Fetch || verdict == Validate):
			t.Fatalf("%q goes to the origin", request)
		case asked.Plain() && fresh && !p.Has(NoCache) && verdict != Serve:
			t.Fatalf("%q is plain, but the verdict %d", request, verdict)
		case asked.PlainAuthorized() && fresh && !p.Has(NoCache) && (verdict == Serve) != p.Has(Shared):
			t.Fatalf("%q is plain but for Authorization, but the verdict %d", request, verdict)
		}
		if MayServeOnError(&asked, &p, now) && (forbidden || !honor && now.Unix() >= p.KeepUntil()) {
			t.Fatalf("%q stands in for an error for %q", response, request)
		}
	})
}

// TestTruncations cuts every field that is parsed at every octet: nothing of
// that may be out of bounds, or permit what the whole forbids.
func TestTruncations(t *testing.T) {
	control := `private="a, b\"", no-cache=x, s-maxage="6\0", max-age=9 , stale-if-error=1`
	for i := range control {
		asked := Ask("GET", lines("cache-control: x"), nil)
		field := lines("cache-control: x")
		field[0].Value = control[:i]
		if _, reason := Store(&asked, 200, field, at(0), at(0), nil); reason == Stored && i < strings.Index(control, "s-maxage") {
			t.Errorf("%q is stored without a lifetime", control[:i])
		}
	}
	for _, whole := range []string{`a="x\"y";b=?1, c=(1 2.5 "x");d, e=:aGk=:, f=@1, g=%"%c3%bc"`, "max-age=60;x, private"} {
		for i := range whole {
			dictionary(whole[:i])
			if cut := strings.TrimRight(whole[:i], " "); strings.HasSuffix(cut, ",") && dictionary(cut) != "malformed" {
				t.Errorf("%q ends with a comma", cut)
			}
		}
	}
	list := `"a", W/"b,c" , *`
	for i := range list {
		if NotModified([]hpack.Field{{Name: "if-none-match", Value: list[:i]}}, lines(`etag: "b,c"`), 0) != (i >= strings.LastIndex(list, `"`)+1) {
			t.Errorf("%q: it matches from the end of its tag on, and not before", list[:i])
		}
	}
	for i := range "Foo, *" {
		if _, ok := ParseVary(lines("vary: " + "Foo, *"[:i])); !ok {
			t.Errorf("%q has no star", "Foo, *"[:i])
		}
	}
}
