package edge

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// TestAge: what the origin made for a request has no age but the origin's own, for
// a hit it is that of what is stored (RFC 9111 §5.1).
func TestAge(t *testing.T) {
	for _, tt := range []struct {
		sentence string
		from     []string // the origin's fields
		fields   []string // the request's
		body     string
		status   int
		miss     string
		hit      string
	}{
		{"A miss has none.", nil, nil, "page", 200, "", "10"},
		{"An old Date does not make one.", []string{"date", "Fri, 31 Dec 1999 23:59:55 GMT"}, nil, "page", 200, "", "15"},
		{"That of a cache on the way goes on.", []string{"age", "7"}, nil, "page", 200, "7", "17"},
		{"A 304 to the client is no other.", []string{"etag", `"a"`}, []string{"if-none-match", `"a"`}, "", 304, "", "10"},
		{"Nor is a part.", []string{"etag", `"a"`}, []string{"range", "bytes=0-1"}, "pa", 206, "", "10"},
		{"Nor are several.", []string{"etag", `"a"`}, []string{"range", "bytes=0-0,2-2"}, "*", 206, "", "10"},
		{"A field of the origin's that is not stored.", []string{"cache-control", `private="x"`, "x", "y"}, nil, "page", 200, "", "10"},
		{"Nothing is stored.", []string{"cache-control", "no-store"}, nil, "page", 200, "", ""},
		{"A 304 to what is not stored.", []string{"cache-control", "no-store", "etag", `"a"`}, []string{"if-none-match", `"a"`}, "", 304, "", ""},
	} {
		for _, length := range []bool{true, false} {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{}, func(_ int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
					h := origin.Head{Status: 200, Fields: fields(append([]string{"cache-control", fresh}, tt.from...)...), Length: -1}
					if length {
						h.Length = 4
					}
					if err := sink.Head(h); err != nil {
						return err
					}
					if _, err := io.WriteString(sink, "page"); err != nil {
						return err
					}
					return sink.End(nil)
				})
				c := r.get("/a", tt.fields...)
				if c.status != tt.status || c.text() != tt.body && tt.body != "*" || c.age != tt.miss {
					t.Errorf("%s A miss (length: %t): %d %q, age %q, want %q", tt.sentence, length, c.status, c.text(), c.age, tt.miss)
				}
				time.Sleep(10 * time.Second)
				if c := r.get("/a", tt.fields...); c.status != tt.status || c.hit != (tt.hit != "") || c.age != tt.hit {
					t.Errorf("%s A hit (length: %t): %d, %t, age %q, want %q", tt.sentence, length, c.status, c.hit, c.age, tt.hit)
				}
			})
		}
	}
}

// TestNotForwarded: what is answered in place of an upstream is not forwarded,
// and does not say that it was.
func TestNotForwarded(t *testing.T) {
	const allowed = "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE"
	for _, tt := range []struct {
		sentence, method string
		fields           []string
		status           int
		allow            string
		forwarded        bool
	}{
		{"TRACE would show secrets.", "TRACE", []string{"cookie", "a=b"}, 405, allowed, false},
		{"It does at any distance.", "TRACE", []string{"max-forwards", "5"}, 405, allowed, false},
		{"A tunnel to any host is for a forward proxy.", "CONNECT", nil, 405, "GET, HEAD, OPTIONS", false},
		{"OPTIONS is for us.", "OPTIONS", []string{"max-forwards", "0"}, 200, "", false},
		{"So it is with more digits.", "OPTIONS", []string{"max-forwards", "00"}, 200, "", false},
		{"OPTIONS is for the origin.", "OPTIONS", nil, 200, "", true},
		{"So it is with a forward left.", "OPTIONS", []string{"max-forwards", "1"}, 200, "", true},
		{"What is no number does not count.", "OPTIONS", []string{"max-forwards", "-0"}, 200, "", true},
		{"Nothing does not either.", "OPTIONS", []string{"max-forwards", ""}, 200, "", true},
		{"Other methods have no such limit.", "POST", []string{"max-forwards", "0"}, 200, "", true},
	} {
		r := newRig(t, knobs{}, always(200, ""))
		c := r.ask(tt.method, "/a", tt.fields...)
		if c.status != tt.status || c.field("allow") != tt.allow {
			t.Errorf("%s %d, allow %q", tt.sentence, c.status, c.field("allow"))
		}
		if got := r.origin.count() == 1; got != tt.forwarded {
			t.Errorf("%s Forwarded: %t", tt.sentence, got)
		}
		if got := c.outcome.Status != ""; got != tt.forwarded {
			t.Errorf("%s %q", tt.sentence, c.outcome.Status)
		}
	}
}

