package access

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// misleads is a text of each kind that misleads its reader, and how it is
// escaped.
var misleads = map[string]struct{ text, escaped string }{
	"right-to-left override": {"a\u202eb", `a\u202eb`},
	"right-to-left isolate":  {"a\u2067b", `a\u2067b`},
	"pop isolate":            {"a\u2069b", `a\u2069b`},
	"right-to-left mark":     {"a\u200fb", `a\u200fb`},
	"Arabic letter mark":     {"a\u061cb", `a\u061cb`},
	"zero-width space":       {"a\u200bb", `a\u200bb`},
	"zero-width joiner":      {"a\u200db", `a\u200db`},
	"word joiner":            {"a\u2060b", `a\u2060b`},
	"byte order mark":        {"a\ufeffb", `a\ufeffb`},
	"soft hyphen":            {"a\u00adb", `a\u00adb`},
	"grapheme joiner":        {"a\u034fb", `a\u034fb`},
	"Hangul filler":          {"a\u3164b", `a\u3164b`},
	"no-break space":         {"a\u00a0b", `a\u00a0b`},
	"line separator":         {"a\u2028b", `a\u2028b`},
	"variation selector":     {"a\ufe0fb", `a\ufe0fb`},
	"tag, beyond 16 bits":    {"a\U000e0041b", `a\udb40\udc41b`},
	"private use":            {"a\ue000b", `a\ue000b`},
	"Hebrew":                 {"a\u05d0b", `a\u05d0b`},
	"Arabic presentation":    {"a\ufe8db", `a\ufe8db`},
	"Adlam, beyond 16 bits":  {"a\U0001e900b", `a\ud83a\udd00b`},
	"nothing, other scripts": {"aé漢😀b", "aé漢😀b"},
	"nothing, ASCII":         {"a\\u202e", `a\u202e`},
	"C1 control characters":  {"a\u009bb", `a\u009bb`},
}

// TestMisleadingTextInTheLog: a line of JSON has it escaped, and decodes to it.
func TestMisleadingTextInTheLog(t *testing.T) {
	for name, tt := range misleads {
		if strings.HasPrefix(tt.text, `a\`) {
			continue // a backslash is JSON's own matter
		}
		text := line(&formatter{format: JSON, members: usualMembers}, HTTP2, remote, full("GET", "h", "/"+tt.text, "", tt.text), ok(200))
		if !strings.Contains(text, `"path":"/`+tt.escaped+`"`) || !strings.Contains(text, `"user_agent":"`+tt.escaped+`"`) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// TestEscapeAttr: in both forms of the server's log, of texts and of errors.
func TestEscapeAttr(t *testing.T) {
	for name, tt := range misleads {
		if got := Escape(tt.text); got != tt.escaped {
			t.Errorf("%s: %q, want %q", name, got, tt.escaped)
		}
	}
	var b bytes.Buffer
	options := &slog.HandlerOptions{ReplaceAttr: EscapeAttr}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, options), slog.NewJSONHandler(&b, options)} {
		b.Reset()
		slog.New(h).Warn("m", "reason", "a\u202eb", "err", errors.New("c\u05d0d"), slog.Group("g", "path", "e\u3164f"), "n", 1)
		for _, want := range []string{`\u202eb`, `\u05d0d`, `\u3164f`} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %s in %q", want, b.String())
			}
		}
		for _, r := range b.String() {
			if r != '\n' && misleading(r) {
				t.Errorf("%q in %q", r, b.String())
			}
		}
	}
}
