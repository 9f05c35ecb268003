package edge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// TestPurge: each form purges what it names, with all variants, and nothing else.
func TestPurge(t *testing.T) {
	stored := []struct{ host, path, tags string }{
		{"a.com", "/", ""},
		{"a.com", "/shop", "shop"},
		{"a.com", "/shop/1", "shop,item-1"},
		{"a.com", "/shop/1?x", "shop,item-1"},
		{"b.com", "/shop/1", "item-1"},
	}
	const all = "a.com/ a.com/shop a.com/shop/1 a.com/shop/1?x b.com/shop/1"
	for _, tt := range []struct {
		about string
		purge Purge
		gone  string
	}{
		{"a URL, not its query", Purge{URLs: []string{"https://a.com/shop/1"}}, "a.com/shop/1"},
		{"a URL with its query", Purge{URLs: []string{"https://a.com/shop/1?x"}}, "a.com/shop/1?x"},
		{"another form of the host", Purge{URLs: []string{"https://A.com:443/shop"}}, "a.com/shop"},
		{"a URL without a path", Purge{URLs: []string{"https://a.com"}}, "a.com/"},
		{"a fragment is no client's to send", Purge{URLs: []string{"https://a.com/shop#top"}}, "a.com/shop"},
		{"what is not stored", Purge{URLs: []string{"https://a.com/none"}}, ""},
		{"a prefix, wherever it ends", Purge{Prefixes: []string{"https://a.com/sh"}}, "a.com/shop a.com/shop/1 a.com/shop/1?x"},
		{"a directory", Purge{Prefixes: []string{"https://a.com/shop/"}}, "a.com/shop/1 a.com/shop/1?x"},
		{"a host", Purge{Hosts: []string{"a.com"}}, "a.com/ a.com/shop a.com/shop/1 a.com/shop/1?x"},
		{"another", Purge{Hosts: []string{"B.com."}}, "b.com/shop/1"},
		{"a tag", Purge{Tags: []string{"shop"}}, "a.com/shop a.com/shop/1 a.com/shop/1?x"},
		{"a tag of all sites", Purge{Tags: []string{"item-1"}}, "a.com/shop/1 a.com/shop/1?x b.com/shop/1"},
		{"a tag of one site", Purge{Tags: []string{"item-1"}, Site: "b"}, "b.com/shop/1"},
		{"a part of a tag is none", Purge{Tags: []string{"item"}}, ""},
		{"several", Purge{Tags: []string{"none"}, URLs: []string{"https://a.com/"}, Hosts: []string{"b.com"}}, "a.com/ b.com/shop/1"},
		{"a URL twice", Purge{URLs: []string{"https://a.com/shop", "https://a.com/shop#top"}}, "a.com/shop"},
		{"a URL and a tag of it", Purge{URLs: []string{"https://b.com/shop/1"}, Tags: []string{"item-1"}, Site: "b"}, "b.com/shop/1"},
		{"all", Purge{All: true}, all},
		{"all of a site", Purge{All: true, Site: "a"}, "a.com/ a.com/shop a.com/shop/1 a.com/shop/1?x"},
	} {
		for _, soft := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.about, " soft=", soft), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					var tags map[string]string
					r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
						return give(sink, 200, q.Path, "cache-control", "max-age=60", "vary", "accept-language", "cache-tag", tags[q.Authority+q.Path])
					})
					r.setSites("a", "b")
					tags = make(map[string]string)
					for _, s := range stored {
						tags[s.host+s.path] = s.tags
						for _, language := range []string{"en", "de"} {
							r.beginAt(s.host, "GET", s.path, "accept-language", language).wait()
						}
					}
					time.Sleep(time.Second)
					tt.purge.Soft, tt.purge.Count = soft, true
					done, err := r.Purge(tt.purge)
					if err != nil {
						t.Fatal(err)
					}
					var gone []string
					for _, s := range stored {
						for _, language := range []string{"en", "de"} {
							c := r.beginAt(s.host, "GET", s.path, "accept-language", language).wait()
							status := c.outcome.Status
							switch {
							case strings.HasPrefix(status, "hotpath; hit"):
							case soft && strings.Contains(status, "fwd=stale"), !soft && strings.Contains(status, "fwd="):
								gone = append(gone, s.host+s.path)
							default:
								t.Errorf("%s%s: %s", s.host, s.path, status)
							}
						}
					}
					if n := int64(len(gone)); done.Matched == nil || done.Matched.Entries != n {
						t.Errorf("matched %+v, want %d entries", done.Matched, n)
					}
					if got := strings.Join(slices.Compact(gone), " "); got != tt.gone {
						t.Errorf("purged: %q, want %q", got, tt.gone)
					}
				})
			})
		}
	}
}

