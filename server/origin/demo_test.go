package origin

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/server/message"
)

func newDemo(t *testing.T) *Demo {
	t.Helper()
	d, err := NewDemo()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// taker is a Sink that takes an Answer.
type taker struct {
	Sink
	answer Answer
}

func (s *taker) Answer(a Answer) error {
	s.answer = a
	return nil
}

// fetch asks for a cleaned path.
func fetch(ctx context.Context, o Origin, path string, stale *Answer) (Answer, error) {
	var sink taker
	err := o.Fetch(ctx, &Request{Cleaned: path, Stored: stale}, &sink)
	return sink.answer, err
}

func fetchKey(t *testing.T, o Origin, path string, stale *Answer) Answer {
	t.Helper()
	key, ok := AppendPathKey(nil, path)
	if !ok {
		t.Fatalf("%q has no key", path)
	}
	answer, err := fetch(context.Background(), o, string(key), stale)
	if err != nil {
		t.Fatalf("%q: %v", path, err)
	}
	return answer
}

func TestDemo(t *testing.T) {
	d := newDemo(t)
	for _, c := range []struct {
		path, kind string
		status     int
		size       int // 0: any but 0
	}{
		{"/", "text/html; charset=utf-8", 200, 0},
		{"/index.html?x", "text/html; charset=utf-8", 200, 0},
		{"/how/", "text/html; charset=utf-8", 200, 0},
		{"/how", "text/html; charset=utf-8", 301, 0},
		{"/style.css", "text/css; charset=utf-8", 200, 0},
		{"/favicon.svg", "image/svg+xml", 200, 0},
		{"/robots.txt", "text/plain; charset=utf-8", 200, 0},
		{"/bench/128.txt", "text/plain; charset=utf-8", 200, 128},
		{"/bench/1k.txt", "text/plain; charset=utf-8", 200, 1024},
		{"/bench/", "text/html; charset=utf-8", 404, 0},
		{"/site/index.html", "text/html; charset=utf-8", 404, 0},
	} {
		a := fetchKey(t, d, c.path, nil)
		if a.Response.Status != c.status || a.Store != (c.status == 200) {
			t.Errorf("%s: status %d, store %v", c.path, a.Response.Status, a.Store)
		}
		if n := len(a.Response.Body); n == 0 || c.size != 0 && n != c.size {
			t.Errorf("%s: %d bytes, want %d", c.path, n, c.size)
		}
		if got := field(a.Response.Fields, "content-type"); got != c.kind {
			t.Errorf("%s: type %q, want %q", c.path, got, c.kind)
		}
		if c.status == 200 && (a.Response.ETag == "" || !a.Response.LastModified.IsZero() || a.Response.NotModified == nil) {
			t.Errorf("%s: ETag %q, Last-Modified %v", c.path, a.Response.ETag, a.Response.LastModified)
		}
	}
	if got := field(fetchKey(t, d, "/how", nil).Response.Fields, "location"); got != "/how/" {
		t.Errorf("/how: location %q", got)
	}
	a := fetchKey(t, d, "/", nil)
	if again := fetchKey(t, d, "/", &a); again.Response != a.Response {
		t.Error("/: another Response the second time")
	}
}

// TestDemoLinks: every link leads to something on the site, and nothing is
// loaded from elsewhere.
func TestDemoLinks(t *testing.T) {
	d := newDemo(t)
	links := regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	for key, a := range d.answers {
		if !strings.HasSuffix(key, ".html") {
			continue
		}
		found := links.FindAllSubmatch(a.Response.Body, -1)
		if len(found) < 3 {
			t.Errorf("%s: %d links", key, len(found))
		}
		for _, link := range found {
			target := string(link[1])
			if id, ok := strings.CutPrefix(target, "#"); ok {
				if !strings.Contains(string(a.Response.Body), `id="`+id+`"`) {
					t.Errorf("%s: no %s", key, target)
				}
				continue
			}
			if got := fetchKey(t, d, target, nil); got.Response.Status != 200 {
				t.Errorf("%s: %s answers %d", key, target, got.Response.Status)
			}
		}
	}
	for key, a := range d.answers {
		if strings.HasSuffix(key, ".css") && strings.Contains(string(a.Response.Body), "url(") {
			t.Errorf("%s loads something", key)
		}
	}
}

// TestDemoKeysShareNoResponse: the store counts a response for one key alone.
func TestDemoKeysShareNoResponse(t *testing.T) {
	of := make(map[*message.Response]string)
	for key, answer := range newDemo(t).answers {
		if other, ok := of[answer.Response]; ok {
			t.Errorf("%q and %q have the same response", key, other)
		}
		of[answer.Response] = key
	}
}
