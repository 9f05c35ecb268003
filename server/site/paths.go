package site

import (
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/server/origin"
)

// fork divides what a host gets among sites, by the path.
type fork struct {
	base  *Site   // gets the rest; nil: none does. It may be another host's fork
	below []*Site // each with a Path, the longest first
}

func newFork(base *Site, below []*Site) *Site {
	slices.SortFunc(below, func(a, b *Site) int { return len(b.Path) - len(a.Path) })
	return &Site{fork: &fork{base, below}}
}

// find returns the site of a target, nil if there is none. It reports false if that
// depends on how the path is read: an origin may take "/a/..%2fb", "/a/../b" or
// "/x;/b" for another path than we do, and what is demanded of requests for that
// would be evaded. So all readings must lead to the same site. Most paths have one.
func (f *fork) find(target string) (s *Site, ok bool) {
	path, _ := cutQuery(target)
	s = f.at(path)
	if plain(path) {
		return s, true
	}
	if contested(path) {
		return nil, false
	}
	for _, servers := range []bool{false, true} {
		if f.at(read(path, servers)) != s {
			return nil, false
		}
	}
	return s, true
}

// at is the site of a path as it stands there.
func (f *fork) at(path string) *Site {
	for _, s := range f.below {
		if s.has(path) {
			return s
		}
	}
	if f.base != nil && f.base.fork != nil {
		return f.base.fork.at(path)
	}
	return f.base
}

// has reports whether a path is one of the site's: its Path, without the slash at the
// end too, or below it.
func (s *Site) has(path string) bool {
	return strings.HasPrefix(path, s.Path) || path == s.Path[:len(s.Path)-1]
}

// plain reports whether a path is read alike by all.
func plain(path string) bool {
	for i := range len(path) {
		switch path[i] {
		case '%', '\\', ';':
			return false
		case '/':
			if i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.') {
				return false
			}
		}
	}
	return true
}

// contested reports whether servers read a path in more ways than the two of read. It
// has a malformed escape; or a ".." segment in any reading, which clients resolve
// themselves, and which leads elsewhere if empty segments or parameters are taken out
// first; or both a parameter and a slash in disguise, either of which may be taken for
// a part of the other.
func contested(path string) bool {
	widest := make([]byte, 0, len(path))
	parameter, disguised := false, false
	for i := 0; i < len(path); i++ {
		c, escaped := path[i], false
		if c == '%' {
			if c, escaped = origin.Unescape(path, i); !escaped {
				return true
			}
			i += 2
		}
		switch {
		case c == ';':
			parameter = true
		case c == '\\', c == '/' && escaped:
			c, disguised = '/', true
		}
		widest = append(widest, c)
	}
	if parameter && disguised {
		return true
	}
	for segment := range strings.SplitSeq(string(widest), "/") {
		if segment, _, _ = strings.Cut(segment, ";"); segment == ".." {
			return true
		}
	}
	return false
}

// read is a path that is not contested, with escapes decoded once and without empty
// segments and those of one dot (RFC 3986 §5.2.4). servers reads it as those do that
// are known to differ: a backslash and an escaped slash are slashes, and a segment ends
// at a semicolon.
func read(path string, servers bool) string {
	decoded := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		escaped := c == '%'
		if escaped {
			c, _ = origin.Unescape(path, i)
			i += 2
		}
		switch {
		case servers && c == '\\':
			c = '/'
		case !servers && escaped && c == '/':
			c = 0 // a character of the segment
		}
		decoded = append(decoded, c)
	}
	var segments []string
	for segment := range strings.SplitSeq(string(decoded), "/") {
		if servers {
			segment, _, _ = strings.Cut(segment, ";")
		}
		switch segment {
		case "", ".":
		default:
			segments = append(segments, segment)
		}
	}
	clean := "/" + strings.Join(segments, "/")
	if len(segments) > 0 && strings.HasSuffix(string(decoded), "/") {
		clean += "/"
	}
	return clean
}

// Stripped is a target as the site's origin gets it: without the Path, if that is
// stripped.
func (s *Site) Stripped(target string) string {
	if !s.Strip {
		return target
	}
	bare := s.Path[:len(s.Path)-1]
	rest, ok := strings.CutPrefix(target, bare)
	switch {
	case !ok:
		return target // of another site: a Location, for example
	case rest == "" || rest[0] == '?':
		return "/" + rest
	}
	return rest
}

// Unstripped is a path of the origin as clients know it.
func (s *Site) Unstripped(path string) string {
	if !s.Strip {
		return path
	}
	return s.Path[:len(s.Path)-1] + path
}
