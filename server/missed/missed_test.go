package missed

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// TestTop: the paths with the most misses come first, with the reason that most of them
// had, whatever passes by beside them.
func TestTop(t *testing.T) {
	var c Counter
	for i := range 3000 {
		c.Note(&Miss{Site: "a", Path: "h/often", Reason: rfc9111.SetCookie}, noon)
		if i%3 == 0 {
			c.Note(&Miss{Site: "a", Path: "h/less", Reason: []rfc9111.Reason{rfc9111.Expired, rfc9111.Expired, rfc9111.Miss}[i/3%3]}, noon)
		}
		c.Note(&Miss{Site: "a", Path: fmt.Sprint("h/once/", i), Reason: rfc9111.Miss}, noon)
	}
	top := c.Top(2, noon)
	if len(top) != 2 || top[0].Path != "h/often" || top[0].Reason != "set_cookie" || top[0].Misses != 3000 || top[0].Because != rfc9111.SetCookie.Sentence() {
		t.Fatalf("%+v", top)
	}
	if top[1].Path != "h/less" || top[1].Reason != "expired" || top[1].Misses > 1000 || top[1].Misses < 1000-7000/places {
		t.Errorf("%+v", top[1])
	}
	if third := c.Top(3, noon)[2]; third.Misses != 1 {
		t.Errorf("%+v missed once", third)
	}
	if n := len(c.Top(1000, noon)); n != places {
		t.Errorf("%d paths, want %d", n, places)
	}
}

// TestParameter: of a path with very many keys the parameter that makes them is named,
// once in a period.
func TestParameter(t *testing.T) {
	var many []Path
	c := Counter{Many: func(p Path) { many = append(many, p) }}
	note := func(i int, at time.Time) {
		query := fmt.Sprintf("?page=%d&lang=de&sort=%d&utm=%d&a&b&c&d", i%20, i%3, i)
		c.Note(&Miss{Site: "a", Path: "h/list", Query: query, Key: query, Reason: rfc9111.Miss}, at)
	}
	for i := range 900 {
		note(i, noon)
	}
	if len(many) != 0 {
		t.Fatalf("900 are many: %+v", many)
	}
	for i := range 3000 {
		note(i, noon.Add(time.Minute))
	}
	if len(many) != 1 || many[0].Part != "parameter utm" || many[0].Path != "h/list" || many[0].Keys < ManyKeys || many[0].Values < 900 {
		t.Fatalf("%+v", many)
	}
	top := c.Top(1, noon.Add(time.Minute))
	if got := top[0].Keys; got < 2400 || got > 3600 {
		t.Errorf("about %d keys, want 3000", got)
	}
	for i := range 3000 {
		note(i, noon.Add(6*time.Minute))
	}
	if len(many) != 2 {
		t.Errorf("in the next period it is said %d times in all, want 2", len(many))
	}
}

// TestPart: what is no parameter makes keys too.
func TestPart(t *testing.T) {
	for _, tt := range []struct {
		about string
		miss  func(i int) Miss
		want  string
	}{
		{"a field", func(i int) Miss {
			return Miss{Query: "?a=1", Parts: []Part{{"field user-agent", fmt.Sprint(i)}, {"cookie lang", fmt.Sprint(i % 9)}}}
		}, "field user-agent"},
		{"a cookie, and no query", func(i int) Miss {
			return Miss{Parts: []Part{{"field user-agent", "one"}, {"cookie id", fmt.Sprint(i)}}}
		}, "cookie id"},
		{"a parameter beside a field", func(i int) Miss {
			return Miss{Query: fmt.Sprint("?id=", i), Parts: []Part{{"field accept-language", fmt.Sprint(i % 9)}}}
		}, "parameter id"},
	} {
		var many []Path
		c := Counter{Many: func(p Path) { many = append(many, p) }}
		for i := range 3000 {
			m := tt.miss(i)
			m.Path, m.Key = "/a", fmt.Sprint(m.Query, m.Parts)
			c.Note(&m, noon)
		}
		if len(many) != 1 || many[0].Part != tt.want || many[0].Keys < ManyKeys || many[0].Values < 900 {
			t.Errorf("%s: %+v, want %s", tt.about, many, tt.want)
		}
	}
}

