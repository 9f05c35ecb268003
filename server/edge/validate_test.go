package edge

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// TestValidation: what is stored is stale; the origin is asked about it, and
// answers (RFC 9111 §4.3).
func TestValidation(t *testing.T) {
	first := []string{"cache-control", "max-age=10", "etag", `"1"`, "x-a", "old", "x-b", "old"}
	for _, tt := range []struct {
		about  string
		first  []string // nil: as above
		second script
		status int
		body   string
		xa, xb string
		hit    bool // then
		asked  int  // how often the origin was, then
	}{
		{"a 304 confirms and updates it (§3.2)", nil, func(n int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			if field(q.Fields, "if-none-match") != `"1"` {
				return errors.New("asked without the tag")
			}
			return give(sink, 304, "", "cache-control", "max-age=10", "etag", `"1"`, "x-a", "new")
		}, 200, "first", "new", "old", true, 2},
		{"a 304 without a tag confirms what was asked about", nil, always(304, "", "cache-control", "max-age=10"), 200, "first", "old", "old", true, 2},
		{"a 304 about another tag: asked again without conditions (§4.3.4)", nil, func(n int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			if field(q.Fields, "if-none-match") != "" {
				return give(sink, 304, "", "etag", `"other"`)
			}
			return give(sink, 200, "second", "cache-control", fresh)
		}, 200, "second", "", "", true, 3},
		{"a 304 that says no-store: served, and gone", nil, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			if field(q.Fields, "if-none-match") == "" {
				return give(sink, 200, "first", "cache-control", "no-store", "x-a", "old", "x-b", "old")
			}
			return give(sink, 304, "", "cache-control", "no-store", "etag", `"1"`)
		}, 200, "first", "old", "old", false, 3},
		{"a 200 replaces it", nil, always(200, "second", "cache-control", fresh), 200, "second", "", "", true, 2},
		{"a 404 replaces it", nil, always(404, "gone", "cache-control", fresh), 404, "gone", "", "", true, 2},
		{"a 200 that is private replaces it", nil, always(200, "second", "cache-control", "private"), 200, "second", "", "", false, 3},
		{"a 503 is passed on", nil, always(503, "down", "cache-control", "no-store"), 503, "down", "", "", false, 3},
		{"a 503, and it may stand in (RFC 5861 §4)", []string{"cache-control", "max-age=10, stale-if-error=100"}, always(503, "down"), 200, "first", "", "", false, 3},
		{"a 404 is no error to stand in for", []string{"cache-control", "max-age=10, stale-if-error=100"}, always(404, "gone", "cache-control", fresh), 404, "gone", "", "", true, 2},
		{"an error, and it may stand in", []string{"cache-control", "max-age=10, stale-if-error=100"}, func(int, context.Context, *origin.Request, origin.Sink) error {
			return errors.New("refused")
		}, 200, "first", "", "", false, 3},
		{"a short body, and it may stand in", []string{"cache-control", "max-age=10, stale-if-error=100"}, func(_ int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
			if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", fresh), Length: 10}); err != nil {
				return err
			}
			return errors.New("reset")
		}, 200, "first", "", "", false, 3},
		{"an error, and it may not", []string{"cache-control", "max-age=10, must-revalidate, stale-if-error=100"}, func(int, context.Context, *origin.Request, origin.Sink) error {
			return errors.New("refused")
		}, 502, "*", "", "", false, 3},
		{"a 500, and it may not stand in any more", []string{"cache-control", "max-age=10, stale-if-error=5", "etag", `"1"`}, always(500, "down"), 500, "down", "", "", false, 3},
	} {
		t.Run(tt.about, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				answer := tt.first
				if answer == nil {
					answer = first
				}
				r := newRig(t, knobs{}, func(n int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
					if n == 1 {
						return give(sink, 200, "first", answer...)
					}
					if err := pause(ctx, time.Second); err != nil {
						return err
					}
					return tt.second(n, ctx, q, sink)
				})
				r.get("/a")
				time.Sleep(20 * time.Second)
				leader := r.begin("GET", "/a")
				synctest.Wait()
				waiter := r.begin("GET", "/a")
				if leader.wait(); leader.status != tt.status || tt.body != "*" && leader.text() != tt.body || leader.field("x-a") != tt.xa || leader.field("x-b") != tt.xb {
					t.Errorf("%d %q, x-a %q, x-b %q", leader.status, leader.text(), leader.field("x-a"), leader.field("x-b"))
				}
				if waiter.wait(); waiter.status != tt.status {
					t.Errorf("the one that waited has %d", waiter.status)
				}
				if n := r.origin.count(); n > tt.asked {
					t.Errorf("the origin was asked %d times", n)
				}
				if c := r.get("/a"); c.hit != tt.hit {
					t.Errorf("then: hit %t", c.hit)
				}
				if c := r.get("/a"); tt.hit && (c.text() != tt.body || c.field("x-a") != tt.xa) {
					t.Errorf("then: %q, x-a %q", c.text(), c.field("x-a"))
				}
			})
		})
	}
}

