package config

import (
	"errors"
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
	"github.com/e0ac7cd4/hotpath/server/encode"
)

// SiteCompress is which stored contents are compressed.
type SiteCompress struct {
	Codings []string // tokens, the preferred first; or [CompressAuto] or [CompressOff] alone
	Types   []string // of contents, as [encode.NewTypes] has them
	Min     int64    // bytes
	Deltas  bool     // RFC 9842
}

// What a SiteCompress's Codings can be besides tokens.
const (
	CompressAuto = "auto" // all, the one that makes least of a text first, of a root; of an upstream none
	CompressOff  = "off"
)

// allCodings are the codings that are made, in the order of auto.
var allCodings = []string{encode.Brotli.String(), encode.Zstd.String(), encode.Gzip.String()}

// Coding is what the site does about content codings; nil: nothing.
func (s *Site) Coding() *encode.Policy {
	made := s.Compress.Codings
	switch {
	case slices.Equal(made, []string{CompressOff}):
		made = nil
	case slices.Equal(made, []string{CompressAuto}) && len(s.Upstreams) > 0:
		made = nil
	case slices.Equal(made, []string{CompressAuto}):
		made = allCodings
	}
	p := &encode.Policy{Types: encode.NewTypes(s.Compress.Types...), Min: s.Compress.Min}
	for _, token := range made {
		c, _ := encode.Parse(token)
		p.Prefer, p.Made = append(p.Prefer, c), p.Made.With(c)
	}
	if s.Compress.Deltas && p.Made != 0 {
		// Before all others: what a client has need not be sent.
		p.Deltas, p.Prefer, p.Made = true, slices.Insert(p.Prefer, 0, encode.Dcz, encode.Dcb), p.Made.With(encode.Dcz).With(encode.Dcb)
	}
	if s.Precompressed {
		for _, token := range allCodings {
			if c, _ := encode.Parse(token); !p.Made.Has(c) {
				p.Prefer = append(p.Prefer, c)
			}
		}
	}
	if len(p.Prefer) == 0 {
		return nil
	}
	return p
}

// compressSettings are the rows of what is compressed.
func compressSettings(s *Site) []siteSetting {
	return []siteSetting{
		{"compress.codings", CompressAuto, newCodings(&s.Compress.Codings),
			"Codings that stored contents are compressed in, the preferred one first: once each, in the background, when a client asks for what accepts it. auto: br, zstd and gzip of a root, none of an upstream, whose entity tags clients may send back. What an origin has coded stays as it is."},
		{"compress.types", encode.Usual, newTypes(&s.Compress.Types),
			"Types of contents that are compressed. usual: text, JSON, XML, scripts, WebAssembly, fonts and images that are not compressed in themselves. `+json` is every type that ends so, `-text/csv` all but that one."},
		{"compress.min", "1KiB", &size{p: &s.Compress.Min, min: 1, max: encode.MaxContent},
			"Smallest content that is compressed; it fits into a packet otherwise."},
		{"compress.deltas", "false", &toggle{p: &s.Compress.Deltas},
			"Whether clients that have a content get another one in its place as what differs (RFC 9842, dcz and dcb): browsers keep it as a dictionary, and so does the cache, up to 2 MiB."},
		{"precompressed", "false", &toggle{p: &s.Precompressed},
			"Whether files are sent in the codings that stand beside them: `app.js.br`, `app.js.zst` and `app.js.gz` for `app.js`, if they are not older. They are stored with it."},
	}
}

// codings is a list of tokens, of at least one, or a word alone.
type codings struct{ list[string] }

func newCodings(p *[]string) *codings {
	words := append([]string{CompressAuto, CompressOff}, allCodings...)
	return &codings{list[string]{
		p: p, what: "auto, off, or one of " + strings.Join(allCodings, ", "),
		fix: func(s string) []string { return []string{suggest.Nearest(s, words)} },
		item: func(s string) (string, error) {
			if !slices.Contains(words, s) {
				return "", errors.New("has " + quote(s) + ", which is no coding")
			}
			return s, nil
		},
	}}
}

func (v *codings) set(s string) error {
	v.reset()
	return v.add(s)
}

func (v *codings) add(s string) error {
	if err := v.list.add(s); err != nil {
		return err
	}
	return v.check()
}

func (v *codings) check() error {
	if len(*v.p) == 0 {
		return errors.New("names no coding")
	}
	for _, alone := range []string{CompressAuto, CompressOff} {
		if len(*v.p) > 1 && slices.Contains(*v.p, alone) {
			return errors.New("has " + alone + " beside others")
		}
	}
	return v.list.check()
}

func newTypes(p *[]string) *list[string] {
	return &list[string]{
		p: p, what: "usual, a type such as text/html, text/* or +json, or one with - before it", empty: "none",
		item: func(s string) (string, error) {
			s = strings.ToLower(s)
			return s, encode.CheckType(s)
		},
	}
}

// validateCompress reports through fail what does not go together.
func (s *Site) validateCompress(wrong map[string]bool, given func(name string) bool, fail func(name, problem, allowed string)) {
	if p := s.Coding(); (p == nil || p.Made == 0) && !wrong[s.name+".compress.codings"] {
		for _, name := range []string{"compress.types", "compress.min", "compress.deltas"} {
			if s.where[name] != "" {
				fail(name, "has no effect: nothing is compressed", "compress.codings beside it, such as [br, zstd, gzip]")
			}
		}
	}
	if s.Precompressed && given("upstream") {
		fail("precompressed", "is for files, and the site has an upstream", "a root in place of the upstream")
	}
}