// TestPartOfBothPeriods: what made the keys of the period before is named still, and the
// query is not if there is none.
func TestPartOfBothPeriods(t *testing.T) {
	var c Counter
	for i := range 500 {
		c.Note(&Miss{Path: "/a", Query: fmt.Sprint("?id=", i), Key: fmt.Sprint("/a", i)}, noon)
		c.Note(&Miss{Path: "/b", Key: fmt.Sprint("/b", i%2), Parts: []Part{{"field accept-encoding", "gzip"}}}, noon)
	}
	c.Note(&Miss{Path: "/a", Query: "?id=7", Key: "/a7"}, noon.Add(period))
	for _, p := range c.Top(2, noon.Add(period)) {
		if p.Path == "/a" && (p.Part != "parameter id" || p.Values < 400 || p.Keys < 400) || p.Path == "/b" && (p.Part != "field accept-encoding" || p.Values != 1 || p.Keys != 2) {
			t.Errorf("%+v", p)
		}
	}
}

// TestLast: of a path that has a place the latest miss is known, with its query.
func TestLast(t *testing.T) {
	var c Counter
	if got, ok := c.Last("a", "/a", noon); ok {
		t.Errorf("before the first: %+v", got)
	}
	long := "?" + strings.Repeat("q", 2*maxQuery)
	c.Note(&Miss{Site: "a", Path: "/a", Query: "?n=1", Reason: rfc9111.Miss}, noon)
	c.Note(&Miss{Site: "b", Path: "/a", Query: long, Reason: rfc9111.SetCookie}, noon)
	c.Note(&Miss{Site: "a", Path: "/a", Query: "?n=2", Reason: rfc9111.Expired}, noon.Add(time.Second))
	for _, tt := range []struct {
		site, path string
		at         time.Time
		want       Last
		known      bool
	}{
		{"a", "/a", noon.Add(2 * time.Second), Last{noon.Add(time.Second), "?n=2", rfc9111.Expired}, true},
		{"b", "/a", noon.Add(2 * time.Second), Last{noon, long[:maxQuery], rfc9111.SetCookie}, true},
		{"b", "/b", noon.Add(2 * time.Second), Last{}, false},
		{"a", "/a", noon.Add(period + time.Second), Last{noon.Add(time.Second), "?n=2", rfc9111.Expired}, true},
		{"a", "/a", noon.Add(2*period + time.Second), Last{}, false},
	} {
		if got, ok := c.Last(tt.site, tt.path, tt.at); got != tt.want || ok != tt.known {
			t.Errorf("%s %s: %+v, %v; want %+v, %v", tt.site, tt.path, got, ok, tt.want, tt.known)
		}
	}
}

// TestPeriods: what is reported is of one to two periods.
func TestPeriods(t *testing.T) {
	var c Counter
	c.Note(&Miss{Path: "/a", Reason: rfc9111.Miss}, noon)
	for _, tt := range []struct {
		after time.Duration
		paths int
	}{{0, 1}, {period, 1}, {2*period - 1, 1}, {2 * period, 0}} {
		c := c.clone()
		if n := len(c.Top(10, noon.Add(tt.after))); n != tt.paths {
			t.Errorf("after %v: %d paths, want %d", tt.after, n, tt.paths)
		}
	}
	c.Note(&Miss{Path: "/a", Query: "?x", Key: "/a?x", Reason: rfc9111.Miss}, noon.Add(period))
	if top := c.Top(10, noon.Add(period)); len(top) != 1 || top[0].Misses != 2 || top[0].Keys != 2 {
		t.Errorf("%+v, want both periods", top)
	}
}

func (c *Counter) clone() *Counter {
	return &Counter{seed: c.seed, began: c.began, now: append([]place(nil), c.now...), before: append([]place(nil), c.before...)}
}

// TestBounds: what clients send is kept to its bounds, and by many at once.
func TestBounds(t *testing.T) {
	var c Counter
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 500 {
				long := strings.Repeat("x", 10_000)
				c.Note(&Miss{Site: "s", Path: fmt.Sprint("h/", w, i, long), Query: "?" + long + "=" + long + "&&=&", Reason: rfc9111.Miss}, noon)
			}
		})
	}
	all.Wait()
	for _, p := range c.Top(1000, noon) {
		if len(p.Path) > maxPath || len(p.Part) > len("parameter ")+maxName {
			t.Fatalf("%d bytes of a path, %d of a part", len(p.Path), len(p.Part))
		}
	}
}

func BenchmarkNote(b *testing.B) {
	var c Counter
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Note(&Miss{Site: "s", Path: "example.com/path", Query: "?a=1&b=2", Reason: rfc9111.Miss}, noon)
	}
}
