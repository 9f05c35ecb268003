package access

import (
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// rightToLeft is the blocks whose characters are written from right to left
// (UAX #9, default classes R and AL): they reorder what stands beside them,
// another client's text or our own.
var rightToLeft = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x0590, Hi: 0x08ff, Stride: 1}, {Lo: 0xfb1d, Hi: 0xfdff, Stride: 1}, {Lo: 0xfe70, Hi: 0xfeff, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x10800, Hi: 0x10fff, Stride: 1}, {Lo: 0x1e800, Hi: 0x1efff, Stride: 1}},
}

// misleading reports whether a character is not seen, or moves what is: control
// and format characters, bidirectional and zero-width ones among them, spaces
// that are none of ASCII, fillers, variation selectors, and what is written from
// right to left.
func misleading(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, rightToLeft)
}

// appendEscapedRune appends a character as JSON and Go escape it.
func appendEscapedRune(dst []byte, r rune) []byte {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendEscapedRune(appendEscapedRune(dst, high), low)
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// Escape returns s with the characters beyond ASCII that mislead its reader as
// \uXXXX, in UTF-16 as JSON has it. Those of ASCII are left to the log's handler.
func Escape(s string) string {
	hides := func(r rune) bool { return r >= utf8.RuneSelf && misleading(r) }
	if strings.IndexFunc(s, hides) < 0 {
		return s
	}
	var b []byte
	for _, r := range s {
		if hides(r) {
			b = appendEscapedRune(b, r)
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}

// Cut shortens a text to most bytes, and marks that.
func Cut(s string, most int) string {
	const mark = "…"
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len(mark)], "") + mark
}

// Visible is a text that a client, an upstream or a file has, as a person can read it,
// in most bytes.
func Visible(s string, most int) string { return Cut(Escape(s), most) }

// EscapeAttr is [Escape] for texts and errors in a log, which may have what a
// peer has sent: a ReplaceAttr of [slog.HandlerOptions].
func EscapeAttr(_ []string, a slog.Attr) slog.Attr {
	var text string
	switch a.Value.Kind() {
	case slog.KindString:
		text = a.Value.String()
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case error:
			text = v.Error()
		case fmt.Stringer:
			text = v.String()
		}
	}
	if escaped := Escape(text); escaped != text {
		a.Value = slog.StringValue(escaped)
	}
	return a
}
