package edge

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

const lastModified = "Sat, 01 Jan 2000 00:00:00 GMT"

// honest is an origin that does as RFC 9110 says: it is what a cache must not
// differ from.
func honest(control string) script {
	return func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
		r := message.Stored(200, fields("cache-control", control, "etag", `"a"`, "last-modified", lastModified, "date", "Sat, 01 Jan 2000 00:00:10 GMT"), []byte("0123456789"), 1)
		r = message.Select(&q.Request, r)
		h := origin.Head{Status: r.Status, Fields: withoutLength(r.Fields), Length: int64(len(r.Body))}
		if err := sink.Head(h); err != nil {
			return err
		}
		if q.Method != "HEAD" && r.Status != 304 {
			if _, err := sink.Write(r.Body); err != nil {
				return err
			}
		}
		return sink.End(nil)
	}
}

// TestConditionsOnMiss: conditions and ranges of a request that misses are
// answered as for a hit, whether the answer is stored or not.
func TestConditionsOnMiss(t *testing.T) {
	for _, tt := range []struct {
		about  string
		method string
		fields []string
		status int
		body   string
		asked  int // how often the origin is for what may not be stored, 1 if 0
	}{
		{"none", "GET", nil, 200, "0123456789", 0},
		{"the client's copy is current", "GET", []string{"if-none-match", `"a"`}, 304, "", 0},
		{"by its date", "GET", []string{"if-modified-since", lastModified}, 304, "", 0},
		{"the tag counts, not the date", "GET", []string{"if-none-match", `"b"`, "if-modified-since", lastModified}, 200, "0123456789", 0},
		{"another copy", "GET", []string{"if-none-match", `"b"`}, 200, "0123456789", 0},
		{"a range", "GET", []string{"range", "bytes=2-4"}, 206, "234", 2},
		{"the end", "GET", []string{"range", "bytes=-2"}, 206, "89", 2},
		{"no such range", "GET", []string{"range", "bytes=10-"}, 416, "*", 2},
		{"what is no range", "GET", []string{"range", "lines=1-2"}, 200, "0123456789", 2},
		{"If-Range is true", "GET", []string{"range", "bytes=2-4", "if-range", `"a"`}, 206, "234", 2},
		{"If-Range is false", "GET", []string{"range", "bytes=2-4", "if-range", `"b"`}, 200, "0123456789", 0},
		{"a condition comes before a range", "GET", []string{"range", "bytes=2-4", "if-none-match", `"a"`}, 304, "", 0},
		{"If-Match is false", "GET", []string{"if-match", `"b"`}, 412, "*", 0},
		{"If-Match is true", "GET", []string{"if-match", `"a"`}, 200, "0123456789", 0},
		{"HEAD", "HEAD", nil, 200, "", 0},
		{"HEAD with a condition", "HEAD", []string{"if-none-match", `"a"`}, 304, "", 0},
		{"HEAD has no ranges", "HEAD", []string{"range", "bytes=2-4"}, 200, "", 0},
	} {
		for _, control := range []string{fresh, "private", "no-store"} {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{}, honest(control))
				c := r.ask(tt.method, "/a", tt.fields...)
				if c.status != tt.status || tt.body != "*" && c.text() != tt.body || c.broken != nil {
					t.Errorf("%s, %s: %d %q, %v; want %d %q", tt.about, control, c.status, c.text(), c.broken, tt.status, tt.body)
				}
				want := 1
				if control != fresh {
					want = max(tt.asked, 1)
				}
				if n := r.origin.count(); n != want {
					t.Errorf("%s, %s: the origin was asked %d times, want %d", tt.about, control, n, want)
				}
				whole := tt.method == "GET" && field(fields(tt.fields...), "if-match") == ""
				if hit := r.get("/a"); hit.hit != (whole && control == fresh) || hit.text() != "0123456789" {
					t.Errorf("%s, %s: then hit %t, %q", tt.about, control, hit.hit, hit.text())
				}
				if again := r.ask(tt.method, "/a", tt.fields...); again.status != tt.status || tt.body != "*" && again.text() != tt.body {
					t.Errorf("%s, %s: again %d %q", tt.about, control, again.status, again.text())
				}
				if n := r.origin.count(); control != fresh && n > want+2 {
					t.Errorf("%s, %s: of what is known not to be stored the range was asked for twice: %d", tt.about, control, n)
				}
			})
		}
	}
}

// TestRangeOfLarge: a range of what is too large to be stored is asked for
// itself.
func TestRangeOfLarge(t *testing.T) {
	large := strings.Repeat("x", 1000)
	for _, second := range []string{"a range", "an error", "a broken answer"} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{config: Config{MaxStored: 999}}, func(_ int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
				if err := pause(ctx, time.Second); err != nil {
					return err
				}
				switch {
				case field(q.Fields, "range") == "":
					return give(sink, 200, large, "cache-control", fresh, "etag", `"a"`)
				case second == "an error":
					return fmt.Errorf("refused")
				case second == "a broken answer":
					return sink.Head(origin.Head{Status: 206, Length: 3})
				}
				return give(sink, 206, large[:3], "content-range", "bytes 0-2/1000")
			})
			leader, waiter := r.begin("GET", "/a", "range", "bytes=0-2"), r.begin("GET", "/a", "range", "bytes=0-2")
			for _, c := range []*client{leader, waiter} {
				c.wait()
				switch {
				case second == "a range" && (c.status != 206 || c.text() != "xxx"):
					t.Errorf("%d, %d bytes", c.status, len(c.text()))
				case second == "an error" && (c.status != 502 || c.answers != 1):
					t.Errorf("%d, %d answers", c.status, c.answers)
				case second == "a broken answer" && c.broken == nil:
					t.Error("not broken off")
				}
			}
		})
	}
}

// TestRangesOfOneUser: a range that is asked for with Authorization or no-store
// is asked for itself at once, not after the whole.
func TestRangesOfOneUser(t *testing.T) {
	for _, asked := range [][]string{{"authorization", "x"}, {"cache-control", "no-store"}} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, honest("private"))
			c := r.get("/a", append(asked, "range", "bytes=2-4")...)
			if c.status != 206 || c.text() != "234" || r.origin.count() != 1 {
				t.Errorf("%v: %d %q, %d fetches", asked, c.status, c.text(), r.origin.count())
			}
		})
	}
}
