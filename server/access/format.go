package access

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"
)

// formatter makes lines of records. It belongs to the writer.
type formatter struct {
	format  Format
	members []member // of JSON
	sample  int      // in mode Sampled: how many requests a chosen one stands for

	second int64  // of stamp
	stamp  []byte // that second, in the format's form
}

const hexDigits = "0123456789abcdef"

// appendLine appends a record as one line.
func (f *formatter) appendLine(dst []byte, r *record) []byte {
	if f.format == JSON {
		dst = f.appendJSON(dst, r)
	} else {
		dst = f.appendCommon(dst, r)
	}
	return append(dst, '\n')
}

// appendCommon appends the Common Log Format, and what Combined adds to it.
func (f *formatter) appendCommon(dst []byte, r *record) []byte {
	dst = appendAddr(dst, r.client)
	dst = append(dst, " - - ["...)
	dst = f.appendStamp(dst, r.began, "02/Jan/2006:15:04:05 -0700")
	dst = append(dst, `] "`...)
	if len(r.method.b) > 0 {
		dst = appendEscaped(dst, r.method, true)
		dst = append(dst, ' ')
		dst = appendEscaped(dst, r.path, true)
		dst = append(dst, ' ')
		dst = append(dst, protocolNames[r.protocol]...)
	} else {
		dst = append(dst, '-') // it was none that could be read
	}
	dst = append(dst, `" `...)
	dst = appendNumber(dst, int64(r.status))
	dst = append(dst, ' ')
	dst = appendNumber(dst, r.bytes)
	if f.format != Combined {
		return dst
	}
	for _, t := range [...]text{r.referer, r.agent} {
		dst = append(dst, ` "`...)
		if len(t.b) > 0 {
			dst = appendEscaped(dst, t, false)
		} else {
			dst = append(dst, '-')
		}
		dst = append(dst, '"')
	}
	return dst
}

func appendAddr(dst []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(dst, '-')
	}
	return a.AppendTo(dst)
}

// appendNumber writes zero as the Common Log Format does.
func appendNumber(dst []byte, n int64) []byte {
	if n == 0 {
		return append(dst, '-')
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendStamp appends a second in a layout, UTC.
func (f *formatter) appendStamp(dst []byte, t time.Time, layout string) []byte {
	if second := t.Unix(); second != f.second || f.stamp == nil {
		f.second, f.stamp = second, t.UTC().AppendFormat(f.stamp[:0], layout)
	}
	return append(dst, f.stamp...)
}

// appendEscaped appends a text as Apache does in its log: what is not printable
// ASCII as \xHH, a quote and a backslash behind a backslash. A space is escaped
// if it would end a word. What was cut ends in three dots.
func appendEscaped(dst []byte, t text, word bool) []byte {
	from := 0 // what is plain is copied in one piece
	for i, c := range t.b {
		if plain(c) && !(c == ' ' && word) {
			continue
		}
		dst = append(dst, t.b[from:i]...)
		from = i + 1
		if c == '"' || c == '\\' {
			dst = append(dst, '\\', c)
		} else {
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	dst = append(dst, t.b[from:]...)
	return append(dst, dots(t)...)
}

// plain reports whether an octet stands for itself in every format.
func plain(c byte) bool { return c >= ' ' && c <= '~' && c != '"' && c != '\\' }

// appendJSON appends the members that were chosen, as an object.
func (f *formatter) appendJSON(dst []byte, r *record) []byte {
	start := len(dst)
	for _, member := range f.members {
		dst = member(f, dst, r)
	}
	if len(dst) == start {
		return append(dst, '{', '}')
	}
	dst[start] = '{' // in place of the first comma
	return append(dst, '}')
}

// appendMember appends a text as a JSON string. Nearly all are plain; the rest
// is encoding/json's, which makes U+FFFD of what is not UTF-8. What it lets
// through and misleads a reader, or a terminal obeys, is escaped here.
func appendMember(dst []byte, key string, t text) []byte {
	dst = append(dst, key...)
	for _, c := range t.b {
		if !plain(c) {
			quoted, _ := json.Marshal(string(t.b) + dots(t)) // of a string: never fails
			for _, r := range string(quoted) {
				if misleading(r) {
					dst = appendEscapedRune(dst, r)
				} else {
					dst = utf8.AppendRune(dst, r)
				}
			}
			return dst
		}
	}
	dst = append(dst, '"')
	dst = append(dst, t.b...)
	dst = append(dst, dots(t)...)
	return append(dst, '"')
}

func dots(t text) string {
	if t.cut {
		return "..."
	}
	return ""
}