// TestStaleWhileRevalidate: no client ever waits, and one fetch in the background
// renews what is stored (RFC 5861 §3).
func TestStaleWhileRevalidate(t *testing.T) {
	for _, tt := range []struct {
		about   string
		second  script
		after   string // what a hit has then; "": no hit
		outcome metrics.RevalidationOutcome
	}{
		{"current", always(304, "", "cache-control", "max-age=10, stale-while-revalidate=100", "etag", `"1"`), "first", metrics.RevalidationSame},
		{"changed", always(200, "second", "cache-control", fresh), "second", metrics.RevalidationChanged},
		{"gone", always(404, "gone", "cache-control", "no-store"), "", metrics.RevalidationChanged},
		{"failed", func(int, context.Context, *origin.Request, origin.Sink) error { return errors.New("no") }, "first", metrics.RevalidationError},
		{"down", always(503, "down"), "first", metrics.RevalidationError},
		{"short", func(_ int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
			return sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", fresh), Length: 10})
		}, "first", metrics.RevalidationError},
		{"endless", func(n int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
			if n > 2 {
				return give(sink, 200, "")
			}
			if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", fresh), Length: -1}); err != nil {
				return err
			}
			for {
				if _, err := sink.Write(make([]byte, 1<<16)); err != nil {
					return err
				}
			}
		}, "", metrics.RevalidationChanged},
	} {
		t.Run(tt.about, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{}, func(n int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
					if n == 1 {
						return give(sink, 200, "first", "cache-control", "max-age=10, stale-while-revalidate=100", "etag", `"1"`)
					}
					if n == 2 && (field(q.Fields, "if-none-match") != `"1"` || field(q.Fields, "range") != "" || q.Method != "GET") {
						t.Errorf("the origin was asked %s %v", q.Method, q.Fields)
					}
					if err := pause(ctx, time.Second); err != nil {
						return err
					}
					return tt.second(n, ctx, q, sink)
				})
				r.get("/a")
				time.Sleep(9999 * time.Millisecond)
				if c := r.get("/a"); !c.hit || r.origin.count() != 1 {
					t.Error("fresh, and yet the origin was asked")
				}
				time.Sleep(time.Second)
				r.get("/a", "cache-control", "no-store")
				if synctest.Wait(); r.origin.count() != 1 {
					t.Error("a request whose answer must not be stored began a revalidation")
				}
				for i := range 50 {
					began := time.Now()
					c := r.get("/a", "range", "bytes=0-9", "if-none-match", fmt.Sprintf(`"%d"`, i+10))
					if !c.hit || !time.Now().Equal(began) || c.text() != "first" {
						t.Fatalf("hit %t, %q, %v", c.hit, c.text(), time.Since(began))
					}
					synctest.Wait()
				}
				if n := r.origin.count(); n != 2 {
					t.Errorf("%d fetches, want the first and one in the background", n)
				}
				time.Sleep(1001 * time.Millisecond)
				switch c := r.begin("HEAD", "/a").wait(); {
				case c.hit != (tt.after != ""):
					t.Errorf("then: hit %t", c.hit)
				case c.hit && c.length != int64(len(tt.after)):
					t.Errorf("then: %d bytes, want %q", c.length, tt.after)
				}
				if n := r.metrics.Revalidations.Value(tt.outcome); n == 0 {
					t.Error("not counted")
				}
				if tt.outcome == metrics.RevalidationError {
					time.Sleep(recheckPause)
					r.get("/a")
					if synctest.Wait(); r.origin.count() < 3 {
						t.Error("not tried again after the pause")
					}
					time.Sleep(100 * time.Second)
					if c := r.begin("GET", "/a").wait(); c.hit {
						t.Error("served after its time")
					}
				}
			})
		})
	}
}

