package rfc9111

import (
	"strings"
	"unicode/utf8"
)

// bareItem takes a bare item of any type (RFC 9651 §4.2.3.1).
func (p *structured) bareItem(m *member) bool {
	if p.rest == "" {
		return false
	}
	m.kind = kindOther
	switch c := p.rest[0]; {
	case c == '-' || isDigit(c):
		return p.number(m)
	case c == '"':
		return p.string(m)
	case c == '*' || isAlpha(c):
		return p.token(m)
	case c == '?':
		return p.boolean(m)
	case c == ':':
		return p.bytes()
	case c == '@':
		p.rest = p.rest[1:]
		var date member
		return p.number(&date) && date.kind == kindInteger // §4.2.9
	case c == '%':
		return p.displayString()
	}
	return false
}

// number takes an integer of up to 15 digits or a decimal of up to 12 and 3
// (§4.2.4).
func (p *structured) number(m *member) bool {
	negative := p.take('-')
	whole := digitsLen(p.rest)
	if whole == 0 || whole > 15 {
		return false
	}
	n := int64(0)
	for _, c := range []byte(p.rest[:whole]) {
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	p.rest = p.rest[whole:]
	if !p.take('.') {
		m.kind, m.number = kindInteger, n
		return true
	}
	m.kind = kindOther
	fraction := digitsLen(p.rest)
	p.rest = p.rest[fraction:]
	return whole <= 12 && fraction >= 1 && fraction <= 3
}

func digitsLen(v string) int {
	for i := 0; i < len(v); i++ {
		if !isDigit(v[i]) {
			return i
		}
	}
	return len(v)
}

// string takes a quoted string: printable ASCII, with quotes and backslashes
// escaped (§4.2.5).
func (p *structured) string(m *member) bool {
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			text := p.rest[1:i]
			if strings.IndexByte(text, '\\') >= 0 {
				text = unescape(text)
			}
			m.kind, m.text, p.rest = kindString, text, p.rest[i+1:]
			return true
		case c == '\\':
			if i++; i == len(p.rest) || p.rest[i] != '"' && p.rest[i] != '\\' {
				return false
			}
		case c < ' ' || c >= 0x7f:
			return false
		}
	}
	return false
}

// unescape removes the backslash before each escaped octet.
func unescape(v string) string {
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' {
			i++
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// token takes a token, which here may have ":" and "/" (§4.2.6).
func (p *structured) token(m *member) bool {
	n := 1
	for n < len(p.rest) && (tchar[p.rest[n]] || p.rest[n] == ':' || p.rest[n] == '/') {
		n++
	}
	m.kind, m.text, p.rest = kindToken, p.rest[:n], p.rest[n:]
	return true
}

// boolean takes ?0 or ?1 (§4.2.8).
func (p *structured) boolean(m *member) bool {
	switch {
	case strings.HasPrefix(p.rest, "?1"):
		m.kind = kindTrue
	case strings.HasPrefix(p.rest, "?0"):
		m.kind = kindFalse
	default:
		return false
	}
	p.rest = p.rest[2:]
	return true
}

// bytes takes a byte sequence. Only the alphabet of its base64 is checked: what
// it means is of no use here (§4.2.7).
func (p *structured) bytes() bool {
	end := strings.IndexByte(p.rest[1:], ':')
	if end < 0 {
		return false
	}
	for _, c := range []byte(p.rest[1 : end+1]) {
		if !isAlpha(c) && !isDigit(c) && c != '+' && c != '/' && c != '=' {
			return false
		}
	}
	p.rest = p.rest[end+2:]
	return true
}

// displayString takes %"…" with UTF-8 in percent-encoding, hexadecimal digits in
// lower case (§4.2.10).
func (p *structured) displayString() bool {
	if !strings.HasPrefix(p.rest, `%"`) {
		return false
	}
	var text []byte
	for i := 2; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return utf8.Valid(text)
		case c == '%':
			if i+2 >= len(p.rest) {
				return false
			}
			high, low := hexDigit(p.rest[i+1]), hexDigit(p.rest[i+2])
			if high < 0 || low < 0 {
				return false
			}
			text = append(text, byte(high<<4|low))
			i += 2
		case c < ' ' || c >= 0x7f:
			return false
		default:
			text = append(text, c)
		}
	}
	return false
}

func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// appendTokenOrString appends v as a token if it is one, else as a string: both
// may name a cache (RFC 9211 §2).
func appendTokenOrString(dst []byte, v string) []byte {
	if v == "" || v[0] != '*' && !isAlpha(v[0]) {
		return appendString(dst, v)
	}
	for i := 1; i < len(v); i++ {
		if !tchar[v[i]] && v[i] != ':' && v[i] != '/' {
			return appendString(dst, v)
		}
	}
	return append(dst, v...)
}

// appendString appends v as a string (RFC 9651 §4.1.6). An octet that a string
// cannot hold is percent-encoded.
func appendString(dst []byte, v string) []byte {
	const hex = "0123456789ABCDEF"
	dst = append(dst, '"')
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
