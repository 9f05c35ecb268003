package edge

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/missed"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// TestNoVarySearch: what the origin says that does not matter of a query has one stored
// response, from the response on that says it.
func TestNoVarySearch(t *testing.T) {
	for _, tt := range []struct {
		about, says string
		first, then string
		hit         bool
	}{
		{"nothing is said", "", "/a?x=1&u=1", "/a?x=1&u=2", false},
		{"a parameter", `params=("u" "v")`, "/a?x=1&u=1", "/a?u=2&x=1&v", true},
		{"and no other", `params=("u")`, "/a?x=1&u=1", "/a?x=2&u=1", false},
		{"in their order", `params=("u")`, "/a?x=1&y=1", "/a?y=1&x=1", false},
		{"in any order", `key-order`, "/a?x=1&y=1", "/a?y=1&x=1", true},
		{"all", `params`, "/a?x=1", "/a?y=2", true},
		{"all, and none is there", `params`, "/a?x=1", "/a", true},
		{"all but one", `params, except=("x")`, "/a?x=1&u=1", "/a?u=2&x=1", true},
		{"and that matters", `params, except=("x")`, "/a?x=1&u=1", "/a?x=2&u=1", false},
		{"which may be escaped", `params, except=("x")`, "/a?u=1", "/a?%78=2", false},
		{"or be one for servers that know semicolons", `params, except=("x")`, "/a?u=1", "/a?u=1;x=2", false},
		{"another path", `params`, "/a?x=1", "/b?x=1", false},
		{"a list of exceptions without all", `except=("x")`, "/a?x=1", "/a", false},
		{"a list and exceptions", `params=("u"), except=("x")`, "/a?u=1", "/a?u=2", false},
		{"of a wrong type", `params=1`, "/a?x=1", "/a", false},
		{"malformed", `params=(`, "/a?x=1", "/a", false},
		{"what is not known", `params=("u"), more`, "/a?u=1", "/a?u=2", true},
	} {
		t.Run(tt.about, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{}, always(200, "x", "cache-control", "max-age=60", "vary", "accept-language", "no-vary-search", tt.says))
				r.get(tt.first)
				if c := r.get(tt.first); !c.hit {
					t.Errorf("the same again: %s", c.outcome.Status)
				}
				if c := r.get(tt.then); c.hit != tt.hit {
					t.Errorf("hit %t, want %t: %s", c.hit, tt.hit, c.outcome.Status)
				}
			})
		})
	}
}

// TestNoVarySearchChanges: what was stored with another word of the origin is not found
// by this one, and a purge and an unsafe request find what is stored by either.
func TestNoVarySearchChanges(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		says := ""
		r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			return give(sink, 200, q.Path, "cache-control", "max-age=60", "no-vary-search", says)
		})
		want := func(path, body string, hit bool) {
			t.Helper()
			if c := r.get(path); c.text() != body || c.hit != hit {
				t.Errorf("%s: %q, hit %t; want %q, %t", path, c.text(), c.hit, body, hit)
			}
		}
		want("/a?x=1", "/a?x=1", false)
		says = "params"
		want("/a?x=2", "/a?x=2", false) // it says so
		want("/a?x=1", "/a?x=2", true)
		x, err := r.Explain(Question{URL: "https://example.com/a?x=9"})
		if err != nil || x.Key != "example.com/a" || !strings.HasPrefix(x.Outcome, "a hit") {
			t.Errorf("%+v, %v", x, err)
		}
		if _, err := r.Purge(Purge{URLs: []string{"https://example.com/a?x=1"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		says = ""
		want("/a?x=3", "/a?x=3", false) // it says nothing any more
		want("/a?x=1", "/a?x=1", false) // which the purge has found
		want("/a?x=1", "/a?x=1", true)
		says = "params"
		want("/a?x=4", "/a?x=4", false)
		r.ask("POST", "/a?x=1")
		time.Sleep(time.Second)
		want("/a?x=5", "/a?x=5", false)
		want("/a?x=6", "/a?x=5", true)
	})
}

// TestExpiredVariants: the keys of a path that varies are by the fields of its Vary,
// whatever the reason of its misses.
func TestExpiredVariants(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, always(200, "x", "cache-control", "max-age=1", "vary", "accept-language"))
		for i := range 6 {
			r.get("/a", "accept-language", []string{"de", "en"}[i%2])
			time.Sleep(2 * time.Second)
		}
		if top := r.Misses(1); len(top) != 1 || top[0].Part != "field accept-language" || top[0].Values != 2 {
			t.Errorf("%+v", top)
		}
	})
}

