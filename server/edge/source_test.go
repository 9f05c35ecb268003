package edge

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

func TestKey(t *testing.T) {
	d, _ := newDirectory(t, origin.DirectoryConfig{})
	e := newRig(t, d, cache.Config[*Entry]{}, Config{})
	for _, c := range []struct {
		name, method, path string
		fields             []string
		ok                 bool
	}{
		{"GET", "GET", "/a", nil, true},
		{"HEAD", "HEAD", "/a", nil, true},
		{"POST", "POST", "/a", nil, false},
		{"lower case", "get", "/a", nil, false},
		{"OPTIONS", "OPTIONS", "*", nil, false},
		{"malformed path", "GET", "/%zz", nil, false},
		{"Range", "GET", "/a", []string{"range", "bytes=0-1"}, false},
		{"If-Range alone", "GET", "/a", []string{"if-range", `"x"`}, true},
		{"If-Match", "GET", "/a", []string{"if-match", "*"}, false},
		{"If-Unmodified-Since", "GET", "/a", []string{"if-unmodified-since", "x"}, false},
		{"If-None-Match", "GET", "/a", []string{"if-none-match", "*"}, true},
		{"If-Modified-Since", "GET", "/a", []string{"if-modified-since", "x"}, true},
		{"body", "GET", "/a", []string{"content-length", "5"}, false},
		{"no body, said so", "GET", "/a", []string{"content-length", "0"}, true},
		{"body of unknown length", "GET", "/a", []string{"transfer-encoding", "chunked"}, false},
		{"Expect", "GET", "/a", []string{"expect", "100-continue"}, false},
		{"usual fields", "GET", "/a", []string{"accept", "*/*", "user-agent", "x", "cookie", "a=b"}, true},
	} {
		r := &message.Request{Method: c.method, Scheme: "https", Authority: "host", Path: c.path, Fields: fields(c.fields...)}
		key, ok := e.Key([]byte("-"), r)
		if want := map[bool]string{true: "-/a", false: "-"}[c.ok]; ok != c.ok || string(key) != want {
			t.Errorf("%s: %q, %v", c.name, key, ok)
		}
		// The second door sees the same request as the first one.
		if c.path == "/a" && (c.method == "GET" || c.method == "HEAD") {
			h := httptest.NewRequest(c.method, c.path, nil)
			for i := 0; i < len(c.fields); i += 2 {
				h.Header.Set(c.fields[i], c.fields[i+1])
			}
			switch c.name {
			case "body":
				h.ContentLength = 5
			case "body of unknown length":
				h.ContentLength = -1
			}
			if isWhole(h) != c.ok {
				t.Errorf("%s: isWhole is %v", c.name, isWhole(h))
			}
		}
	}
}

func TestEviction(t *testing.T) {
	d, root := newDirectory(t, origin.DirectoryConfig{})
	old := time.Now().Add(-time.Hour)
	const size = 4096
	for i := range 20 {
		write(t, fmt.Sprintf("%s/%d", root, i), strings.Repeat("x", size), old)
	}
	write(t, root+"/large", strings.Repeat("x", 10*size), old)
	const budget = 8 * size
	for name, limits := range map[string]cache.Config[*Entry]{
		"bytes":   {Bytes: budget},
		"entries": {Entries: 5},
	} {
		e := newRig(t, d, limits, Config{})
		for i := range 20 {
			resp, _, err := e.Get(context.Background(), fmt.Sprintf("/%d", i))
			if err != nil || len(resp.Body) != size {
				t.Fatal(err)
			}
		}
		if n := e.cache.Len(); n > 7 || n < 4 {
			t.Errorf("%s: %d entries", name, n)
		}
		if e.Find("/19", time.Now()) == nil || e.Find("/0", time.Now()) != nil {
			t.Errorf("%s: the first in is not the first out", name)
		}
		if name == "bytes" {
			if resp, _, err := e.Get(context.Background(), "/large"); err != nil || len(resp.Body) != 10*size {
				t.Errorf("larger than the cache: %v", err)
			}
			if e.cache.Bytes() > budget {
				t.Errorf("%d bytes of %d", e.cache.Bytes(), int64(budget))
			}
		}
	}
}

func TestHitDoesNotAllocate(t *testing.T) {
	e, r := hitRig(t)
	now := time.Now()
	key := make([]byte, 0, 128)
	if n := testing.AllocsPerRun(1000, func() {
		var ok bool
		if key, ok = e.Key(key[:0], r); !ok || e.Find("/file.txt", now) == nil {
			t.Fatal("no hit")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// hitRig is an edge that has /file.txt stored, and the request that hits it.
func hitRig(t testing.TB) (rig, *message.Request) {
	d, root := newDirectory(t, origin.DirectoryConfig{})
	write(t, root+"/file.txt", strings.Repeat("x", 1024), time.Now().Add(-time.Hour))
	e := newRig(t, d, cache.Config[*Entry]{}, Config{})
	if _, _, err := e.Get(context.Background(), "/file.txt"); err != nil {
		t.Fatal(err)
	}
	return e, &message.Request{Method: "GET", Path: "/file.txt?v=1", Fields: fields("user-agent", "x", "accept", "*/*", "accept-encoding", "gzip")}
}

// BenchmarkHit is Key and Find; beside it is what net/http does to answer the
// same from the same directory.
func BenchmarkHit(b *testing.B) {
	e, r := hitRig(b)
	now := time.Now()
	b.Run("edge", func(b *testing.B) {
		key := make([]byte, 0, 128)
		b.ReportAllocs()
		for b.Loop() {
			key, _ = e.Key(key[:0], r)
			if message.Select(r, e.Find("/file.txt", now)) == nil {
				b.Fatal("no hit")
			}
		}
	})
	b.Run("FileServer", func(b *testing.B) {
		root := b.TempDir()
		if err := os.WriteFile(root+"/file.txt", make([]byte, 1024), 0o644); err != nil {
			b.Fatal(err)
		}
		files := http.FileServer(http.Dir(root))
		r := httptest.NewRequest("GET", "/file.txt?v=1", nil)
		b.ReportAllocs()
		for b.Loop() {
			files.ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}
