package edge

import (
	"context"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/server/origin"
)

// TestGroups: the answer to an unsafe request purges the groups that it names, of its
// own host (RFC 9875).
func TestGroups(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		invalidates := ""
		r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			if q.Method == "POST" {
				status := 200
				if q.Path == "/fails" {
					status = 500
				}
				return give(sink, status, "", "cache-group-invalidation", invalidates)
			}
			return give(sink, 200, "x", "cache-control", "max-age=60", "cache-groups", `"list", "it\"s"`, "cache-group-invalidation", `"list"`)
		})
		for _, tt := range []struct {
			host, method, path, groups string
			gone                       bool
		}{
			{"example.com", "POST", "/change", `"list"`, true},
			{"example.com", "POST", "/change", `"other", "it\"s";a=1`, true},
			{"example.com", "POST", "/change", `"other"`, false},
			{"example.com", "POST", "/change", `"list", `, false}, // malformed
			{"example.com", "POST", "/fails", `"list"`, false},
			{"example.com", "GET", "/safe", `"list"`, false},
			{"other.com", "POST", "/change", `"list"`, false},
		} {
			r.get("/a")
			invalidates = tt.groups
			r.beginAt(tt.host, tt.method, tt.path).wait()
			if gone := !strings.HasPrefix(r.get("/a").outcome.Status, "hotpath; hit"); gone != tt.gone {
				t.Errorf("%+v: purged %t", tt, gone)
			}
		}
	})
}

// TestTooManyTags: a response with more tags than are told apart is purged with any
// tag, which the log says.
func TestTooManyTags(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		many := strings.Repeat("t ", 1025)
		r := newRig(t, knobs{}, always(200, "x", "cache-control", "max-age=60", "surrogate-key", many))
		r.get("/a")
		if _, err := r.Purge(Purge{Tags: []string{"another"}}); err != nil {
			t.Fatal(err)
		}
		if c := r.get("/a"); strings.HasPrefix(c.outcome.Status, "hotpath; hit") {
			t.Error("it stays")
		}
		r.settle()
		if !strings.Contains(r.log.String(), "too many tags") {
			t.Errorf("the log: %s", r.log)
		}
	})
}

// TestTooManyGroups: a response with more groups than are told apart is purged with any
// group of its host.
func TestTooManyGroups(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		many := strings.Repeat(`"g", `, 1024) + `"g"`
		r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			if q.Method == "POST" {
				return give(sink, 200, "", "cache-group-invalidation", `"another"`)
			}
			return give(sink, 200, "x", "cache-control", "max-age=60", "cache-groups", many)
		})
		r.get("/a")
		r.beginAt("other.com", "POST", "/change").wait()
		if c := r.get("/a"); !strings.HasPrefix(c.outcome.Status, "hotpath; hit") {
			t.Error("a group of another host purged it")
		}
		r.beginAt("example.com", "POST", "/change").wait()
		if c := r.get("/a"); strings.HasPrefix(c.outcome.Status, "hotpath; hit") {
			t.Error("it stays")
		}
	})
}

// TestLargeTags: however many tags an origin sends, and however long they are, its
// response takes no more memory for them than for the most that are told apart, it is
// served, and what an explanation shows of them is bounded.
func TestLargeTags(t *testing.T) {
	for _, tt := range []struct {
		name, tags string
		apart      bool // a purge of another tag leaves it
	}{
		{"10,000 tags", strings.Repeat("tag ", 10_000), false},
		{"a tag of 100 KiB", strings.Repeat("t", 100<<10), true},
	} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, always(200, "x", "cache-control", "max-age=60", "surrogate-key", tt.tags))
			r.get("/a")
			if c := r.get("/a"); c.outcome.Status != "hotpath; hit" {
				t.Fatalf("%s: %s", tt.name, c.outcome.Status)
			}
			x, err := r.Explain(Question{URL: "https://example.com/a"})
			if err != nil || len(x.Variants) != 1 {
				t.Fatalf("%s: %+v, %v", tt.name, x, err)
			}
			if v := x.Variants[0]; len(v.Tags) > maxExplainedTags || len(strings.Join(v.Tags, "")) > maxExplainedTags*(maxExplainedValue+len("…")) {
				t.Errorf("%s: an explanation has %d tags of %d bytes together", tt.name, len(v.Tags), len(strings.Join(v.Tags, "")))
			}
			if _, err := r.Purge(Purge{Tags: []string{"another"}}); err != nil {
				t.Fatal(err)
			}
			if c := r.get("/a"); strings.HasPrefix(c.outcome.Status, "hotpath; hit") != tt.apart {
				t.Errorf("%s: after the purge of another: %s", tt.name, c.outcome.Status)
			}
		})
	}
}
