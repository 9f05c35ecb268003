package edge

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/server/origin"
)

// TestNamedVariant: of a resource that varies by x, variants are stored, and the
// origin says with a 304 that one of them is the answer for another value, too
// (RFC 9111 §4.1). All that wait for this value get it, from one fetch.
func TestNamedVariant(t *testing.T) {
	varying := []string{"vary", "x", "etag", `"1"`, "cache-control", "max-age=10"}
	for _, tt := range []struct {
		about  string
		fields []string // of those that ask for the other value
		other  script
		status int
		body   string
		asked  int
		hits   bool // then; the one that was stored is a hit in any case
	}{
		{"the answer, and stored", nil, always(304, "", varying...), 200, "first", 2, true},
		{"a part of it", []string{"range", "bytes=1-2"}, always(304, "", varying...), 206, "ir", 2, true},
		{"its 304", []string{"if-none-match", `"1"`}, always(304, "", varying...), 304, "", 2, true},
		{"asked again if it names none", nil, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			if field(q.Fields, "if-none-match") != "" {
				return give(sink, 304, "", "etag", `"2"`)
			}
			return give(sink, 200, "second", "vary", "x", "etag", `"2"`, "cache-control", fresh)
		}, 200, "second", 3, true},
		{"not stored if the 304 forbids it", nil, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			if field(q.Fields, "if-none-match") == "" {
				return give(sink, 200, "first", "cache-control", "no-store")
			}
			return give(sink, 304, "", "etag", `"1"`, "cache-control", "no-store")
		}, 200, "first", 3, false},
	} {
		t.Run(tt.about, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{}, func(n int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
					if n == 1 || field(q.Fields, "x") == "1" {
						return give(sink, 200, "first", varying...)
					}
					if err := pause(ctx, time.Second); err != nil {
						return err
					}
					return tt.other(n, ctx, q, sink)
				})
				r.get("/a", "x", "1")
				leader := r.begin("GET", "/a", append(tt.fields, "x", "2")...)
				synctest.Wait()
				waiter := r.begin("GET", "/a", append(tt.fields, "x", "2")...)
				for _, c := range []*client{leader, waiter} {
					if c.wait(); c.status != tt.status || c.text() != tt.body {
						t.Errorf("%d %q", c.status, c.text())
					}
				}
				if n := r.origin.count(); n != tt.asked {
					t.Errorf("the origin was asked %d times, want %d", n, tt.asked)
				}
				for _, x := range []string{"1", "2"} {
					if c := r.get("/a", "x", x); c.hit != (tt.hits || x == "1") {
						t.Errorf("then, of value %s: hit %t", x, c.hit)
					}
				}
			})
		})
	}
}

// TestNamedVariantIsInvalidated: a change while the origin is asked leaves nothing
// of what it named.
func TestNamedVariantIsInvalidated(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, func(n int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
			if q.Method == "POST" {
				return give(sink, 200, "")
			}
			if n > 1 {
				if err := pause(ctx, time.Second); err != nil {
					return err
				}
			}
			if n == 2 {
				return give(sink, 304, "", "etag", `"1"`)
			}
			return give(sink, 200, "first", "vary", "x", "etag", `"1"`, "cache-control", fresh)
		})
		r.get("/a", "x", "1")
		c := r.begin("GET", "/a", "x", "2")
		synctest.Wait()
		r.ask("POST", "/a")
		if c.wait(); c.text() != "first" {
			t.Errorf("%d %q", c.status, c.text())
		}
		for _, x := range []string{"1", "2"} {
			if c := r.get("/a", "x", x); c.hit {
				t.Errorf("value %s is stored after the change", x)
			}
		}
	})
}