// TestServe is a directory on the fast and the slow path, empty and warm.
func TestServe(t *testing.T) {
	d, root := newDirectory(t, origin.DirectoryConfig{MaxStored: 1000})
	modified := time.Now().Add(-time.Hour).Truncate(time.Second)
	write(t, root+"/index.html", "<p>top", modified)
	write(t, root+"/file.txt", "0123456789", modified)
	write(t, root+"/docs/index.html", "<p>docs", modified)
	write(t, root+"/large.bin", strings.Repeat("x", 1001), modified)
	r := newRig(t, knobs{files: d}, nil)
	for _, tt := range []struct {
		method, target string
		header         []string
		status         int
		body           string
		field, value   string // one that must be there
	}{
		{"GET", "/", nil, 200, "<p>top", "content-type", "text/html; charset=utf-8"},
		{"GET", "/file.txt", nil, 200, "0123456789", "content-length", "10"},
		{"GET", "/file.txt?v=1", nil, 200, "0123456789", "accept-ranges", "bytes"},
		{"HEAD", "/file.txt", nil, 200, "", "content-length", "10"},
		{"GET", "/file.txt", []string{"range", "bytes=2-4"}, 206, "234", "content-range", "bytes 2-4/10"},
		{"GET", "/file.txt", []string{"range", "bytes=0-4,2-6"}, 200, "0123456789", "content-length", "10"},
		{"GET", "/file.txt", []string{"range", "bytes=10-"}, 416, "*", "content-range", "bytes */10"},
		{"HEAD", "/file.txt", []string{"range", "bytes=2-4"}, 200, "", "content-length", "10"},
		{"GET", "/file.txt", []string{"if-match", `"other"`}, 412, "", "", ""},
		{"GET", "/file.txt", []string{"if-none-match", "*"}, 304, "", "", ""},
		{"GET", "/file.txt", []string{"if-modified-since", modified.UTC().Format(http.TimeFormat)}, 304, "", "", ""},
		{"GET", "/large.bin", []string{"range", "bytes=-2"}, 206, "xx", "content-type", "application/octet-stream"},
		{"GET", "/large.bin", nil, 200, "*", "", ""},
		{"GET", "/none", nil, 404, "*", "content-type", "text/html; charset=utf-8"},
		{"HEAD", "/none", nil, 404, "", "content-type", "text/html; charset=utf-8"},
		{"GET", "/docs", nil, 301, "*", "location", "/docs/"},
		{"GET", "/docs?a=%20b", nil, 301, "*", "location", "/docs/?a=%20b"},
		{"GET", "//docs?a", nil, 301, "*", "location", "/docs/?a"},
		{"GET", "/docs?\xff", nil, 301, "*", "location", "/docs/"},
		{"GET", "/%zz", nil, 400, "*", "", ""},
		{"GET", "/../file.txt", nil, 400, "*", "", ""},
		{"GET", "/%00", nil, 400, "*", "", ""},
		{"POST", "/file.txt", nil, 405, "*", "allow", "GET, HEAD, OPTIONS"},
		{"BREW", "/", nil, 405, "*", "allow", "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/file.txt", nil, 204, "", "allow", "GET, HEAD, OPTIONS"},
		{"OPTIONS", "*", nil, 204, "", "allow", "GET, HEAD, OPTIONS"},
		{"GET", "/file.txt", []string{"cache-control", "only-if-cached"}, 0, "*", "", ""}, // 504 if it is not stored
	} {
		for _, warm := range []bool{false, true} {
			r.settle()
			r.store.Cache().Purge()
			status, body := tt.status, tt.body
			if warm {
				r.get("/file.txt")
			}
			if status == 0 {
				status = map[bool]int{false: 504, true: 200}[warm]
			}
			c := r.ask(tt.method, tt.target, tt.header...)
			if c.status != status || body != "*" && c.text() != body || body == "*" && len(c.text()) == 0 {
				t.Errorf("%s %s %v, warm %t: %d %q", tt.method, tt.target, tt.header, warm, c.status, c.text())
			}
			if got := c.field(tt.field); tt.field != "" && got != tt.value {
				t.Errorf("%s %s %v: %s %q, want %q", tt.method, tt.target, tt.header, tt.field, got, tt.value)
			}
		}
	}
}

