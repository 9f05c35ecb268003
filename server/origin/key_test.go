package origin

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
)

func TestAppendPathKey(t *testing.T) {
	const bad = "" // what no key is
	for _, c := range []struct{ path, want string }{
		// As it is.
		{"/", "/"},
		{"/index.html", "/index.html"},
		{"/a/b/c.tar.gz", "/a/b/c.tar.gz"},
		{"/a/", "/a/"},
		{"/~user/a+b;c=d,e@f:g!$&'()*", "/~user/a+b;c=d,e@f:g!$&'()*"},
		{"/grün", "/grün"},

		// The query is dropped, whatever it is.
		{"/?", "/"},
		{"/a?b=c", "/a"},
		{"/a/?/../..", "/a/"},
		{"/a?%zz%00\\", "/a"},
		{"/a%20b?c", "/a b"},
		{"/a/..?b", "/"},

		// Percent-encoding is decoded once.
		{"/%61", "/a"},
		{"/a%20b%2Bc", "/a b+c"},
		{"/%e2%82%ac", "/€"},
		{"/%E2%82%AC", "/€"},
		{"/%3f%23", "/?#"},
		{"/%ff", "/\xff"},
		{"/%0a", "/\n"},
		{"/%2561", "/%61"},
		{"/%252e%252e/a", "/%2e%2e/a"},
		{"/%252f", "/%2f"},
		{"/%255c", "/%5c"},
		{"/%2500", "/%00"},

		// Slashes and dots.
		{"//", "/"},
		{"//host/a", "/host/a"},
		{"/a//b///c", "/a/b/c"},
		{"/a//", "/a/"},
		{"/.", "/"},
		{"/./a/./b/.", "/a/b/"},
		{"/a/../b", "/b"},
		{"/a/b/..", "/a/"},
		{"/a/b/../", "/a/"},
		{"/a//../b", "/b"},
		{"/a/b/../../c", "/c"},
		{"/a/%2e%2e/b", "/b"},
		{"/a/.%2E/b", "/b"},
		{"/%2e/a", "/a"},
		{"/...", "/..."},
		{"/..a", "/..a"},
		{"/.well-known/x", "/.well-known/x"},
		{"/a./b", "/a./b"},

		// Malformed, or no name of a file.
		{"", bad},
		{"*", bad},
		{"a", bad},
		{"?", bad},
		{"http://host/a", bad},
		{"/..", bad},
		{"/../a", bad},
		{"/a/../..", bad},
		{"/a/../../b", bad},
		{"/%2e%2e/a", bad},
		{"/%2e%2e%2fa", bad},
		{"/a%2fb", bad},
		{"/a%2Fb", bad},
		{"/%5c", bad},
		{"/..%5c..%5ca", bad},
		{`/a\b`, bad},
		{`/..\a`, bad},
		{"/%00", bad},
		{"/a%00.html", bad},
		{"/a\x00", bad},
		{"/a b", bad},
		{"/a\r\nb", bad},
		{"/a\x7f", bad},
		{"/a#b", bad},
		{"/%", bad},
		{"/%4", bad},
		{"/%zz", bad},
		{"/%4g", bad},
		{"/%u0041", bad},
		{"/a%", bad},
		{"/%2?0", bad},
	} {
		got, ok := AppendPathKey([]byte("before"), c.path)
		if rest, found := bytes.CutPrefix(got, []byte("before")); !found || string(rest) != c.want || ok != (c.want != bad) {
			t.Errorf("%q: key %q, %v, want %q", c.path, got, ok, c.want)
		}
	}
}

// FuzzAppendPathKey: a key is clean, never leads out, and is its own key once
// it is encoded again.
func FuzzAppendPathKey(f *testing.F) {
	for _, seed := range []string{"/", "/a/../b?c", "/%2e%2e/", "//a//", "/%25%32%65", "/a%2fb", `/\`, "/.%00", "/a/./", "/%zz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, ok := AppendPathKey([]byte("xy"), path)
		if string(got[:2]) != "xy" {
			t.Fatalf("%q: changed what was there: %q", path, got)
		}
		key := string(got[2:])
		if !ok {
			if key != "" {
				t.Fatalf("%q: refused, but appended %q", path, key)
			}
			return
		}
		if key[0] != '/' || strings.ContainsAny(key, "\x00\\") {
			t.Fatalf("%q: key %q", path, key)
		}
		for i, segment := range strings.Split(key[1:], "/") {
			last := i == strings.Count(key, "/")-1
			if segment == "." || segment == ".." || segment == "" && !last {
				t.Fatalf("%q: key %q has segment %q", path, key, segment)
			}
		}
		again, ok := AppendPathKey(nil, (&url.URL{Path: key}).EscapedPath())
		if !ok || string(again) != key {
			t.Fatalf("%q: key %q, encoded again %q, %v", path, key, again, ok)
		}
	})
}

func TestAppendPathKeyDoesNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 128)
	for _, path := range []string{"/assets/app.js?v=12", "/a/%2e%2e/b%20c/"} {
		if n := testing.AllocsPerRun(100, func() { dst, _ = AppendPathKey(dst[:0], path) }); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

// BenchmarkAppendPathKey stands beside what the standard library needs for the
// same: url.ParseRequestURI.
func BenchmarkAppendPathKey(b *testing.B) {
	for name, path := range map[string]string{"plain": "/assets/app.3f2a.js?v=12", "encoded": "/a/./b%20c/../d.html"} {
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 128)
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = AppendPathKey(dst[:0], path)
			}
		})
		b.Run(name+"/net-url", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := url.ParseRequestURI(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