// TestRevalidationsAreBounded: hits start no more fetches than there are
// permits, and none of them waits.
func TestRevalidationsAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			if field(q.Fields, "if-none-match") != "" {
				<-release
				return give(sink, 304, "", "cache-control", fresh)
			}
			return give(sink, 200, "x", "cache-control", "max-age=1, stale-while-revalidate=100", "etag", `"x"`)
		})
		const keys = maxRevalidations + 10
		hitAll := func() {
			for i := range keys {
				r.get(fmt.Sprint("/", i))
			}
			synctest.Wait()
		}
		hitAll()
		time.Sleep(2 * time.Second)
		hitAll()
		if n := r.origin.count() - keys; n != maxRevalidations {
			t.Errorf("%d revalidations at once", n)
		}
		close(release)
		time.Sleep(recheckPause)
		hitAll()
		if n := r.origin.count() - keys; n != keys {
			t.Errorf("%d revalidations in all", n)
		}
	})
}

// TestHead: the answer to a HEAD confirms what is stored of a GET, or shows that
// it is obsolete (RFC 9111 §4.3.5).
func TestHead(t *testing.T) {
	for _, tt := range []struct {
		about  string
		length int64
		fields []string
		hit    bool
	}{
		{"the same tag and length", 5, []string{"etag", `"1"`, "cache-control", fresh}, true},
		{"neither tag nor length", -1, []string{"cache-control", fresh}, true},
		{"another tag", 5, []string{"etag", `"2"`, "cache-control", fresh}, false},
		{"another length", 6, []string{"etag", `"1"`, "cache-control", fresh}, false},
	} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
				if q.Method != "HEAD" {
					return give(sink, 200, "first", "cache-control", "max-age=10", "etag", `"1"`)
				}
				if err := sink.Head(origin.Head{Status: 200, Fields: fields(tt.fields...), Length: tt.length}); err != nil {
					return err
				}
				return sink.End(nil)
			})
			r.get("/a")
			time.Sleep(20 * time.Second)
			if c := r.ask("HEAD", "/a"); c.status != 200 || c.text() != "" || c.broken != nil {
				t.Errorf("%s: HEAD has %d, %v", tt.about, c.status, c.broken)
			}
			if c := r.get("/a"); c.hit != tt.hit || c.text() != "first" {
				t.Errorf("%s: hit %t, %q", tt.about, c.hit, c.text())
			}
			if n := r.origin.count(); n != map[bool]int{true: 2, false: 3}[tt.hit] {
				t.Errorf("%s: %d fetches", tt.about, n)
			}
			if q := r.origin.last(); !tt.hit && q.field("if-none-match") != "" {
				t.Errorf("%s: what is obsolete was asked about", tt.about)
			}
		})
	}
}

// TestStaleOnErrorRules: a site's stale-if-error applies to what does not say so
// itself.
func TestStaleOnErrorRules(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{rules: rfc9111.Rules{StaleIfError: time.Minute}}, func(n int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
			if n == 1 {
				return give(sink, 200, "first", "cache-control", "max-age=10")
			}
			return give(sink, 500, "down")
		})
		r.get("/a")
		time.Sleep(20 * time.Second)
		if c := r.get("/a"); c.status != 200 || c.text() != "first" || c.outcome.Status != "hotpath; fwd=stale; fwd-status=500; detail=stale_on_error" {
			t.Errorf("%d %q, %q", c.status, c.text(), c.outcome.Status)
		}
		time.Sleep(time.Minute)
		if c := r.get("/a"); c.status != 500 {
			t.Errorf("after its time: %d", c.status)
		}
	})
}