// TestManyKeysByPart: what is no parameter of the query is named too, if it makes very
// many keys.
func TestManyKeysByPart(t *testing.T) {
	for want, ask := range map[string]func(r *rig, i int){
		"field user-agent":  func(r *rig, i int) { r.get("/a?v=1", "user-agent", fmt.Sprint("agent ", i)) },
		"the content":       func(r *rig, i int) { r.query("/a", fmt.Sprint(i)).wait() },
		"parameter w":       func(r *rig, i int) { r.query(fmt.Sprint("/a?w=", i), "x").wait() },
		"the query":         func(r *rig, i int) { r.get(fmt.Sprintf("/a?%060d", i), "user-agent", "one") },
		"parameter v":       func(r *rig, i int) { r.get(fmt.Sprint("/a?v=", i), "user-agent", "one") },
		"field accept-test": func(r *rig, i int) { r.get("/a", "user-agent", "one", "accept-test", fmt.Sprint(i)) },
	} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, always(200, "x", "cache-control", "max-age=60", "vary", "user-agent, accept-test"))
			for i := range 1200 {
				ask(r, i)
			}
			r.settle()
			if top := r.Misses(5); len(top) != 1 || top[0].Part != want || top[0].Keys < missed.ManyKeys || !strings.Contains(r.log.String(), `by="`+want+`"`) {
				t.Errorf("%+v, want %s: %s", top, want, r.log)
			}
		})
	}
}

// TestManyKeys: of a path with very many keys the log names the parameter that makes
// them, and those that make none are not among them.
func TestManyKeys(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{query: site.Query{Without: []string{"left"}}}, always(200, "x", "cache-control", "max-age=60"))
		for i := range 1200 {
			r.get(fmt.Sprintf("/a?left=%d&page=%d&u=%d", i, i%9, i))
		}
		r.settle()
		for _, want := range []string{"a path has very many keys", "path=example.com/a", `by="parameter u"`} {
			if !strings.Contains(r.log.String(), want) {
				t.Errorf("%q is not in the log: %s", want, r.log)
			}
		}
		if top := r.Misses(5); len(top) != 1 || top[0].Path != "example.com/a" || top[0].Misses != 1200 || top[0].Reason != "miss" || top[0].Part != "parameter u" {
			t.Errorf("%+v", top)
		}
	})
}

// TestStatementOfTheResponse: a response is stored by what it says of its query itself,
// and given to those alone for whose queries it says that, whatever was known of the
// path when they asked.
func TestStatementOfTheResponse(t *testing.T) {
	for _, second := range []string{"", `params=("b")`} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, func(n int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
				says := `params=("a")`
				if n == 2 {
					if err := pause(ctx, time.Second); err != nil {
						return err
					}
					says = second
				}
				return give(sink, 200, q.Path, "cache-control", "max-age=60", "no-vary-search", says)
			})
			r.get("/p?x=1&a=1")
			time.Sleep(61 * time.Second)
			one := r.begin("GET", "/p?x=1&a=2")
			synctest.Wait()
			two := r.begin("GET", "/p?x=1&a=3")
			if got := one.wait().text(); got != "/p?x=1&a=2" {
				t.Errorf("%q: the first gets %q", second, got)
			}
			if got := two.wait().text(); got != "/p?x=1&a=3" {
				t.Errorf("%q: the other gets %q, which says that a matters", second, got)
			}
			if got := r.get("/p?x=1&a=9").text(); got != "/p?x=1&a=3" && got != "/p?x=1&a=9" {
				t.Errorf("%q: another gets %q", second, got)
			}
		})
	}
}

// TestPurgeOfEarlierStatement: what was stored by what the origin said before is purged
// by its URL too, for a connection that remembers it as well.
func TestPurgeOfEarlierStatement(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		says := `params=("a")`
		r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			return give(sink, 200, q.Path, "cache-control", "max-age=60", "no-vary-search", says)
		})
		r.get("/p?x=1&a=1")
		remembered := r.get("/p?x=1&a=1")
		says = ""
		r.get("/p?x=2")
		if _, err := r.Purge(Purge{URLs: []string{"https://example.com/p?x=1&a=1"}}); err != nil {
			t.Fatal(err)
		}
		if r.Again(&remembered.looked, time.Now()) {
			t.Error("it is served again")
		}
		says = `params=("a")`
		r.get("/p?x=3")
		if c := r.get("/p?x=1&a=1"); c.hit {
			t.Errorf("it is back: %s", c.outcome.Status)
		}
	})
}

// TestNamedKeys: each value of a field that is in the key has a response of its own;
// a purge of the URL and an unsafe request for it are about all of them.
func TestNamedKeys(t *testing.T) {
	for _, how := range []string{"purge", "soft purge", "POST"} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
				return give(sink, 200, field(q.Fields, "x-tenant"), "cache-control", "max-age=60")
			})
			one := &site.Site{Name: "named", Default: true, Origin: r.origin, Rules: new(rfc9111.Rules), HitStatus: HitStatus, Fields: []string{"x-tenant"}}
			table, err := site.NewTable(one)
			if err != nil {
				t.Fatal(err)
			}
			r.SetSites(table)
			tenants := []string{"a", "b"}
			for range 2 {
				for _, tenant := range tenants {
					if c := r.get("/p", "x-tenant", tenant); c.text() != tenant {
						t.Errorf("%s gets %q", tenant, c.text())
					}
				}
			}
			if n := r.origin.count(); n != 2 {
				t.Errorf("the origin was asked %d times, want 2", n)
			}
			if how == "POST" {
				r.ask("POST", "/p")
			} else if _, err := r.Purge(Purge{URLs: []string{"https://example.com/p"}, Soft: how == "soft purge"}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			for _, tenant := range tenants {
				if c := r.get("/p", "x-tenant", tenant); c.hit {
					t.Errorf("%s: that of %s stays", how, tenant)
				}
			}
		})
	}
}
