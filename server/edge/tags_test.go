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
