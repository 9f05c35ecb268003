package head

import (
	"strings"
	"testing"
)

// FuzzAuthority: what passes has a host, at most one port, and nothing that
// ends an authority in a URL or a log.
func FuzzAuthority(f *testing.F) {
	for _, s := range []string{"", "a", "a:1", "a:", ":1", "[::1]", "[::1]:443", "[", "[]", "a@b", "a%2", "a%20b", "a:65536", "a b", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		port, ok := splitAuthority(s)
		if !ok {
			return
		}
		if s == "" || strings.HasPrefix(s, ":") || strings.ContainsAny(s, "@/\\?#<>\" \t\r\n\x00\x7f") {
			t.Errorf("%q passes", s)
		}
		if host := strings.TrimSuffix(strings.TrimSuffix(s, port), ":"); host == "" || !strings.HasPrefix(s, "[") && strings.Contains(host, ":") {
			t.Errorf("%q has the port %q", s, port)
		}
	})
}
