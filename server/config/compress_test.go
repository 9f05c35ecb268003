package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/server/encode"
)

// TestCoding: what a site does about codings follows from its settings and from
// what it serves.
func TestCoding(t *testing.T) {
	all := encode.Mask(0).With(encode.Brotli).With(encode.Zstd).With(encode.Gzip)
	for _, tt := range []struct {
		about, site string
		prefer      []encode.Coding
		made        encode.Mask
	}{
		{"files are compressed by default", "root: /srv", []encode.Coding{encode.Brotli, encode.Zstd, encode.Gzip}, all},
		{"what an upstream has answered is not", "upstream: http://127.0.0.1:3000", nil, 0},
		{"unless it is said", "upstream: http://127.0.0.1:3000\n  compress: {codings: [gzip, br]}", []encode.Coding{encode.Gzip, encode.Brotli}, encode.Mask(0).With(encode.Gzip).With(encode.Brotli)},
		{"off", "root: /srv\n  compress: {codings: off}", nil, 0},
		{"what stands beside files is sent without being made", "root: /srv\n  compress: {codings: off}\n  precompressed: true", []encode.Coding{encode.Brotli, encode.Zstd, encode.Gzip}, 0},
		{"what differs comes before all", "root: /srv\n  compress: {codings: gzip, deltas: true}", []encode.Coding{encode.Dcz, encode.Dcb, encode.Gzip}, encode.Mask(0).With(encode.Gzip).With(encode.Dcz).With(encode.Dcb)},
		{"what is made comes first", "root: /srv\n  compress: {codings: gzip}\n  precompressed: true", []encode.Coding{encode.Gzip, encode.Brotli, encode.Zstd}, encode.Mask(0).With(encode.Gzip)},
	} {
		c := mustLoad(t, "sites:\n- hosts: a.example\n  "+tt.site+"\n")
		p := c.Sites[0].Coding()
		switch {
		case (p == nil) != (tt.prefer == nil):
			t.Errorf("%s: %+v", tt.about, p)
		case p != nil && (p.Deltas != p.Made.Has(encode.Dcz) || p.Deltas != p.Made.Has(encode.Dcb)):
			t.Errorf("%s: deltas %t, makes %b", tt.about, p.Deltas, p.Made)
		case p != nil && (!reflect.DeepEqual(p.Prefer, tt.prefer) || p.Made != tt.made):
			t.Errorf("%s: prefers %v, makes %b", tt.about, p.Prefer, p.Made)
		}
	}
}

// TestCompressMistakes: a mistake names the key, the value and what is allowed.
func TestCompressMistakes(t *testing.T) {
	for _, tt := range []struct{ about, settings, want string }{
		{"an unknown coding", "root: /srv\n  compress: {codings: [gzip, deflate]}", `sites[0].compress.codings`},
		{"a word beside codings", "root: /srv\n  compress: {codings: [off, gzip]}", `has off beside others`},
		{"a coding twice", "root: /srv\n  compress: {codings: [gzip, gzip]}", `twice`},
		{"no coding", "root: /srv\n  compress: {codings: []}", `names no coding`},
		{"what is no type", "root: /srv\n  compress: {types: [html]}", `is not a type of contents`},
		{"a pattern of all", "root: /srv\n  compress: {types: ['*/*']}", `is not a type of contents`},
		{"a size that nothing has", "root: /srv\n  compress: {min: 9MiB}", `too large`},
		{"types of what is not compressed", "root: /srv\n  compress: {codings: off, types: [text/html]}", `nothing is compressed`},
		{"the same of an upstream", "upstream: http://127.0.0.1:3000\n  compress: {min: 9KiB}", `nothing is compressed`},
		{"deltas of what is not compressed", "root: /srv\n  compress: {codings: off, deltas: true}", `nothing is compressed`},
		{"dcz is no coding by itself", "root: /srv\n  compress: {codings: [dcz]}", `no coding`},
		{"files of an upstream", "upstream: http://127.0.0.1:3000\n  precompressed: true", `is for files`},
	} {
		file := "sites:\n- hosts: a.example\n  " + tt.settings + "\n"
		_, err := Load([]string{"-config", "f"}, nil, files(map[string]string{"f": file}))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.about, err, tt.want)
		}
	}
}
