package edge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// storedWriter is the ResponseWriter of an engine of ours.
type storedWriter struct {
	*httptest.ResponseRecorder
	stored *message.Response
	result metrics.CacheResult
	asked  int // times that a result was set
}

func (w *storedWriter) WriteStored(resp *message.Response) { w.stored = resp }

func (w *storedWriter) SetCacheResult(result metrics.CacheResult) {
	w.result, w.asked = result, w.asked+1
}

// request makes a request with a target as received, which NewRequest would
// refuse where it is malformed.
func request(method, target string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	r.RequestURI = target
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func siteRig(t *testing.T) (rig, time.Time) {
	d, root := newDirectory(t, origin.DirectoryConfig{MaxStored: 1000})
	modified := time.Now().Add(-time.Hour).Truncate(time.Second)
	write(t, root+"/index.html", "<p>top", modified)
	write(t, root+"/file.txt", "0123456789", modified)
	write(t, root+"/docs/index.html", "<p>docs", modified)
	write(t, root+"/large.bin", strings.Repeat("x", 1001), modified)
	return newRig(t, d, cache.Config[*Entry]{}, Config{}), modified
}

func TestServeHTTP(t *testing.T) {
	e, modified := siteRig(t)
	for _, c := range []struct {
		method, target string
		header         []string
		status         int
		body           string
		field, value   string // one that must be there
	}{
		{"GET", "/", nil, 200, "<p>top", "Content-Type", "text/html; charset=utf-8"},
		{"GET", "/file.txt", nil, 200, "0123456789", "Content-Length", "10"},
		{"GET", "/file.txt?v=1", nil, 200, "0123456789", "Accept-Ranges", "bytes"},
		{"GET", "https://host/file.txt?v=1", nil, 200, "0123456789", "Server", "hotpath"},
		{"HEAD", "/file.txt", nil, 200, "", "Content-Length", "10"},
		{"GET", "/file.txt", []string{"Range", "bytes=2-4"}, 206, "234", "Content-Range", "bytes 2-4/10"},
		{"GET", "/file.txt", []string{"Range", "bytes=0-4,2-6"}, 200, "0123456789", "Content-Length", "10"},
		{"GET", "/file.txt", []string{"Range", "bytes=10-"}, 416, "*", "Content-Range", "bytes */10"},
		{"HEAD", "/file.txt", []string{"Range", "bytes=2-4"}, 200, "", "Content-Length", "10"},
		{"GET", "/file.txt", []string{"If-Match", `"other"`}, 412, "", "", ""},
		{"GET", "/file.txt", []string{"If-None-Match", "*"}, 304, "", "", ""},
		{"GET", "/file.txt", []string{"If-Modified-Since", modified.UTC().Format(http.TimeFormat)}, 304, "", "", ""},
		{"GET", "/large.bin", []string{"Range", "bytes=-2"}, 206, "xx", "Content-Type", "application/octet-stream"},
		{"HEAD", "/large.bin", nil, 200, "", "Content-Length", "1001"},
		{"GET", "/none", nil, 404, "*", "Content-Type", "text/html; charset=utf-8"},
		{"HEAD", "/none", nil, 404, "", "Content-Type", "text/html; charset=utf-8"},
		{"GET", "/none", []string{"Range", "bytes=0-1", "If-Match", "*"}, 404, "*", "", ""},
		{"GET", "/docs", nil, 301, "*", "Location", "/docs/"},
		{"GET", "/docs?a=%20b", nil, 301, "*", "Location", "/docs/?a=%20b"},
		{"GET", "//docs?a", nil, 301, "*", "Location", "/docs/?a"},
		{"GET", "/docs?\xff", nil, 301, "*", "Location", "/docs/"},
		{"GET", "/%zz", nil, 400, "*", "", ""},
		{"GET", "/../file.txt", nil, 400, "*", "", ""},
		{"GET", "/%00", nil, 400, "*", "", ""},
		{"POST", "/file.txt", nil, 405, "*", "Allow", "GET, HEAD, OPTIONS"},
		{"DELETE", "/none", nil, 405, "*", "Allow", "GET, HEAD, OPTIONS"},
		{"BREW", "/", nil, 405, "*", "Allow", "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/file.txt", nil, 204, "", "Allow", "GET, HEAD, OPTIONS"},
		{"OPTIONS", "*", nil, 204, "", "Allow", "GET, HEAD, OPTIONS"},
	} {
		for _, warm := range []bool{false, true} {
			e.cache.Purge()
			if warm {
				e.ServeHTTP(httptest.NewRecorder(), request("GET", "/file.txt"))
			}
			w := httptest.NewRecorder()
			r := request(c.method, c.target, c.header...)
			if u, err := url.ParseRequestURI(c.target); err == nil {
				r.URL = u
			}
			e.ServeHTTP(w, r)
			if w.Code != c.status || c.body != "*" && w.Body.String() != c.body || c.body == "*" && w.Body.Len() == 0 {
				t.Errorf("%s %s %v: status %d, body %q", c.method, c.target, c.header, w.Code, w.Body)
			}
			if got := w.Header().Get(c.field); c.field != "" && got != c.value {
				t.Errorf("%s %s %v: %s %q, want %q", c.method, c.target, c.header, c.field, got, c.value)
			}
		}
	}
}

// TestWriteStored: an engine of ours gets the stored response itself, and is
// told how the cache took part.
func TestWriteStored(t *testing.T) {
	e, _ := siteRig(t)
	first, _, err := e.Get(context.Background(), "/file.txt")
	if err != nil {
		t.Fatal(err)
	}
	const unwritten = -1
	for _, c := range []struct {
		name   string
		r      *http.Request
		stored int // status of what was handed over whole; 0: written instead
		code   int
		result metrics.CacheResult
		asked  int
	}{
		// The engine has looked at its first door and found nothing: what
		// is there now was stored since.
		{"stored since", request("GET", "/file.txt"), 200, unwritten, metrics.Miss, 1},
		{"its 304", request("GET", "/file.txt", "If-None-Match", first.ETag), 304, unwritten, metrics.Miss, 1},
		{"miss", request("GET", "/"), 200, unwritten, metrics.Miss, 1},
		{"part of a hit", request("GET", "/file.txt", "Range", "bytes=0-1"), 0, 206, metrics.Hit, 1},
		{"precondition", request("GET", "/file.txt", "If-Match", `"x"`), 412, unwritten, metrics.Hit, 1},
		{"stream", request("GET", "/large.bin"), 0, 200, metrics.Bypass, 1},
		{"not there", request("GET", "/none"), 404, unwritten, metrics.Miss, 1},
		{"malformed", request("GET", "/%"), 400, unwritten, 0, 0},
		{"POST", request("POST", "/file.txt"), 405, unwritten, 0, 0},
	} {
		w := &storedWriter{ResponseRecorder: httptest.NewRecorder()}
		e.ServeHTTP(w, c.r)
		switch {
		case c.stored == 0 && (w.stored != nil || w.Code != c.code):
			t.Errorf("%s: stored %v, status %d", c.name, w.stored, w.Code)
		case c.stored != 0 && (w.stored == nil || w.stored.Status != c.stored || w.Body.Len() != 0):
			t.Errorf("%s: stored %+v, and %d bytes written", c.name, w.stored, w.Body.Len())
		}
		if w.result != c.result || w.asked != c.asked {
			t.Errorf("%s: cache result %d, set %d times", c.name, w.result, w.asked)
		}
		if c.name == "stored since" && w.stored != first {
			t.Error("not the stored response")
		}
	}
	// One for each request that was not looked for before.
	if s := e.cache.Stats(); s.Hits != 2 || s.Misses != 0 {
		t.Errorf("%d hits and %d misses in the cache", s.Hits, s.Misses)
	}
}

func TestFailure(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{
		{ErrOverloaded, 503},
		{context.Canceled, 503},
		{ErrTimeout, 504},
		{context.DeadlineExceeded, 504},
		{errAbandoned, 500},
		{syscall.EIO, 500},
	} {
		e, _ := newStubRig(t, Config{}, func(context.Context, string, *origin.Answer) (origin.Answer, error) {
			return origin.Answer{}, c.err
		})
		w := httptest.NewRecorder()
		e.ServeHTTP(w, request("GET", "/secret-name"))
		if w.Code != c.status || strings.Contains(w.Body.String(), "secret-name") {
			t.Errorf("%v: status %d, body %q", c.err, w.Code, w.Body)
		}
		if retry := w.Header().Get("Retry-After"); (retry != "") != (c.status == 503) {
			t.Errorf("%v: Retry-After %q", c.err, retry)
		}
		if logged := strings.Contains(e.log.String(), "/secret-name"); logged != (c.status != 503) {
			t.Errorf("%v: log %q", c.err, e.log)
		}
	}
}

// TestOverNetHTTP is what is left of HTTP/1.1 for net/http, end to end.
func TestOverNetHTTP(t *testing.T) {
	e, _ := siteRig(t)
	server := httptest.NewServer(e)
	defer server.Close()
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, c := range []struct {
		method, path string
		status       int
		length       int64
	}{
		{"GET", "/file.txt", 200, 10},
		{"HEAD", "/file.txt", 200, 10},
		{"GET", "/large.bin", 200, 1001},
		{"HEAD", "/large.bin", 200, 1001},
		{"GET", "/none", 404, int64(len(origin.Page(404).Body))},
		{"HEAD", "/none", 404, int64(len(origin.Page(404).Body))},
		{"GET", "/docs", 301, int64(len(origin.Page(301).Body))},
		{"OPTIONS", "/", 204, 0},
	} {
		r, err := http.NewRequest(c.method, server.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || resp.ContentLength != c.length {
			t.Errorf("%s %s: status %d, Content-Length %d, %v", c.method, c.path, resp.StatusCode, resp.ContentLength, err)
		}
		if c.method == "GET" && int64(len(body)) != c.length {
			t.Errorf("%s %s: %d bytes, want %d", c.method, c.path, len(body), c.length)
		}
	}
}

// TestClientGone: a request whose client left gets no answer from an origin
// that takes long, and is no error of the origin's.
func TestClientGone(t *testing.T) {
	e, _ := newStubRig(t, Config{}, func(ctx context.Context, _ string, _ *origin.Answer) (origin.Answer, error) {
		<-ctx.Done()
		return origin.Answer{}, context.Cause(ctx)
	})
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("reset by the peer"))
	w := httptest.NewRecorder()
	e.ServeHTTP(w, request("GET", "/a").WithContext(ctx))
	if w.Code != http.StatusServiceUnavailable || e.log.Len() != 0 {
		t.Errorf("status %d, log %q", w.Code, e.log)
	}
}
