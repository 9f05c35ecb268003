package message

import (
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

func TestCodedTag(t *testing.T) {
	for _, tt := range []struct{ about, tag, prefix string }{
		{"a strong one", `"abc"`, `"abc-gzip-`},
		{"a weak one stays weak", `W/"abc"`, `W/"abc-gzip-`},
		{"none", "", `"gzip-`},
		{"one without quotes", `abc`, `"gzip-`},
		{"an empty one", `""`, `"gzip-`},
	} {
		of := func(coding, body string) string {
			r := &Response{Status: 200, ETag: tt.tag}
			return r.Coded(coding, []byte(body)).ETag
		}
		got := of("gzip", "coded")
		if !strings.HasPrefix(got, tt.prefix) || len(got) != len(tt.prefix)+12+1 || got[len(got)-1] != '"' {
			t.Errorf("%s: %s", tt.about, got)
		}
		if got == of("br", "coded") || got == of("gzip", "other") {
			t.Errorf("%s: other bytes have the same tag", tt.about)
		}
		renewed := &Response{Status: 200, ETag: `"next"`}
		was := (&Response{Status: 200, ETag: tt.tag}).Coded("gzip", []byte("coded"))
		if a, b := renewed.CodedAs("gzip", was), renewed.Coded("gzip", was.Body); a.ETag != b.ETag || string(a.Body) != string(b.Body) {
			t.Errorf("%s: by what was made before it is %s, want %s", tt.about, a.ETag, b.ETag)
		}
	}
}

// TestCoded: a coded representation has the fields of the content, but for those
// of the bytes themselves, and conditions of its own.
func TestCoded(t *testing.T) {
	fields := []hpack.Field{
		{Name: "content-type", Value: "text/html"}, {Name: "etag", Value: `"x"`}, {Name: "date", Value: "Sun, 29 Nov 2026 10:00:00 GMT"},
		{Name: "last-modified", Value: "Sun, 29 Nov 2026 09:00:00 GMT"}, {Name: "cache-control", Value: "max-age=60"},
	}
	theirs := Stored(200, fields, []byte("content"), 1_700_000_000).Codable()
	ours := New(200, fields[:1], []byte("content"), `"x"`, time.Unix(1_600_000_000, 0)).Codable()
	for _, r := range []*Response{theirs, ours} {
		c := r.Coded("br", []byte("cod"))
		for name, want := range map[string]string{
			"content-encoding": "br", "content-length": "3", "vary": "Accept-Encoding", "content-type": "text/html",
			"etag": c.ETag, "last-modified": fieldOf(r, "last-modified"), "date": fieldOf(r, "date"),
		} {
			if got := fieldOf(c, name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if c.Born != r.Born || !c.LastModified.Equal(r.LastModified) || c.ETag == r.ETag || c.StrongDate || c.Ruled == nil {
			t.Errorf("%+v", c)
		}
		if c.NotModified == nil || fieldOf(c.NotModified, "etag") != c.ETag || fieldOf(c.NotModified, "vary") == "" || fieldOf(c.NotModified, "content-encoding") != "" {
			t.Errorf("its 304 is %+v", c.NotModified)
		}
		if fieldOf(r.NotModified, "vary") != "Accept-Encoding" || fieldOf(r.NotModified, "etag") != `"x"` {
			t.Errorf("the 304 of the content is %+v", r.NotModified)
		}
		if !c.StrongDate && RangeApplies(&Request{Fields: []hpack.Field{{Name: "if-range", Value: fieldOf(r, "last-modified")}}}, c) {
			t.Error("a date names a coding")
		}
	}
	if theirs.Codable() != theirs {
		t.Error("what is marked is marked again")
	}
	for _, f := range theirs.AsSent() {
		if f.Name == "vary" {
			t.Error("our Vary counts as the origin's")
		}
	}
}

// TestCodableVary: Accept-Encoding is added once, and not to what varies by
// everything.
func TestCodableVary(t *testing.T) {
	for vary, lines := range map[string]int{"": 1, "Origin": 2, "origin, ACCEPT-ENCODING": 1, "*": 1} {
		var fields []hpack.Field
		if vary != "" {
			fields = append(fields, hpack.Field{Name: "vary", Value: vary})
		}
		r := Stored(200, fields, nil, 1).Codable()
		n := 0
		for _, f := range r.Fields {
			if f.Name == "vary" {
				n++
			}
		}
		if n != lines || !r.MayBeCoded || len(r.Head) == 0 || strings.Count(string(r.Head), "vary: ") != lines {
			t.Errorf("Vary: %s has %d lines, want %d", vary, n, lines)
		}
	}
}
