package origin

import (
	"mime"
	"strings"
	"testing"
)

func TestContentType(t *testing.T) {
	for _, c := range []struct{ name, head, want string }{
		{"index.html", "", "text/html; charset=utf-8"},
		{"a/b.c/app.JS", "", "text/javascript; charset=utf-8"},
		{"style.css", "", "text/css; charset=utf-8"},
		{"x.tar.gz", "", "application/gzip"},
		{"font.woff2", "", "font/woff2"},
		{"a.svg", "<svg", "image/svg+xml"},
		{"copyright", "Copyright 2024", "text/plain; charset=utf-8"},
		{"a.html/copyright", "text", "text/plain; charset=utf-8"},
		{"noname", "\x89PNG\x0d\x0a\x1a\x0a", "image/png"},
		{"strange.q9x", "\x00\x01\x02", "application/octet-stream"},
		{"empty", "", "text/plain; charset=utf-8"},
	} {
		if got := contentType(c.name, []byte(c.head)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTypesAreWellFormed(t *testing.T) {
	for extension, kind := range types {
		if extension != strings.ToLower(extension) || strings.Contains(extension, ".") {
			t.Errorf("extension %q", extension)
		}
		if _, _, err := mime.ParseMediaType(kind); err != nil {
			t.Errorf("%s: %q: %v", extension, kind, err)
		}
		if strings.HasPrefix(kind, "text/") && !strings.HasSuffix(kind, "; charset=utf-8") {
			t.Errorf("%s: %q without a charset", extension, kind)
		}
	}
}