// TestChangedFile: a changed file is served new within 2 s, whether its key is
// hit all the time, now and then, or only at the last moment, and whenever the
// change comes.
func TestChangedFile(t *testing.T) {
	for _, every := range []time.Duration{3 * time.Millisecond, 400 * time.Millisecond, 999 * time.Millisecond, 1900 * time.Millisecond} {
		for _, change := range []string{"rewritten", "removed"} {
			t.Run(fmt.Sprint(change, " with a hit every ", every), func(t *testing.T) {
				d, root := newDirectory(t, origin.DirectoryConfig{})
				synctest.Test(t, func(t *testing.T) { changeFile(t, d, root, every, change == "removed") })
			})
		}
	}
}

func changeFile(t *testing.T, d *origin.Directory, root string, every time.Duration, remove bool) {
	r := newRig(t, knobs{files: d}, nil)
	request := func() string {
		if c := r.get("/file"); c.status == 200 {
			return c.text()
		}
		return ""
	}
	for _, offset := range []time.Duration{0, time.Millisecond, 500 * time.Millisecond, 999 * time.Millisecond, 1500 * time.Millisecond} {
		write(t, root+"/file", "old", time.Now().Add(-time.Hour))
		r.store.Cache().Purge()
		if request() != "old" {
			t.Fatal("not the old one at first")
		}
		time.Sleep(offset)
		request()
		want := "new"
		if remove {
			want = ""
			if err := os.Remove(root + "/file"); err != nil {
				t.Fatal(err)
			}
		} else {
			write(t, root+"/file", "new", time.Now())
		}
		changed := time.Now()
		for request() != want {
			if time.Since(changed) >= 2*time.Second {
				t.Fatalf("changed %v after the fetch, still old %v later", offset, time.Since(changed))
			}
			time.Sleep(every)
		}
		synctest.Wait()
	}
}

// TestEviction: what was not asked for again leaves, and what is larger than the cache
// is served all the same.
func TestEviction(t *testing.T) {
	const size = 4096
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{bytes: 8 * size}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			if q.Path == "/large" {
				return give(sink, 200, strings.Repeat("x", 10*size), "cache-control", fresh)
			}
			return give(sink, 200, strings.Repeat("x", size), "cache-control", fresh)
		})
		for i := range 20 {
			if c := r.get(fmt.Sprint("/", i)); len(c.text()) != size {
				t.Fatal(c.status)
			}
		}
		if n := r.store.Cache().Len(); n > 7 || n < 3 {
			t.Errorf("%d entries", n)
		}
		if !r.get("/19").hit || r.get("/0").hit {
			t.Error("the first in is not the first out")
		}
		if c := r.get("/large"); len(c.text()) != 10*size || c.broken != nil {
			t.Errorf("larger than the cache: %d bytes, %v", len(c.text()), c.broken)
		}
		if n := r.store.Cache().Used(); n > 8*size {
			t.Errorf("%d bytes of %d", n, 8*size)
		}
	})
}