// TestPurgedElsewhere: answers to QUERYs are of their URL, but not stored under its key.
// A purge says how many they were if it is to count, and nothing rather than 0 else.
func TestPurgedElsewhere(t *testing.T) {
	for _, soft := range []bool{false, true} {
		for _, count := range []bool{false, true} {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{}, echo("cache-control", "max-age=60"))
				for _, content := range []string{"a", "b"} {
					r.query("/q", content).wait()
				}
				time.Sleep(time.Second)
				done, err := r.Purge(Purge{URLs: []string{"https://example.com/q"}, Soft: soft, Count: count})
				if err != nil {
					t.Fatal(err)
				}
				if m := done.Matched; (m != nil) != count || count && m.Entries != 2 {
					t.Errorf("soft=%t count=%t: matched %+v, want 2 if counted", soft, count, m)
				}
			})
		}
	}
}

// TestPurgedBySaying: what was stored by what the origin said of queries before is not
// counted as nothing.
func TestPurgedBySaying(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		says := `params=("u")`
		r := newRig(t, knobs{}, func(_ int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
			return give(sink, 200, "x", "cache-control", "max-age=60", "no-vary-search", says)
		})
		r.get("/a?u=1&v=1")
		says = `params=("v")`
		r.get("/a?u=2&v=1")
		time.Sleep(time.Second)
		for _, count := range []bool{false, true} {
			done, err := r.Purge(Purge{URLs: []string{"https://example.com/a?u=1&v=1"}, Count: count})
			if err != nil || done.Matched != nil != count {
				t.Errorf("count=%t: matched %+v, %v", count, done.Matched, err)
			}
		}
	})
}

// setSites gives the rig sites of these names, each with the host NAME.com and the
// rig's origin.
func (r *rig) setSites(names ...string) {
	r.t.Helper()
	var sites []*site.Site
	for _, name := range names {
		sites = append(sites, &site.Site{Name: name, Hosts: []string{name + ".com"}, Origin: r.origin, Rules: new(rfc9111.Rules), HitStatus: HitStatus})
	}
	table, err := site.NewTable(sites...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.SetSites(table)
}

// TestPurgeRefused: what is not clear is refused with what is allowed, and then
// nothing at all is purged.
func TestPurgeRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, always(200, "x", "cache-control", "max-age=60", "cache-tag", "t"))
		r.setSites("a", "b")
		r.beginAt("a.com", "GET", "/").wait()
		for _, tt := range []struct {
			purge Purge
			says  string
		}{
			{Purge{}, "nothing is named: allowed are url, prefix, host and tag"},
			{Purge{All: true, Tags: []string{"t"}}, "all alone"},
			{Purge{Tags: make([]string, MaxTargets+1)}, "allowed are up to 10000"},
			{Purge{All: true, Site: "c"}, `site "c": there is none of this name; allowed is one of "a", "b"`},
			{Purge{URLs: []string{"/"}}, `url "/": allowed is an absolute URL`},
			{Purge{URLs: []string{"http://a.com/"}}, "such as https://example.com/page"},
			{Purge{URLs: []string{"https://"}}, "with a host"},
			{Purge{URLs: []string{"https://u@a.com/"}}, "no user"},
			{Purge{URLs: []string{"https://a.com/ä"}}, "byte 0xc3 is not allowed in a URL: it is written as %C3"},
			{Purge{URLs: []string{"https://a.com/a b"}}, "%20"},
			{Purge{URLs: []string{"https://c.com/"}}, "no site has the host c.com"},
			{Purge{URLs: []string{"https://a.com/"}, Site: "b"}, `it is one of site "a"`},
			{Purge{Prefixes: []string{"https://a.com/?x"}}, "it has a query"},
			{Purge{Prefixes: []string{"/"}}, `prefix "/": allowed is an absolute URL`},
			{Purge{Prefixes: []string{"https://a.com/"}, Site: "b"}, `it is of site "a"`},
			{Purge{Hosts: []string{"*.com"}}, "allowed is a host name"},
			{Purge{Hosts: []string{""}}, "allowed is a host name"},
			{Purge{Hosts: []string{"c.com"}}, "no site has the host c.com"},
			{Purge{Tags: []string{"t u"}}, "a tag has no spaces"},
			{Purge{Tags: []string{""}}, "not empty"},
			{Purge{Tags: []string{"t"}, URLs: []string{"https://a.com/", "https://c.com/"}}, "no site has the host c.com"},
		} {
			if _, err := r.Purge(tt.purge); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%+v: %v, want %q", tt.purge, err, tt.says)
			}
		}
		if c := r.beginAt("a.com", "GET", "/").wait(); c.outcome.Status != "hotpath; hit" {
			t.Errorf("something was purged: %s", c.outcome.Status)
		}
	})
}

