package access

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// line is what a Recorder would write of a request.
func line(f *formatter, p Protocol, from netip.Addr, r *message.Request, a Answer) string {
	asked := *r
	asked.Client = from
	b := appendRecord(nil, AppendRequest(nil, &asked), &a, flagLogged, p, new(Secure))
	rec, rest := takeRecord(b)
	if len(rest) > 0 {
		panic("a record is not taken whole")
	}
	return string(f.appendLine(nil, &rec))
}

func TestLines(t *testing.T) {
	plain := full("GET", "example.org", "/a?b=c", "https://example.org/", "curl/8")
	answer := Answer{Began: began, Duration: 1500 * time.Microsecond, Status: 200, Bytes: 1024, Result: metrics.Miss, Reason: rfc9111.VaryMismatch}
	refused := Answer{Began: began, Duration: time.Second, Status: 431, Result: metrics.Bypass}
	reset := Answer{Began: began, Duration: time.Second, Aborted: true, Result: metrics.Bypass}
	const stamp = "[04/Mar/2026:05:06:07 +0000]"
	for _, tt := range []struct {
		name    string
		format  Format
		sample  int
		p       Protocol
		from    netip.Addr
		request *message.Request
		answer  Answer
		want    string
	}{
		{"Common", Common, 0, HTTP2, remote, plain, answer, `192.0.2.1 - - ` + stamp + ` "GET /a?b=c HTTP/2.0" 200 1024`},
		{"Combined", Combined, 0, HTTP11, remote, plain, answer, `192.0.2.1 - - ` + stamp + ` "GET /a?b=c HTTP/1.1" 200 1024 "https://example.org/" "curl/8"`},
		{"IPv6", Common, 0, HTTP10, netip.MustParseAddr("2001:db8::1"), plain, answer, `2001:db8::1 - - ` + stamp + ` "GET /a?b=c HTTP/1.0" 200 1024`},
		{"neither address nor request", Combined, 0, HTTP11, netip.Addr{}, new(message.Request), refused, `- - - ` + stamp + ` "-" 431 - "-" "-"`},
		{"no head was sent", Common, 0, HTTP2, remote, plain, reset, `192.0.2.1 - - ` + stamp + ` "GET /a?b=c HTTP/2.0" - -`},
		{"escapes", Combined, 0, HTTP2, remote, full("GET", "h", "/\"\\ \x01é", "a\tb", "M\"\\ \n\x7f\xff"), answer,
			`192.0.2.1 - - ` + stamp + ` "GET /\"\\\x20\x01\xc3\xa9 HTTP/2.0" 200 1024 "a\x09b" "M\"\\ \x0a\x7f\xff"`},
		{"cut", Combined, 0, HTTP2, remote, full("GET", "h", "/", "", strings.Repeat("a", maxAgent+1)), answer,
			`192.0.2.1 - - ` + stamp + ` "GET / HTTP/2.0" 200 1024 "-" "` + strings.Repeat("a", maxAgent) + `..."`},
		{"JSON", JSON, 100, HTTP2, remote, plain, answer,
			`{"time":"2026-03-04T05:06:07.089Z","remote":"192.0.2.1","protocol":"HTTP/2.0","method":"GET","host":"example.org","path":"/a?b=c","status":200,"bytes":1024,"duration_us":1500,"cache":"miss","reason":"vary_mismatch","referer":"https://example.org/","user_agent":"curl/8","sample":100}`},
		{"JSON, an error stands for itself", JSON, 100, HTTP11, netip.Addr{}, new(message.Request), refused,
			`{"time":"2026-03-04T05:06:07.089Z","remote":"-","protocol":"HTTP/1.1","method":"","host":"","path":"","status":431,"bytes":0,"duration_us":1000000,"cache":"bypass","referer":"","user_agent":""}`},
		{"JSON, beyond the client's limit", JSON, 1, HTTP2, remote, plain, Answer{Began: began, Duration: time.Microsecond, Status: 429, Result: metrics.Bypass, Limited: true},
			`{"time":"2026-03-04T05:06:07.089Z","remote":"192.0.2.1","protocol":"HTTP/2.0","method":"GET","host":"example.org","path":"/a?b=c","status":429,"bytes":0,"duration_us":1,"cache":"bypass","referer":"https://example.org/","user_agent":"curl/8","limited":true}`},
		{"JSON, escaped, cut, aborted", JSON, 1, HTTP2, remote, full("GET", strings.Repeat("h", maxHost+1), "/\"\\\n\xff\u2028", "é", "\x7f\u0080\u009b2J\u009f\u00a0"), reset,
			`{"time":"2026-03-04T05:06:07.089Z","remote":"192.0.2.1","protocol":"HTTP/2.0","method":"GET","host":"` + strings.Repeat("h", maxHost) +
				`...","path":"/\"\\\n\ufffd\u2028","status":0,"bytes":0,"duration_us":1000000,"cache":"bypass","referer":"é","user_agent":"\u007f\u0080\u009b2J\u009f\u00a0","aborted":true,"truncated":true}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &formatter{format: tt.format, members: usualMembers, sample: tt.sample}
			for range 2 { // the second time with the second's stamp
				if got := line(f, tt.p, tt.from, tt.request, tt.answer); got != tt.want+"\n" {
					t.Errorf("got\n%swant\n%s", got, tt.want)
				}
			}
		})
	}
}

// combined is a line as log analysers take it apart.
var combined = regexp.MustCompile(`^(\S+) - - \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}|-) (\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"$`)

// unescape undoes what appendEscaped does: it is a subset of Go's escapes.
func unescape(t *testing.T, s string) string {
	t.Helper()
	got, err := strconv.Unquote(`"` + s + `"`)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return got
}

// logged is what a text becomes when it is logged.
func logged(s string, most int) string {
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// FuzzLine: whatever a client sends, a record is one line, of printable ASCII
// in Combined and of UTF-8 without control characters in JSON, and it says what
// the client sent.
func FuzzLine(f *testing.F) {
	f.Add("GET", "example.org", "/a?b", "https://example.org/", "Mozilla/5.0 (X11)", 200)
	f.Add("GET", "h\"", "/ HTTP/1.1\" 200 1\n127.0.0.1 - -", "\\", "\"\\\r\n\x00\u2028\xff", 0)
	f.Add("", "", "", "", "-", 431)
	f.Add("GET", "\x7f", "/\u0080", "\u009b2J", "\u009f", 200)
	f.Add("M", "", "/"+strings.Repeat("\x00", maxPath), strings.Repeat("é", maxReferer), strings.Repeat("\\", maxAgent+1), 999)
	f.Fuzz(func(t *testing.T, method, host, path, referer, agent string, status int) {
		if status < 100 || status > 999 {
			status = 0
		}
		r := full(method, host, path, referer, agent)
		a := Answer{Began: began, Status: status, Bytes: 7}

		text := line(&formatter{format: Combined}, HTTP2, remote, r, a)
		text, ended := strings.CutSuffix(text, "\n")
		for i := range len(text) {
			if text[i] < ' ' || text[i] > '~' {
				t.Fatalf("%q in a line: %q", text[i], text)
			}
		}
		m := combined.FindStringSubmatch(text)
		if !ended || m == nil {
			t.Fatalf("no line: %q", text)
		}
		want := [...]string{"-", logged(referer, maxReferer), logged(agent, maxAgent)}
		if method != "" {
			if n := strings.Count(m[3], " "); n != 2 {
				t.Fatalf("%d spaces in the request %q", n, m[3])
			}
			want[0] = logged(method, maxMethod) + " " + logged(path, maxPath) + " HTTP/2.0"
		}
		for i, got := range []string{m[3], m[6], m[7]} {
			if want[i] == "" {
				want[i] = "-"
			}
			if got := unescape(t, got); got != want[i] {
				t.Errorf("got %q, want %q", got, want[i])
			}
		}

		text = line(&formatter{format: JSON, members: usualMembers}, HTTP2, remote, r, a)
		var object struct {
			Method, Host, Path, Referer string
			Agent                       string `json:"user_agent"`
			Status                      int
			Truncated                   bool
		}
		if err := json.Unmarshal([]byte(text), &object); err != nil || strings.IndexFunc(text, unicode.IsControl) != len(text)-1 || !utf8.ValidString(text) {
			t.Fatalf("no line: %q: %v", text, err)
		}
		cut := false
		for _, s := range []struct {
			got, want string
			most      int
		}{
			{object.Method, method, maxMethod}, {object.Host, host, maxHost}, {object.Path, path, maxPath},
			{object.Referer, referer, maxReferer}, {object.Agent, agent, maxAgent},
		} {
			cut = cut || len(s.want) > s.most
			if want := valid(logged(s.want, s.most)); s.got != want {
				t.Errorf("got %q, want %q", s.got, want)
			}
		}
		if object.Status != status || object.Truncated != cut {
			t.Errorf("status %d, truncated %v", object.Status, object.Truncated)
		}
	})
}

// valid makes U+FFFD of each octet that is not UTF-8, as encoding/json does.
func valid(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}
