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
)

// TestArrivingIsCounted: what arrives is taken from the ledger before it comes,
// is the cache's once it is stored, and lingers while it is sent if it is not.
func TestArrivingIsCounted(t *testing.T) {
	const size = 100_000
	for _, tt := range []struct {
		length int64
		late   string // what happens while the body is being sent
	}{{size, "stored"}, {-1, "stored"}, {size, "evicted"}, {-1, "evicted"}, {size, "broken"}, {-1, "broken"}} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{bytes: 4 * size}, func(_ int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
					if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", fresh), Length: tt.length}); err != nil {
						return err
					}
					for range 2 {
						if _, err := sink.Write([]byte(strings.Repeat("x", size/2))); err != nil {
							return err
						}
						if err := pause(ctx, time.Second); err != nil {
							return err
						}
					}
					if tt.late == "broken" {
						return fmt.Errorf("reset")
					}
					return sink.End(nil)
				})
				slow := r.newClient("example.com", "GET", "/a")
				slow.pace = time.Minute
				slow.start()
				stats := func() (arriving, lingering, used int64) {
					synctest.Wait()
					s := r.store.Ledger().Stats()
					return s.Arriving, s.Lingering, r.store.Cache().Used()
				}
				counted := int64(size / 2)
				if tt.length > 0 {
					counted = size // all of it, by its declared length
				}
				if a, l, u := stats(); a < counted || a > counted+10_000 || l != 0 || u != a {
					t.Errorf("half of it: %d bytes arriving, %d lingering, %d used", a, l, u)
				}
				time.Sleep(2500 * time.Millisecond)
				switch tt.late {
				case "evicted":
					r.store.Cache().Purge()
					fallthrough
				case "broken":
					if a, l, u := stats(); a != 0 || l < size || l > size+10_000 || u != l {
						t.Errorf("%s: %d bytes arriving, %d lingering, %d used", tt.late, a, l, u)
					}
				default:
					if a, l, u := stats(); a != 0 || l != 0 || u < size || u > size+10_000 {
						t.Errorf("stored: %d bytes arriving, %d lingering, %d used", a, l, u)
					}
				}
				slow.wait()
				if _, l, u := stats(); l != 0 || tt.late != "stored" && u != 0 {
					t.Errorf("then: %d bytes linger, %d are used", l, u)
				}
			})
		})
	}
}

// TestSmallAnswersHoldNothingElse: an entry that was not followed is one response,
// and what the cache counts for it is not less.
func TestSmallAnswersHoldNothingElse(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, always(200, "x", "cache-control", fresh))
		r.get("/a")
		c := r.get("/a")
		if !c.hit || c.looked.Response.Whole != nil {
			t.Error("the head that was made while the body came stays in memory")
		}
	})
}

// TestBodiesFit: a body whose length was not known does not keep the memory that
// it grew into.
func TestBodiesFit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, func(_ int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
			if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", fresh), Length: -1}); err != nil {
				return err
			}
			for range 33 {
				if _, err := sink.Write(make([]byte, 1000)); err != nil {
					return err
				}
			}
			return sink.End(nil)
		})
		r.get("/a")
		c := r.get("/a")
		if body := c.looked.Response.Body; !c.hit || len(body) != 33_000 || cap(body) > 36_000 {
			t.Errorf("hit %t, %d bytes in memory of %d", c.hit, len(body), cap(body))
		}
	})
}

// TestManyVariants: a resource with more variants than are stored of one is served
// all the same.
func TestManyVariants(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			return give(sink, 200, field(q.Fields, "x-id"), "cache-control", fresh, "vary", "x-id")
		})
		hits := 0
		for i := range 100 {
			if c := r.get("/a", "x-id", fmt.Sprint(i%50)); c.text() != fmt.Sprint(i%50) {
				t.Fatalf("%q for %d", c.text(), i%50)
			} else if c.hit {
				hits++
			}
		}
		if hits != 32 {
			t.Errorf("%d of 50 variants are stored", hits)
		}
	})
}

// TestCacheStatus: each way to an answer is reported (RFC 9211).
func TestCacheStatus(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{rules: rfc9111.Rules{HonorRequest: true}}, func(_ int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
			switch {
			case q.Path == "/private":
				return give(sink, 200, "x", "cache-control", "private")
			case field(q.Fields, "if-none-match") != "":
				return give(sink, 304, "", "cache-control", fresh)
			}
			return give(sink, 200, "x", "cache-control", fresh, "etag", `"x"`)
		})
		var got []string
		note := func(c *client) { got = append(got, c.wait().outcome.Status) }
		first := r.begin("GET", "/a")
		synctest.Wait()
		second := r.begin("GET", "/a")
		note(first)
		note(second)
		note(r.get("/a"))
		note(r.get("/a", "cache-control", "no-cache"))
		note(r.get("/private"))
		note(r.get("/private"))
		note(r.ask("POST", "/a"))
		note(r.get("/b", "cache-control", "only-if-cached"))
		want := []string{
			"hotpath; fwd=uri-miss; stored",
			"hotpath; fwd=uri-miss; stored; collapsed",
			"hotpath; hit",
			"hotpath; fwd=stale; fwd-status=304; stored; detail=revalidated",
			"hotpath; fwd=uri-miss; detail=private",
			"hotpath; fwd=miss; detail=private",
			"hotpath; fwd=method",
			"hotpath; detail=only_if_cached",
		}
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], "; fwd-status=200", "")
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
