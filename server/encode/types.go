package encode

import (
	"errors"
	"strings"
)

// usual are the types of contents that are coded by default: text in all its
// forms, and what is made of bytes that repeat. Images, media, archives and WOFF
// are compressed in themselves.
var usual = []string{
	"text/*", "+json", "+xml", "+text", "+yaml",
	"application/json", "application/javascript", "application/ecmascript", "application/x-javascript",
	"application/xml", "application/wasm", "application/graphql", "application/ld+json", "application/manifest+json",
	"application/yaml", "application/toml", "application/sql", "application/rtf", "application/x-ndjson",
	"application/vnd.apple.mpegurl", "application/vnd.ms-fontobject", "application/x-sh",
	"font/ttf", "font/otf", "image/bmp", "image/vnd.microsoft.icon", "image/x-icon",
	"model/gltf+json", "model/obj",
}

// streamed are types of text whose contents come bit by bit for as long as the
// client reads: they are never stored whole.
const streamed = "text/event-stream"

// Usual is the word for the usual types in a list of them.
const Usual = "usual"

// Types are types of contents. The zero value has none.
type Types struct{ in, out []string }

// NewTypes makes Types of patterns in lower case: "text/html", "text/*" for all
// below one, "+json" for all with a suffix (RFC 6839), the word [Usual]. A "-"
// before a pattern takes what it matches out again, wherever it stands.
func NewTypes(patterns ...string) Types {
	var t Types
	for _, p := range patterns {
		switch rest, out := strings.CutPrefix(p, "-"); {
		case p == Usual:
			t.in = append(t.in, usual...)
			t.out = append(t.out, streamed)
		case out:
			t.out = append(t.out, rest)
		default:
			t.in = append(t.in, p)
		}
	}
	return t
}

// CheckType reports what is wrong with a pattern of [NewTypes].
func CheckType(pattern string) error {
	p := strings.TrimPrefix(pattern, "-")
	if suffix, ok := strings.CutPrefix(p, "+"); ok && isToken(suffix) {
		return nil
	}
	kind, sub, ok := strings.Cut(p, "/")
	switch {
	case pattern == Usual:
		return nil
	case ok && isToken(kind) && kind != "*" && (sub == "*" || isToken(sub) && !strings.Contains(sub, "*")):
		return nil
	}
	return errors.New("is not a type of contents")
}

// isToken reports whether s is a token in lower case (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// Match reports whether the value of a Content-Type is among the types.
func (t Types) Match(value string) bool {
	media, _, _ := strings.Cut(value, ";")
	media = strings.ToLower(trim(media))
	return matchAny(t.in, media) && !matchAny(t.out, media)
}

func matchAny(patterns []string, media string) bool {
	for _, p := range patterns {
		switch {
		case p == media, p[0] == '+' && strings.HasSuffix(media, p):
			return true
		case strings.HasSuffix(p, "/*") && strings.HasPrefix(media, p[:len(p)-1]):
			return true
		}
	}
	return false
}
