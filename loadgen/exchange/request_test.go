package exchange

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// TestRequestTarget: a URL as a person types it is sent as one that may be sent.
func TestRequestTarget(t *testing.T) {
	for _, tt := range []struct{ why, url, want string }{
		{"a space in the query would end the target", "http://a/?q=a b", "/?q=a%20b"},
		{"what is not ASCII is sent octet by octet", "http://a/?q=ü", "/?q=%C3%BC"},
		{"also what is no UTF-8", "http://a/?q=\xff\x80", "/?q=%FF%80"},
		{"a query behind no path", "http://a?q=a b", "/?q=a%20b"},
		{"the same in a path", "http://a/ü b", "/%C3%BC%20b"},
		{"what was encoded stays as it was", "http://a/%20%c3%bc?q=%20%c3%bc+%", "/%20%c3%bc?q=%20%c3%bc+%"},
		{"visible ASCII in a query is sent as it was written", "http://a/?q=\"<>[]{}|\\^`'&;=", "/?q=\"<>[]{}|\\^`'&;="},
		{"a fragment is not sent", "http://a/?q=a#b c", "/?q=a"},
	} {
		r, err := NewRequest(0, &vegeta.Target{Method: "GET", URL: tt.url})
		if err != nil {
			t.Errorf("%s: %v", tt.why, err)
			continue
		}
		if got := r.Fields[pathField].Value; got != tt.want {
			t.Errorf("%s: :path is %q, want %q", tt.why, got, tt.want)
		}
		if line := "GET " + tt.want + " HTTP/1.1\r\n"; !strings.HasPrefix(string(r.Head), line) {
			t.Errorf("%s: the head is %q, want %q first", tt.why, r.Head, line)
		}
		if r.ByProxy(""); !strings.HasPrefix(string(r.Head), "GET http://a"+tt.want+" HTTP/1.1\r\n") {
			t.Errorf("%s: a proxy is sent %q", tt.why, r.Head)
		}
	}
	for _, tt := range []struct{ why, url, want string }{
		{"a line's end in the query", "http://a/?q=a\r\nX: 1", "control character"},
		{"a line's end in the path", "http://a/\n", "control character"},
		{"a tab, which is one too", "http://a/?q=\t", "control character"},
		{"the last of ASCII", "http://a/?q=\x7f", "control character"},
		{"a space in the host", "http://a b/", "invalid character"},
		{"a host that is not ASCII, also beside a field Host", "http://ü/", "is no host"},
	} {
		target := vegeta.Target{Method: "GET", URL: tt.url, Header: http.Header{"Host": {"b"}}}
		if _, err := NewRequest(0, &target); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.why, err, tt.want)
		}
	}
}

// FuzzRequest: whatever a URL is, it is refused, or is one target in one line.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{"http://a/?q=a b", "http://a/ü?ü", "http://a/?\r\nX: 1", "http://u:p@[fe80::1%25eth0]:1/%0d%0a?%", "https://a?"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		r, err := NewRequest(0, &vegeta.Target{Method: "GET", URL: url})
		if err != nil {
			return
		}
		invisible := func(c rune) bool { return c <= ' ' || c >= 0x7f }
		path := r.Fields[pathField].Value
		if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, invisible) {
			t.Errorf("%q is sent as %q", url, path)
		}
		r.ByProxy("")
		line, _, _ := bytes.Cut(r.Head, []byte("\r\n"))
		if parts := strings.Split(string(line), " "); len(parts) != 3 || strings.ContainsFunc(parts[1], invisible) {
			t.Errorf("%q makes the line %q", url, line)
		}
	})
}
