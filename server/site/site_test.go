package site

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// newTable makes a table of sites, each with a name and its hosts, the name of
// the default one with a star.
func newTable(t testing.TB, sites ...[]string) *Table {
	t.Helper()
	var all []*Site
	for _, s := range sites {
		name, fallback := strings.CutSuffix(s[0], "*")
		all = append(all, &Site{Name: name, Default: fallback, Hosts: s[1:]})
	}
	table, err := NewTable(all...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestFind(t *testing.T) {
	table := newTable(t,
		[]string{"exact", "example.com", "127.0.0.1", "[::1]", "[2001:db8::1]", "localhost"},
		[]string{"below", "*.example.com"},
		[]string{"further", "*.deep.example.com", "xn--bcher-kva.example"},
		[]string{"inner", "www.example.com"},
		[]string{"other*"},
	)
	for authority, want := range map[string]string{
		"example.com":                  "exact",
		"EXAMPLE.Com":                  "exact",
		"example.com:443":              "exact",
		"example.com:8443":             "exact",
		"example.com:":                 "exact",
		"example.com.":                 "exact",
		"example.com.:443":             "exact",
		"example.com.:8443":            "exact",
		"Example.Com.:8443":            "exact",
		"127.0.0.1":                    "exact",
		"127.0.0.1:8443":               "exact",
		"[::1]":                        "exact",
		"[::1]:443":                    "exact",
		"[::1]:8443":                   "exact",
		"[2001:DB8::1]":                "exact",
		"[2001:db8::1]:1":              "exact",
		"localhost:8443":               "exact",
		"a.example.com":                "below",
		"A.EXAMPLE.COM:8443":           "below",
		"a.b.example.com":              "below",
		"a.example.com.":               "below",
		"deep.example.com":             "below",
		"a.deep.example.com":           "further",
		"b.a.deep.example.com":         "further",
		"www.example.com":              "inner",
		"www.example.com:1":            "inner",
		"xn--bcher-kva.example":        "further",
		".example.com":                 "other",
		"badexample.com":               "other",
		"example.com.evil.org":         "other",
		"example.org":                  "other",
		"":                             "other",
		":":                            "other",
		".":                            "other",
		":443":                         "other",
		"[::2]":                        "other",
		"::1":                          "other",
		"example.com..":                "other",
		"user@example.com":             "other",
		"example.com/":                 "other",
		strings.Repeat("a", 300):       "other",
		strings.Repeat("a.", 200):      "other",
		strings.Repeat("a", 250) + ".": "other",
	} {
		if got := table.Find(authority); got == nil || got.Name != want {
			t.Errorf("%q is %v, want %s", authority, got, want)
		}
	}
	if s := newTable(t, []string{"a", "example.com"}).Find("example.org"); s != nil {
		t.Errorf("without a default, a host that no site has is of %s", s.Name)
	}
	if s := newTable(t, []string{"a*"}).Find("whatever"); s == nil || s.Name != "a" {
		t.Error("a table of one site has not all hosts")
	}
	if n := len(table.Sites()); n != 5 {
		t.Errorf("%d sites", n)
	}
}

func TestTablesThatAreRefused(t *testing.T) {
	for want, sites := range map[string][]*Site{
		"two sites have the host a.example":   {{Name: "1", Hosts: []string{"a.example"}}, {Name: "2", Hosts: []string{"a.example"}}},
		"two sites have the host *.a.example": {{Name: "1", Hosts: []string{"*.a.example"}}, {Name: "2", Hosts: []string{"*.a.example"}}},
		"sites 1 and 2 are both the default":  {{Name: "1", Default: true}, {Name: "2", Default: true}},
	} {
		if _, err := NewTable(sites...); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := NewTable(make([]*Site, 1<<16)...); err == nil {
		t.Error("more sites than a key can number are accepted")
	}
}

// TestKeys: which requests share what is stored, by the site's key policy.
func TestKeys(t *testing.T) {
	sent := Query{}
	sorted := Query{Sorted: true}
	for _, tt := range []struct {
		about  string
		query  Query
		a, b   string // authority and target
		shared bool
	}{
		{"the same", sent, "h/a?x=1", "h/a?x=1", true},
		{"the case of a host", sent, "H.Example/a", "h.example/a", true},
		{"the port of HTTPS", sent, "h:443/a", "h/a", true},
		{"an empty port", sent, "h:/a", "h/a", true},
		{"a dot at the end of a name", sent, "h./a", "h/a", true},
		{"a dot and the port", sent, "h.:443/a", "h/a", true},
		{"the port of HTTPS behind an address", sent, "[::1]:443/a", "[::1]/a", true},

		{"another port", sent, "h:8443/a", "h/a", false},
		{"a port that only ends like it", sent, "h:1443/a", "h/a", false},
		{"another host", sent, "h/a", "g/a", false},
		{"another path", sent, "h/a", "h/b", false},
		{"the case of a path", sent, "h/a", "h/A", false},
		{"a slash at the end", sent, "h/a", "h/a/", false},
		{"two slashes", sent, "h/a/b", "h/a//b", false},
		{"a dot segment", sent, "h/a", "h/./a", false},
		{"an escape", sent, "h/a", "h/%61", false},
		{"an escaped slash", sent, "h/a/b", "h/a%2fb", false},
		{"an escaped question mark", sent, "h/a?b", "h/a%3Fb", false},
		{"an empty query", sent, "h/a", "h/a?", false},
		{"the order of parameters", sent, "h/a?x=1&y=2", "h/a?y=2&x=1", false},
		{"a second question mark", sent, "h/a?b?c", "h/a?b", false},
		{"host and path", sent, "h/a", "ha/", false},

		{"sorted: the order", sorted, "h/a?x=1&y=2", "h/a?y=2&x=1", true},
		{"sorted: the order of values of one name stays", sorted, "h/a?x=1&x=2", "h/a?x=2&x=1", false},
		{"sorted: another value", sorted, "h/a?x=1&y=2", "h/a?y=1&x=2", false},
		{"sorted: a parameter without a value", sorted, "h/a?x&y", "h/a?y&x", true},
		{"sorted: no value and an empty one", sorted, "h/a?x", "h/a?x=", false},
		{"sorted: names that begin alike", sorted, "h/a?x=1&xy=2", "h/a?xy=2&x=1", true},
		{"sorted: a value with an equals sign", sorted, "h/a?x=1=2", "h/a?x=1", false},
		{"sorted: a path is none of it", sorted, "h/a&b?c", "h/a?b&c", false},
		{"sorted: many", sorted, "h/a?" + many(20, false), "h/a?" + many(20, true), true},

		{"dropped: any query", Query{Drop: true}, "h/a?x=1", "h/a", true},
		{"dropped: another path", Query{Drop: true}, "h/a?x=1", "h/b?x=1", false},

		{"kept: what counts", Query{Keep: []string{"id"}}, "h/a?id=1", "h/a?id=2", false},
		{"kept: what does not", Query{Keep: []string{"id"}}, "h/a?id=1&utm=x", "h/a?utm=y&id=1", true},
		{"kept: a name that only begins so", Query{Keep: []string{"id"}}, "h/a?id2=1", "h/a", true},
		{"kept: a name in another case is another", Query{Keep: []string{"id"}}, "h/a?ID=1", "h/a", true},
		{"kept: an escaped name may be one that counts", Query{Keep: []string{"id"}}, "h/a?%69d=2", "h/a", false},
		{"kept: so may one behind a semicolon", Query{Keep: []string{"id"}}, "h/a?x;id=2", "h/a", false},
		{"without: what one before a semicolon leads to", Query{Without: []string{"utm"}}, "h/a?utm=1;id=2", "h/a", false},
		{"kept: two of them in their order", Query{Keep: []string{"a", "b"}}, "h/a?a=1&b=2", "h/a?b=2&a=1", false},
		{"kept and sorted", Query{Keep: []string{"a", "b"}, Sorted: true}, "h/a?a=1&c=9&b=2", "h/a?b=2&a=1", true},

		{"without: what does not count", Query{Without: []string{"utm"}}, "h/a?utm=1&id=1", "h/a?id=1", true},
		{"without: what counts", Query{Without: []string{"utm"}}, "h/a?utm=1&id=1", "h/a?id=2", false},
		{"without: all of it", Query{Without: []string{"utm"}}, "h/a?utm=1", "h/a", true},
		{"without: a separator is not a name", Query{Without: []string{"utm"}}, "h/a?x=1;utm=1", "h/a?x=1", false},
	} {
		s := &Site{Query: tt.query}
		if got := keyOf(t, s, tt.a) == keyOf(t, s, tt.b); got != tt.shared {
			t.Errorf("%s: %s and %s share a key: %t", tt.about, tt.a, tt.b, got)
		}
	}
}

func many(n int, reverse bool) string {
	var all []string
	for i := range n {
		if reverse {
			i = n - 1 - i
		}
		all = append(all, fmt.Sprintf("p%02d=%d", i, i))
	}
	return strings.Join(all, "&")
}

// keyOf is the key of an authority and a target that are written as one.
func keyOf(t testing.TB, s *Site, request string) string {
	t.Helper()
	authority, path, _ := strings.Cut(request, "/")
	key, ok := s.AppendKey(nil, &message.Request{Authority: authority, Path: "/" + path})
	if !ok {
		t.Fatalf("%s has no key", request)
	}
	return string(key)
}

func TestNoKey(t *testing.T) {
	for _, files := range []bool{false, true} {
		table, err := NewTable(&Site{Name: "a", Files: files}, &Site{Name: "b", Files: files})
		if err != nil {
			t.Fatal(err)
		}
		a, b := table.Sites()[0], table.Sites()[1]
		r := &message.Request{Authority: "h", Path: "/a"}
		ka, okA := a.AppendKey([]byte("-"), r)
		kb, okB := b.AppendKey([]byte("-"), r)
		if !okA || !okB || string(ka) == string(kb) || ka[0] != '-' {
			t.Errorf("two sites have the keys %q and %q", ka, kb)
		}
		for _, path := range []string{"", "*", "a", "https://h/a"} {
			if _, ok := a.AppendKey(nil, &message.Request{Authority: "h", Path: path}); ok {
				t.Errorf("files %t: %q has a key", files, path)
			}
		}
	}
	if _, ok := new(Site).AppendKey(nil, &message.Request{Authority: "h/a", Path: "/b"}); ok {
		t.Error("a host with a slash has a key, which may be another resource's")
	}
	table, err := NewTable(&Site{Files: true})
	if err != nil {
		t.Fatal(err)
	}
	one := keyOf(t, table.Sites()[0], "g/x/a.txt?v=1")
	if one != keyOf(t, table.Sites()[0], "h/x//a.txt") || Path(one) != "/x/a.txt" {
		t.Errorf("a file's key is %q, its path %q: neither host nor query is to count", one, Path(one))
	}
}

func TestHost(t *testing.T) {
	for authority, want := range map[string]string{
		"example.com": "example.com", "Example.COM:443": "example.com", "example.com.": "example.com",
		"example.com:8443": "example.com:8443", "[::1]:443": "[::1]", "": "", ".": ".",
	} {
		if got := Host(authority); got != want {
			t.Errorf("%q is asked for as %q, want %q", authority, got, want)
		}
	}
}

// TestClient: which proxies are believed is the site's that the request is for.
func TestClient(t *testing.T) {
	inner, outer := client.Networks{netip.MustParsePrefix("10.0.0.0/8")}, client.Networks{netip.MustParsePrefix("192.0.2.0/24")}
	table, err := NewTable(&Site{Name: "a", Hosts: []string{"a"}, TrustedProxies: inner}, &Site{Name: "b", Hosts: []string{"b"}, TrustedProxies: outer}, &Site{Name: "c", Hosts: []string{"c"}})
	if err != nil {
		t.Fatal(err)
	}
	for why, tt := range map[string]struct{ peer, host, want string }{
		"a proxy of the site is believed":              {"10.0.0.1", "a", "203.0.113.9"},
		"one of another site is not":                   {"192.0.2.1", "a", "192.0.2.1"},
		"each site has its own":                        {"192.0.2.1", "b:443", "203.0.113.9"},
		"or none":                                      {"10.0.0.1", "c", "10.0.0.1"},
		"without a site the peer is the client":        {"10.0.0.1", "d", "10.0.0.1"},
		"a peer that is no site's proxy is the client": {"198.51.100.1", "a", "198.51.100.1"},
	} {
		r := &message.Request{Authority: tt.host, Path: "/", Fields: []hpack.Field{{Name: "x-forwarded-for", Value: "203.0.113.9"}}}
		got, trusted := table.Client(netip.MustParseAddr(tt.peer), r)
		if got != netip.MustParseAddr(tt.want) {
			t.Errorf("%s: %v, want %s", why, got, tt.want)
		}
		if trusted != (tt.want == "203.0.113.9") {
			t.Errorf("%s: the peer is trusted: %v", why, trusted)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	table := newTable(t, []string{"a", "example.com"}, []string{"b", "*.example.com"}, []string{"c*"})
	policies := []*Site{
		{}, {Query: Query{Drop: true}}, {Query: Query{Sorted: true}},
		{Query: Query{Keep: []string{"b", "c"}, Sorted: true}}, {Query: Query{Without: []string{"a"}}},
	}
	r := &message.Request{Authority: "WWW.example.com:443", Path: "/path?c=1&b=2&a=3"}
	hosts := []string{"example.com", r.Authority, "other"}
	key := make([]byte, 0, 128)
	if n := testing.AllocsPerRun(1000, func() {
		for _, host := range hosts {
			if table.Find(host) == nil {
				t.Fatal("not found")
			}
		}
		for _, s := range policies {
			if _, ok := s.AppendKey(key, r); !ok {
				t.Fatal("no key")
			}
		}
		if Host(hosts[0]) != hosts[0] {
			t.Fatal("changed")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestKeyText: whatever bytes the hashes in a key have, its text is its host, its path
// and its query.
func TestKeyText(t *testing.T) {
	const query = "?x=1"
	for b := range 256 {
		hash := string([]byte{byte(b), byte(b), byte(b), byte(b)})
		for _, key := range []string{
			"\x00\x01\x02\x03h/p" + query,
			"\x00\x01\x02\x03h/p\x01" + hash + query,
			"\x00\x01\x02\x03h/p" + query + "\x02" + hash,
			"\x00\x01\x02\x03h/p\x01" + hash + query + "\x02" + hash,
		} {
			if got := new(Site).KeyText(key); got != "h/p"+query {
				t.Errorf("%q: %q", key, got)
			}
		}
		path := "/" + string([]byte{byte(b)})
		if got := (&Site{Files: true}).KeyText("\x00\x01\x02\x03" + path); got != path {
			t.Errorf("the file %q: %q", path, got)
		}
	}
}