// TestSoftPurge: what is stale since a purge is served as what is stale may be.
func TestSoftPurge(t *testing.T) {
	for _, tt := range []struct {
		about, control string
		fails          bool
		status         int
		cache          string
	}{
		{"while it is revalidated", "max-age=60, stale-while-revalidate=30", false, 200, "hotpath; hit"},
		{"if the origin fails", "max-age=60, stale-if-error=30", true, 200, "detail=stale_on_error"},
		{"and not else", "max-age=60", true, 502, ""},
		{"it is validated", "max-age=60", false, 200, "fwd=stale"},
	} {
		for _, how := range []Purge{{URLs: []string{"https://example.com/a"}}, {All: true}} {
			t.Run(fmt.Sprint(tt.about, how.All), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					r := newRig(t, knobs{}, func(n int, _ context.Context, q *origin.Request, sink origin.Sink) error {
						switch {
						case n > 1 && tt.fails:
							return fmt.Errorf("down")
						case n > 1 && field(q.Fields, "if-none-match") != `"1"`:
							t.Errorf("it is asked for without its validator: %v", q.Fields)
						case n > 1:
							return give(sink, 304, "", "etag", `"1"`, "cache-control", tt.control)
						}
						return give(sink, 200, "x", "etag", `"1"`, "cache-control", tt.control)
					})
					first := r.get("/a")
					time.Sleep(10 * time.Second)
					how.Soft = true
					if _, err := r.Purge(how); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second) // what is asked for later is no answer from before it
					if r.Again(&first.looked, time.Now()) {
						t.Error("a connection that remembers the request gets it as if it were fresh")
					}
					if c := r.get("/a"); c.status != tt.status || !strings.Contains(c.outcome.Status, tt.cache) {
						t.Errorf("%d, %s; want %d, %s", c.status, c.outcome.Status, tt.status, tt.cache)
					}
					synctest.Wait()
					if n := r.origin.count(); n != 2 {
						t.Errorf("the origin was asked %d times, want 2", n)
					}
					if !tt.fails {
						if c := r.get("/a"); c.outcome.Status != "hotpath; hit" {
							t.Errorf("it stays stale: %s", c.outcome.Status)
						}
					}
				})
			})
		}
	}
}

// TestSoftPurgeEnds: for how long what is purged may be served stale counts from the
// purge, whenever it is next looked at.
func TestSoftPurgeEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, always(200, "x", "cache-control", "max-age=600, stale-while-revalidate=30"))
		r.get("/a")
		if _, err := r.Purge(Purge{All: true, Soft: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(31 * time.Second)
		if c := r.get("/a"); !strings.Contains(c.outcome.Status, "fwd=stale") {
			t.Errorf("%s", c.outcome.Status)
		}
	})
}

// TestFetchFromBeforePurge: what was asked for before a purge is not stored after it,
// and not given to who comes after it.
func TestFetchFromBeforePurge(t *testing.T) {
	for _, tt := range []struct {
		about string
		purge Purge
		head  time.Duration // of the answer, the purge comes after 1 s
	}{
		{"its URL, before the head", Purge{URLs: []string{"https://example.com/a"}}, 2 * time.Second},
		{"its URL, behind the head", Purge{URLs: []string{"https://example.com/a"}}, 0},
		{"all, before the head", Purge{All: true}, 2 * time.Second},
		{"a tag, before the head that brings it", Purge{Tags: []string{"t"}}, 2 * time.Second},
		{"a tag, behind the head", Purge{Tags: []string{"t"}}, 0},
	} {
		for _, soft := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.about, " soft=", soft), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					r := newRig(t, knobs{}, func(n int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
						if n > 1 {
							return give(sink, 200, "new", "cache-control", "max-age=60", "cache-tag", "t")
						}
						time.Sleep(tt.head)
						if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", "max-age=60", "cache-tag", "t"), Length: 3}); err != nil {
							return err
						}
						if _, err := sink.Write([]byte("o")); err != nil {
							return err
						}
						time.Sleep(3 * time.Second)
						if _, err := sink.Write([]byte("ld")); err != nil {
							return err
						}
						return sink.End(nil)
					})
					before := r.begin("GET", "/a")
					time.Sleep(time.Second)
					follower := r.begin("GET", "/a")
					synctest.Wait()
					tt.purge.Soft = soft
					if _, err := r.Purge(tt.purge); err != nil {
						t.Fatal(err)
					}
					if c := r.get("/a"); string(c.body) != "new" {
						t.Errorf("who comes after the purge gets %q", c.body)
					}
					if b, f := string(before.wait().body), string(follower.wait().body); b != "old" || f != "old" {
						t.Errorf("who came before it gets %q and %q", b, f)
					}
					if c := r.get("/a"); string(c.body) != "new" {
						t.Errorf("at the end %q is stored", c.body)
					}
				})
			})
		}
	}
}

