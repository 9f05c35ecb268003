package access

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
)

// formatter makes lines of records. It belongs to the writer.
type formatter struct {
	format Format
	sample int // in mode Sampled: how many requests a chosen one stands for

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

func (f *formatter) appendJSON(dst []byte, r *record) []byte {
	dst = append(dst, `{"time":"`...)
	dst = f.appendStamp(dst, r.began, "2006-01-02T15:04:05")
	ms := r.began.Nanosecond() / 1e6
	dst = append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	dst = append(dst, `Z","remote":"`...)
	dst = appendAddr(dst, r.client)
	dst = append(dst, `","protocol":"`...)
	dst = append(dst, protocolNames[r.protocol]...)
	dst = append(dst, '"')
	dst = appendMember(dst, `,"method":`, r.method)
	dst = appendMember(dst, `,"host":`, r.host)
	dst = appendMember(dst, `,"path":`, r.path)
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(r.status), 10)
	dst = append(dst, `,"bytes":`...)
	dst = strconv.AppendInt(dst, r.bytes, 10)
	dst = append(dst, `,"duration_us":`...)
	dst = strconv.AppendInt(dst, r.duration.Microseconds(), 10)
	dst = append(dst, `,"cache":"`...)
	dst = append(dst, r.result.String()...)
	dst = append(dst, '"')
	if r.reason != rfc9111.None {
		dst = append(dst, `,"reason":"`...)
		dst = append(dst, r.reason.String()...)
		dst = append(dst, '"')
	}
	dst = appendMember(dst, `,"referer":`, r.referer)
	dst = appendMember(dst, `,"user_agent":`, r.agent)
	if f.sample > 1 && !r.fault() {
		dst = append(dst, `,"sample":`...)
		dst = strconv.AppendInt(dst, int64(f.sample), 10)
	}
	if r.flags&flagAborted != 0 {
		dst = append(dst, `,"aborted":true`...)
	}
	if r.flags&flagLimited != 0 {
		dst = append(dst, `,"limited":true`...)
	}
	if r.cut() {
		dst = append(dst, `,"truncated":true`...)
	}
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
