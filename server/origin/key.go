package origin

// special marks the bytes that keep a path from being its own key. '/' is
// special only before '/' or '.'.
var special = func() (t [256]bool) {
	for c := range t {
		t[c] = c <= ' ' || c == 0x7f
	}
	for _, c := range `%\?#` {
		t[c] = true
	}
	return t
}()

// AppendPathKey appends the cleaned path of a request target to dst: what a
// file origin uses as the key. The query is dropped, since files have none, and
// random queries would otherwise make entries without end. Percent-encoding is
// decoded exactly once. Empty segments and "." are removed and ".." takes the
// segment before it away, encoded or not (RFC 3986 §5.2.4); a slash at the end
// stays.
//
// It reports false for a path that is malformed or can't name a file: without
// a slash at the start, invalid percent-encoding, control characters and spaces
// as they are, NUL, a backslash or a slash in encoded form, a backslash as it
// is, ".." above the root.
func AppendPathKey(dst []byte, path string) ([]byte, bool) {
	if path == "" || path[0] != '/' {
		return dst, false
	}
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '?' {
			return append(dst, path[:i]...), true
		}
		if special[c] || c == '/' && i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.') {
			return appendCleanPath(dst, path)
		}
	}
	return append(dst, path...), true
}

// appendCleanPath is AppendPathKey for the paths that need work.
func appendCleanPath(dst []byte, path string) ([]byte, bool) {
	base := len(dst)
	dst = append(dst, '/')
	segment := len(dst) // where the current segment begins; a slash is before it
	for i := 1; ; i++ {
		if end := i >= len(path) || path[i] == '?'; end || path[i] == '/' {
			switch string(dst[segment:]) {
			case "", ".":
				dst = dst[:segment]
			case "..":
				if segment == base+1 {
					return dst[:base], false
				}
				dst = dst[:segment-1]
				for dst[len(dst)-1] != '/' {
					dst = dst[:len(dst)-1]
				}
			default:
				if !end {
					dst = append(dst, '/')
				}
			}
			if end {
				return dst, true
			}
			segment = len(dst)
			continue
		}
		c := path[i]
		if c == '%' {
			escaped, ok := Unescape(path, i)
			if !ok || escaped == 0 || escaped == '/' || escaped == '\\' {
				return dst[:base], false
			}
			c = escaped
			i += 2
		} else if special[c] {
			return dst[:base], false
		}
		dst = append(dst, c)
	}
}

// Unescape is the byte that the escape at path[i], which is a "%", stands for
// (RFC 3986 §2.1). It reports false if it is malformed.
func Unescape(path string, i int) (c byte, ok bool) {
	if i+2 >= len(path) {
		return 0, false
	}
	high, low := unhex(path[i+1]), unhex(path[i+2])
	return high<<4 | low, high <= 15 && low <= 15
}

// unhex is the value of a hexadecimal digit, and above 15 for anything else.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}
