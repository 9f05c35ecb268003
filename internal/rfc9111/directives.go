package rfc9111

import (
	"math"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// maxDelta is the greatest number of seconds: what exceeds it counts as this
// (RFC 9111 §1.2.2).
const maxDelta = math.MaxInt32

// Seconds of a directive that has no usable number.
const (
	absent  = -1 // is not given
	invalid = -2 // is given, but is no number: the response is stale (§4.2.1)
)

// directives are the cache directives of a response that have a meaning here
// (RFC 9111 §5.2.2, RFC 5861, RFC 8246). If one is given twice, the first
// counts (§4.2.1).
type directives struct {
	noStore, noCache, private, public               bool
	mustRevalidate, proxyRevalidate, mustUnderstand bool
	immutable                                       bool
	maxAge, sMaxAge                                 int32 // absent, invalid or seconds
	staleWhileRevalidate, staleIfError              int32 // absent or seconds
	strip                                           []string
}

func noDirectives() directives {
	return directives{maxAge: absent, sMaxAge: absent, staleWhileRevalidate: absent, staleIfError: absent}
}

// cacheControl reads all Cache-Control lines of a response. An element that is
// malformed still counts if it restricts, and does not if it permits.
func (d *directives) cacheControl(fields []hpack.Field) {
	for i := range fields {
		if fields[i].Name != "cache-control" {
			continue
		}
		s := scanner{rest: fields[i].Value}
		for s.next() {
			d.add(&s)
		}
	}
}

// add takes the directive that s stands at.
func (d *directives) add(s *scanner) {
	switch n := s.name; {
	case strings.EqualFold(n, "max-age"):
		first(&d.maxAge, s.delta())
	case strings.EqualFold(n, "s-maxage"):
		first(&d.sMaxAge, s.delta())
	case strings.EqualFold(n, "no-store"):
		d.noStore = true
	case strings.EqualFold(n, "no-cache"):
		d.qualified(&d.noCache, s)
	case strings.EqualFold(n, "private"):
		d.qualified(&d.private, s)
	case strings.EqualFold(n, "must-revalidate"):
		d.mustRevalidate = true
	case strings.EqualFold(n, "proxy-revalidate"):
		d.proxyRevalidate = true
	case s.broken:
	case strings.EqualFold(n, "public"):
		d.public = true
	case strings.EqualFold(n, "must-understand"):
		d.mustUnderstand = true
	case strings.EqualFold(n, "immutable"):
		d.immutable = true
	case strings.EqualFold(n, "stale-while-revalidate"):
		first(&d.staleWhileRevalidate, max(s.delta(), 0))
	case strings.EqualFold(n, "stale-if-error"):
		first(&d.staleIfError, max(s.delta(), 0))
	}
}

// first sets a directive's seconds unless an earlier occurrence has (§4.2.1).
func first(to *int32, seconds int32) {
	if *to == absent {
		*to = seconds
	}
}

// qualified takes no-cache or private. With field names they concern these
// alone (§5.2.2.4, §5.2.2.7); with anything that is no list of names, the whole
// response.
func (d *directives) qualified(whole *bool, s *scanner) {
	list := s.argument
	if s.broken || list == "" || strings.Contains(list, `\`) {
		*whole = true
		return
	}
	n := len(d.strip)
	for name := range strings.SplitSeq(list, ",") {
		name = trim(name)
		switch {
		case name == "":
		case !isToken(name):
			*whole = true
			return
		default:
			d.strip = append(d.strip, strings.ToLower(name))
		}
	}
	if len(d.strip) == n {
		*whole = true
	}
}

// strips reports whether the field must not be stored.
func (d *directives) strips(name string) bool {
	for _, s := range d.strip {
		if s == name {
			return true
		}
	}
	return false
}

// A scanner goes through the directives of one field line:
//
//	Cache-Control   = #cache-directive
//	cache-directive = token [ "=" ( token / quoted-string ) ]
//
// An element that is not of this form is broken: it has a name, if it begins
// with a token, and no argument. A quoted string without an end breaks all
// elements behind it: they are separated by commas alone, so that a
// no-store behind a stray quote is still seen.
type scanner struct {
	rest     string
	name     string // as it stands: compare it without regard to case (§5.2)
	argument string // without its quotes; quoted pairs are left as they are
	quoted   bool
	broken   bool
	unclosed bool
}

// next goes to the next element that has a name.
func (s *scanner) next() bool {
	for {
		s.rest = strings.TrimLeft(s.rest, " \t,")
		if s.rest == "" {
			return false
		}
		n := tokenLen(s.rest)
		s.name, s.argument, s.quoted, s.broken = s.rest[:n], "", false, s.unclosed
		s.rest = s.rest[n:]
		if s.rest != "" && s.rest[0] == '=' && n > 0 {
			s.rest = s.rest[1:]
			s.readArgument()
		}
		s.finish()
		if n > 0 {
			return true
		}
	}
}

// readArgument takes a token or a quoted string.
func (s *scanner) readArgument() {
	if s.rest == "" || s.rest[0] != '"' {
		n := tokenLen(s.rest)
		s.argument, s.rest = s.rest[:n], s.rest[n:]
		s.broken = s.broken || n == 0
		return
	}
	end := -1
	if !s.unclosed {
		end = quotedEnd(s.rest)
	}
	if end < 0 {
		s.unclosed, s.broken = true, true
		return
	}
	s.argument, s.quoted, s.rest = s.rest[1:end-1], true, s.rest[end:]
}

// finish goes behind the element, to the next comma outside of quotes. What
// stands before it, other than whitespace, breaks the element.
func (s *scanner) finish() {
	for i := 0; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == ',':
			s.rest = s.rest[i+1:]
			return
		case c == ' ' || c == '\t':
			continue
		case c == '"' && !s.unclosed:
			if end := quotedEnd(s.rest[i:]); end > 0 {
				i += end - 1
			} else {
				s.unclosed = true
			}
		}
		s.broken, s.argument, s.quoted = true, "", false
	}
	s.rest = ""
}

// delta returns the argument as seconds, invalid if it is none.
func (s *scanner) delta() int32 {
	if s.broken {
		return invalid
	}
	return parseDelta(s.argument, s.quoted)
}

// parseDelta reads delta-seconds, 1*DIGIT (RFC 9111 §1.2.2). In a quoted string
// any digit may be a quoted pair (RFC 9110 §5.6.4).
func parseDelta(v string, quoted bool) int32 {
	n, digits := int64(0), 0
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c == '\\' && quoted && i+1 < len(v) {
			i++
			c = v[i]
		}
		if c < '0' || c > '9' {
			return invalid
		}
		digits++
		n = min(n*10+int64(c-'0'), maxDelta)
	}
	if digits == 0 {
		return invalid
	}
	return int32(n)
}

// seconds is a duration of the configuration as whole seconds, rounded up so
// that what is not off does not become off.
func seconds(d time.Duration) int32 {
	if d <= 0 {
		return 0
	}
	return int32(min((int64(d)+int64(time.Second)-1)/int64(time.Second), maxDelta))
}

// quotedEnd returns the length of the quoted string that v begins with, -1 if
// it has no end.
func quotedEnd(v string) int {
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}

// tokenLen returns the length of the token that v begins with (RFC 9110
// §5.6.2).
func tokenLen(v string) int {
	for i := 0; i < len(v); i++ {
		if !tchar[v[i]] {
			return i
		}
	}
	return len(v)
}

func isToken(v string) bool { return v != "" && tokenLen(v) == len(v) }

// trim removes optional whitespace (RFC 9110 §5.6.3). It is a loop because
// strings.Trim makes a set of its characters first, for each of many values.
func trim(v string) string { return trimLeft(trimRight(v)) }

func trimLeft(v string) string {
	for v != "" && (v[0] == ' ' || v[0] == '\t') {
		v = v[1:]
	}
	return v
}

func trimRight(v string) string {
	for v != "" && (v[len(v)-1] == ' ' || v[len(v)-1] == '\t') {
		v = v[:len(v)-1]
	}
	return v
}

// tchar are the octets of a token (RFC 9110 §5.6.2).
var tchar = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()
