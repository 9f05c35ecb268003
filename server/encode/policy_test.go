package encode

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

func TestCodes(t *testing.T) {
	p := &Policy{Prefer: []Coding{Gzip}, Made: Mask(0).With(Gzip), Types: NewTypes(Usual), Min: 100}
	html := hpack.Field{Name: "content-type", Value: "text/html; charset=utf-8"}
	for _, tt := range []struct {
		about  string
		status int
		length int64
		fields []hpack.Field
		want   bool
	}{
		{"a page", 200, 1000, []hpack.Field{html}, true},
		{"of a length that is not known", 200, -1, []hpack.Field{html}, true},
		{"too small", 200, 99, []hpack.Field{html}, false},
		{"too large", 200, MaxContent + 1, []hpack.Field{html}, false},
		{"an error", 404, 1000, []hpack.Field{html}, false},
		{"a part", 206, 1000, []hpack.Field{html}, false},
		{"without a type", 200, 1000, nil, false},
		{"an image", 200, 1000, []hpack.Field{{Name: "content-type", Value: "image/png"}}, false},
		{"coded by its origin", 200, 1000, []hpack.Field{html, {Name: "content-encoding", Value: "gzip"}}, false},
		{"not to be transformed", 200, 1000, []hpack.Field{html, {Name: "cache-control", Value: "max-age=60, No-Transform"}}, false},
		{"not to be transformed by caches like this one", 200, 1000, []hpack.Field{html, {Name: "cache-control", Value: "max-age=60"}, {Name: "cdn-cache-control", Value: "no-transform"}}, false},
		{"other directives", 200, 1000, []hpack.Field{html, {Name: "cache-control", Value: "max-age=60, x=no-transform"}}, true},
		{"with a range", 200, 1000, []hpack.Field{html, {Name: "content-range", Value: "bytes 0-9/10"}}, false},
		{"with a digest of its content", 200, 1000, []hpack.Field{html, {Name: "repr-digest", Value: "sha-256=:AA==:"}}, false},
	} {
		if got := p.Codes(tt.status, tt.fields, tt.length); got != tt.want {
			t.Errorf("%s: %t", tt.about, got)
		}
	}
	if (*Policy)(nil).Codes(200, []hpack.Field{html}, 1000) || (&Policy{Types: p.Types}).Codes(200, []hpack.Field{html}, 1000) {
		t.Error("a site that makes no coding has some made")
	}
}

func TestTypes(t *testing.T) {
	for _, tt := range []struct {
		types []string
		value string
		want  bool
	}{
		{[]string{Usual}, "text/html", true},
		{[]string{Usual}, "Text/HTML ; charset=utf-8", true},
		{[]string{Usual}, "application/json", true},
		{[]string{Usual}, "application/problem+json", true},
		{[]string{Usual}, "image/svg+xml", true},
		{[]string{Usual}, "application/wasm", true},
		{[]string{Usual}, "text/event-stream", false},
		{[]string{Usual}, "image/jpeg", false},
		{[]string{Usual}, "video/mp4", false},
		{[]string{Usual}, "font/woff2", false},
		{[]string{Usual}, "application/zip", false},
		{[]string{Usual}, "application/octet-stream", false},
		{[]string{Usual}, "", false},
		{[]string{Usual}, "json", false},
		{[]string{"-text/csv", Usual}, "text/csv", false},
		{[]string{Usual, "-text/*"}, "text/html", false},
		{[]string{Usual, "-+json"}, "application/problem+json", false},
		{[]string{Usual, "application/x-own"}, "application/x-own", true},
		{[]string{"text/html"}, "text/htmlx", false},
		{[]string{"text/*"}, "textual/html", false},
		{nil, "text/html", false},
	} {
		if got := NewTypes(tt.types...).Match(tt.value); got != tt.want {
			t.Errorf("%q among %q: %t", tt.value, tt.types, got)
		}
	}
	for pattern, ok := range map[string]bool{
		Usual: true, "text/html": true, "text/*": true, "+json": true, "-text/*": true, "-+json": true,
		"": false, "-": false, "+": false, "text": false, "text/": false, "*/*": false, "*/html": false, "TEXT/html": false, "te xt/html": false, "text/h*": false, "-usual": false,
	} {
		if err := CheckType(pattern); (err == nil) != ok {
			t.Errorf("%q: %v", pattern, err)
		}
	}
	for _, p := range usual {
		if err := CheckType(p); err != nil {
			t.Errorf("%q of the usual ones: %v", p, err)
		}
	}
}