// TestPurgedStandsIn: what was purged by a tag is no answer for who comes after
// that, if the origin fails; and others still wait for one fetch.
func TestPurgedStandsIn(t *testing.T) {
	for _, purged := range []bool{false, true} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, func(n int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
				if n == 1 {
					return give(sink, 200, "old", "cache-control", "max-age=5, stale-if-error=60", "cache-tag", "t")
				}
				if err := pause(ctx, 2*time.Second); err != nil {
					return err
				}
				return give(sink, 503, "")
			})
			if _, err := r.Purge(Purge{All: true}); err != nil { // of which what is stored later knows
				t.Fatal(err)
			}
			r.get("/a")
			time.Sleep(10 * time.Second)
			first := r.begin("GET", "/a")
			time.Sleep(time.Second)
			if purged {
				if _, err := r.Purge(Purge{Tags: []string{"t"}}); err != nil {
					t.Fatal(err)
				}
			}
			second := r.begin("GET", "/a")
			if c := first.wait(); c.text() != "old" {
				t.Errorf("the first gets %d %q", c.status, c.text())
			}
			if c := second.wait(); (c.text() == "old") == purged {
				t.Errorf("purged %t, and the second gets %d %q", purged, c.status, c.text())
			}
			if n := r.origin.count(); !purged && n != 2 {
				t.Errorf("the origin was asked %d times, want 2", n)
			}
		})
	}
}

// TestPurgeFiles: a site of files has keys without a host, and paths that were read.
func TestPurgeFiles(t *testing.T) {
	for _, tt := range []struct {
		purge Purge
		gone  bool
	}{
		{Purge{URLs: []string{"https://example.com/d/a.txt"}}, true},
		{Purge{URLs: []string{"https://other.com/d/%61.txt?query"}}, true},
		{Purge{URLs: []string{"https://example.com/d/b.txt"}}, false},
		{Purge{Prefixes: []string{"https://example.com/d/"}}, true},
		{Purge{Prefixes: []string{"https://example.com/e"}}, false},
		{Purge{Hosts: []string{"example.com"}}, true},
		{Purge{All: true}, true},
		{Purge{Tags: []string{"t"}}, false},
	} {
		for _, soft := range []bool{false, true} {
			inBubble(t, func(t *testing.T) {
				r, files := newFileRig(t, Config{}, func(context.Context, string, *origin.Answer) (origin.Answer, error) {
					return filed("body"), nil
				})
				r.get("/d/a.txt")
				tt.purge.Soft = soft
				if _, err := r.Purge(tt.purge); err != nil {
					t.Fatal(err)
				}
				r.get("/d/a.txt")
				synctest.Wait()
				want := int64(1)
				if tt.gone {
					want = 2
				}
				if n := files.fetches.Load(); n != want {
					t.Errorf("%+v: the disk is looked at %d times, want %d", tt.purge, n, want)
				}
			})
		}
	}
}

// TestPurgedHitAllocates nothing: a hit beside rules that are not about it.
func TestPurgedHitAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	r := newRig(t, knobs{}, always(200, "x", "cache-control", "max-age=60", "cache-tag", "a,b"))
	r.get("/a")
	hit := r.newClient("example.com", "GET", "/a")
	now := time.Now()
	rules := []Purge{{Tags: []string{"other"}}, {Prefixes: []string{"https://example.com/other"}}}
	for range 10 {
		for _, p := range rules {
			if _, err := r.Purge(p); err != nil {
				t.Fatal(err)
			}
		}
		if n := testing.AllocsPerRun(100, func() {
			if !r.Look(&hit.looked, &hit.request, now) || !r.Again(&hit.looked, now) {
				t.Fatal("no hit")
			}
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}
