package site

import (
	"slices"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// asking is a request as the one who reads a key sees it: what the fuzz target below
// compares by a definition that has nothing in common with the key's.
type asking struct {
	host, path, query string
	tenant            []string // lines of x-tenant
	cookie            string
}

func (a *asking) request() *message.Request {
	r := &message.Request{Authority: a.host, Path: a.path + a.query}
	for _, line := range a.tenant {
		r.Fields = append(r.Fields, hpack.Field{Name: "x-tenant", Value: line})
	}
	if a.cookie != "" {
		r.Fields = append(r.Fields, hpack.Field{Name: "cookie", Value: a.cookie})
	}
	return r
}

// means is what distinguishes a request, coarser than what the key may fold: the host
// without case, port and dot, the parameters that count in any order, the tenant's
// lines as one, the values of the cookie.
func (a *asking) means(q *Query) string {
	host, _, _ := strings.Cut(strings.ToLower(a.host), ":")
	var parameters []string
	if !q.Drop {
		for p := range strings.SplitSeq(strings.TrimPrefix(a.query, "?"), "&") {
			if p != "" && !q.leavesOut(p) {
				parameters = append(parameters, p)
			}
		}
		slices.Sort(parameters)
	}
	var values []string
	for pair := range strings.SplitSeq(a.cookie, ";") {
		if name, value, _ := strings.Cut(strings.Trim(pair, " \t"), "="); name == "lang" {
			values = append(values, value)
		}
	}
	tenant := "-"
	if len(a.tenant) > 0 {
		tenant = "+" + strings.Join(a.tenant, ", ")
	}
	return strings.Join([]string{strings.TrimRight(host, "."), a.path, strings.Join(parameters, "&"), tenant, strings.Join(values, ";")}, "\n")
}

// possible reports whether an engine lets such a request pass: no text of its target
// has a control character, and its path begins with a slash.
func (a *asking) possible() bool {
	control := func(r rune) bool { return r <= ' ' || r == 0x7f }
	return strings.HasPrefix(a.path, "/") && !strings.ContainsAny(a.path, "?#") && !strings.Contains(a.host, "/") &&
		strings.IndexFunc(a.host+a.path+a.query, control) < 0 && (a.query == "" || a.query[0] == '?') &&
		!strings.ContainsAny(strings.Join(a.tenant, "")+a.cookie, "\n\r\x00")
}

// FuzzKey looks for two requests that ask for different resources and have the same
// key.
func FuzzKey(f *testing.F) {
	f.Add("a", "/p", "?x=1&y=2", "t", "lang=de", "a", "/p", "?y=2&x=1", "t", "lang=de", uint8(1))
	f.Add("a", "/p", "?q", "", "", "a", "/p?", "", "q", "", uint8(0))
	f.Add("A.example.", "/", "", "\x03", "lang=a", "a.example:443", "/", "", "\x00\x00\x00\x00", "lang=a; lang=", uint8(0))
	f.Add("ab", "/c", "?utm=1", "d", "lang=e", "a", "/bc", "?d", "", "", uint8(3))
	policies := []Query{{}, {Sorted: true}, {Drop: true}, {Keep: []string{"x", "y"}}, {Without: []string{"utm"}, Sorted: true}}
	f.Fuzz(func(t *testing.T, hostA, pathA, queryA, tenantA, cookieA, hostB, pathB, queryB, tenantB, cookieB string, policy uint8) {
		lines := func(s string) []string { // "|" divides lines, "" is none
			if s == "" {
				return nil
			}
			return strings.Split(s, "|")
		}
		a := &asking{hostA, pathA, queryA, lines(tenantA), cookieA}
		b := &asking{hostB, pathB, queryB, lines(tenantB), cookieB}
		if !a.possible() || !b.possible() {
			return
		}
		q := policies[int(policy)%len(policies)]
		s := &Site{Query: q, Fields: []string{"x-tenant"}, Cookies: []string{"lang"}}
		keyA, okA := s.AppendKey(nil, a.request())
		keyB, okB := s.AppendKey(nil, b.request())
		if okA && okB && string(keyA) == string(keyB) && a.means(&q) != b.means(&q) {
			t.Fatalf("%+v and %+v have the key %q", a, b, keyA)
		}
		if okA && !strings.HasPrefix(s.KeyText(string(keyA)), Host(a.host)+a.path) {
			t.Fatalf("%+v: the key's text is %q", a, s.KeyText(string(keyA)))
		}
	})
}