// hits are the shapes of hits: what the origin answers, and what is asked.
var hits = []struct {
	about  string
	files  bool
	answer []string
	asked  []string
	again  bool // a repeat may be remembered
}{
	{"a file", true, nil, []string{"accept-encoding", "gzip"}, true},
	{"an upstream's", false, []string{"cache-control", fresh, "age", "7"}, []string{"accept-encoding", "gzip"}, true},
	{"a variant", false, []string{"cache-control", fresh, "vary", "Accept-Encoding, Accept-Language"}, []string{"accept-encoding", "gzip, br", "accept-language", "de"}, true},
	{"with a cookie", false, []string{"cache-control", fresh}, []string{"cookie", "a=b"}, true},
	{"with Authorization", false, []string{"cache-control", "public, max-age=60"}, []string{"authorization", "Basic x"}, true},
	{"with a condition", false, []string{"cache-control", fresh, "etag", `"a"`}, []string{"if-none-match", `"a"`}, true},
	{"with a range", false, []string{"cache-control", fresh, "etag", `"a"`}, []string{"range", "bytes=0-1"}, true},
	{"with a max-age that counts", false, []string{"cache-control", fresh}, []string{"cache-control", "max-age=30"}, false},
}

// TestHitsDoNotAllocate is also what is remembered, and for how long.
func TestHitsDoNotAllocate(t *testing.T) {
	d, root := newDirectory(t, origin.DirectoryConfig{})
	write(t, root+"/a", strings.Repeat("x", 1024), time.Now().Add(-time.Hour))
	for _, tt := range hits {
		t.Run(tt.about, func(t *testing.T) {
			k := knobs{rules: rfc9111.Rules{HonorRequest: true}}
			if tt.files {
				k.files = d
			}
			r := newRig(t, k, always(200, strings.Repeat("x", 1024), tt.answer...))
			r.get("/a", tt.asked...)
			c := r.newClient("example.com", "GET", "/a", tt.asked...)
			now := time.Now()
			if !r.Look(&c.looked, &c.request, now) {
				t.Fatal("no hit")
			}
			if c.looked.Repeatable != tt.again {
				t.Errorf("repeatable: %t", c.looked.Repeatable)
			}
			first := c.looked.Response
			if n := testing.AllocsPerRun(1000, func() {
				if !r.Look(&c.looked, &c.request, now) {
					t.Fatal("no hit")
				}
			}); n != 0 && !raceEnabled {
				t.Errorf("Look: %v allocations", n)
			}
			if n := testing.AllocsPerRun(1000, func() {
				if !r.Again(&c.looked, now) {
					t.Fatal("no hit")
				}
			}); n != 0 && !raceEnabled {
				t.Errorf("Again: %v allocations", n)
			}
			if c.looked.Response != first || c.looked.Status != HitStatus {
				t.Error("Again found another response")
			}
			later := now.Add(61 * time.Second)
			if r.Again(&c.looked, later) {
				t.Error("Again served what is stale")
			}
			if r.Look(&c.looked, &c.request, later) {
				t.Error("Look served what is stale")
			}
			if c.looked.Repeatable || c.looked.Response != nil || c.looked.Policy == nil {
				t.Errorf("after a miss: %+v", c.looked)
			}
		})
	}
}

// TestAgainAfterRemoval: what is remembered is not served once it is replaced by
// a mark, invalidated or evicted.
func TestAgainAfterRemoval(t *testing.T) {
	for _, how := range []string{"a mark", "POST", "eviction"} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, always(200, "x", "cache-control", fresh))
			r.get("/a")
			c := r.get("/a")
			if !c.hit || !r.Again(&c.looked, time.Now()) {
				t.Fatal("no hit")
			}
			switch how {
			case "a mark":
				r.store.MarkUncacheable(string(c.looked.Key), rfc9111.Private, time.Now())
			case "POST":
				r.ask("POST", "/a")
			case "eviction":
				r.store.Cache().Purge()
			}
			if r.Again(&c.looked, time.Now()) {
				t.Errorf("after %s: served", how)
			}
		})
	}
}
