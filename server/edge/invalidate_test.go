package edge

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/server/origin"
)

// TestInvalidation: a successful answer to an unsafe request makes obsolete what
// is stored of its target and of what Location and Content-Location name, of the
// same origin alone (RFC 9111 §4.4).
func TestInvalidation(t *testing.T) {
	for _, tt := range []struct {
		method string
		path   string
		status int
		fields []string
		gone   string // paths, of /a /b and /c
	}{
		{"POST", "/a", 200, nil, "/a"},
		{"PUT", "/a", 204, nil, "/a"},
		{"DELETE", "/a", 303, nil, "/a"},
		{"PATCH", "/a", 200, nil, "/a"},
		{"BREW", "/a", 200, nil, "/a"},
		{"OPTIONS", "/a", 200, nil, ""},
		{"PROPFIND", "/a", 200, nil, ""},
		{"POST", "/a", 400, nil, ""},
		{"POST", "/a", 500, nil, ""},
		{"POST", "/x", 201, []string{"location", "/b"}, "/b"},
		{"POST", "/x", 201, []string{"location", "https://example.com/b"}, "/b"},
		{"POST", "/x", 201, []string{"location", "https://EXAMPLE.com:443/b"}, "/b"},
		{"POST", "/a", 200, []string{"location", "b", "content-location", "c"}, "/a/b/c"},
		{"POST", "/x", 200, []string{"content-location", "/c"}, "/c"},
		{"POST", "/x", 201, []string{"location", "http://example.com/b"}, ""},
		{"POST", "/x", 201, []string{"location", "https://example.com:8443/b"}, ""},
		{"POST", "/x", 201, []string{"location", "https://other.com/b"}, ""},
		{"POST", "/x", 201, []string{"location", "//other.com/b"}, ""},
		{"POST", "/x", 404, []string{"location", "/b"}, ""},
	} {
		t.Run(fmt.Sprint(tt.method, tt.path, tt.status, tt.fields), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
					if q.Method != "GET" {
						return give(sink, tt.status, "", tt.fields...)
					}
					return give(sink, 200, "x", "cache-control", fresh, "vary", "accept-language")
				})
				paths := []string{"/a", "/b", "/c"}
				each := func(visit func(path, language string)) {
					for _, path := range paths {
						for _, language := range []string{"en", "de"} {
							visit(path, language)
						}
					}
				}
				each(func(path, language string) { r.get(path, "accept-language", language) })
				if c := r.ask(tt.method, tt.path); c.status != tt.status {
					t.Errorf("status %d", c.status)
				}
				gone := ""
				each(func(path, language string) {
					c := r.newClient("example.com", "GET", path, "accept-language", language)
					if !r.Look(&c.looked, &c.request, time.Now()) && language == "en" {
						gone += path
					} else if r.Look(&c.looked, &c.request, time.Now()) && language == "de" && gone != "" && gone[len(gone)-2:] == path {
						t.Errorf("one variant of %s stays", path)
					}
				})
				if gone != tt.gone {
					t.Errorf("gone: %q, want %q", gone, tt.gone)
				}
			})
		})
	}
}

// TestRememberedVariantIsInvalidated: a variant's own key, which a connection may
// remember, leads to nothing once the resource has changed.
func TestRememberedVariantIsInvalidated(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, always(200, "x", "cache-control", fresh, "vary", "cookie"))
		r.get("/a", "cookie", "a")
		hit := r.get("/a", "cookie", "a")
		if !hit.looked.Repeatable || !r.Again(&hit.looked, time.Now()) {
			t.Fatal("not remembered")
		}
		r.ask("POST", "/a")
		if r.Again(&hit.looked, time.Now()) {
			t.Error("served again")
		}
	})
}

// TestRememberedAuthorization: a connection that remembers a request with
// Authorization gets what may be shared with it, and nothing else that is stored
// under the same key later.
func TestRememberedAuthorization(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		control := "public, max-age=60"
		r := newRig(t, knobs{}, func(n int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
			return give(sink, 200, "x", "cache-control", control)
		})
		r.get("/a", "authorization", "Basic x")
		hit := r.get("/a", "authorization", "Basic x")
		if !hit.looked.Repeatable || !r.Again(&hit.looked, time.Now()) {
			t.Fatal("not remembered")
		}
		control = "max-age=60"
		r.ask("POST", "/a")
		time.Sleep(time.Second) // what is asked for later is no answer from before the change
		r.get("/a")
		if other := r.get("/a"); !other.looked.Repeatable || !r.Again(&other.looked, time.Now()) {
			t.Fatal("the other answer is not stored")
		}
		if r.Again(&hit.looked, time.Now()) {
			t.Error("served to a client with Authorization")
		}
	})
}

// TestChangeOvertakesFetch: an answer that was requested before a change is not
// stored after it, and a request after the change does not follow it.
func TestChangeOvertakesFetch(t *testing.T) {
	for _, kind := range []string{"miss", "validation", "in the background"} {
		t.Run(kind, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				version := "old"
				r := newRig(t, knobs{}, func(n int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
					if q.Method == "POST" {
						version = "new"
						return give(sink, 200, "")
					}
					v := version
					if n == 1 && kind != "miss" {
						return give(sink, 200, v, "cache-control", "max-age=1, stale-while-revalidate=60", "etag", `"`+v+`"`)
					}
					if err := pause(ctx, 2*time.Second); err != nil {
						return err
					}
					if field(q.Fields, "if-none-match") == `"`+v+`"` {
						return give(sink, 304, "", "cache-control", fresh)
					}
					return give(sink, 200, v, "cache-control", fresh)
				})
				switch kind {
				case "validation":
					r.get("/a")
					time.Sleep(2 * time.Minute)
				case "in the background":
					r.get("/a")
					time.Sleep(2 * time.Second)
				}
				before := r.begin("GET", "/a")
				synctest.Wait()
				time.Sleep(time.Second)
				r.ask("POST", "/a")
				time.Sleep(time.Millisecond)
				after := r.begin("GET", "/a")
				if before.wait(); before.text() != "old" {
					t.Errorf("the one that asked before has %q", before.text())
				}
				if after.wait(); after.text() != "new" {
					t.Errorf("the one that asked after has %q", after.text())
				}
				time.Sleep(3 * time.Second)
				if c := r.get("/a"); !c.hit || c.text() != "new" {
					t.Errorf("then: hit %t, %q", c.hit, c.text())
				}
			})
		})
	}
}

func TestChanges(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newChanges()
		before := time.Now()
		time.Sleep(time.Second)
		c.note("a")
		time.Sleep(time.Second)
		after := time.Now()
		if !c.since("a", before) || c.since("a", after) || c.since("b", before) {
			t.Error("one change")
		}
		for i := range maxChanges {
			c.note(fmt.Sprint(i))
		}
		if len(c.at) > maxChanges {
			t.Errorf("%d are remembered", len(c.at))
		}
		time.Sleep(time.Second)
		if !c.since("a", before) || !c.since("b", before) || c.since("b", time.Now()) {
			t.Error("what was forgotten counts as a change of all")
		}
	})
}
