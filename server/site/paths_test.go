package site

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/server/message"
)

// TestRoute: which site a path leads to, and that every reading of it does.
func TestRoute(t *testing.T) {
	table, err := NewTable(
		&Site{Name: "base", Hosts: []string{"a.example"}},
		&Site{Name: "api", Hosts: []string{"a.example"}, Path: "/api/"},
		&Site{Name: "admin", Hosts: []string{"a.example"}, Path: "/api/admin/"},
		&Site{Name: "pattern", Hosts: []string{"*.example"}},
		&Site{Name: "wide", Hosts: []string{"*.example"}, Path: "/wide/"},
		&Site{Name: "bare", Hosts: []string{"b.example"}, Path: "/bare/"},
		&Site{Name: "all", Default: true, Path: "/all/"},
	)
	if err != nil {
		t.Fatal(err)
	}
	const refused = "400"
	for _, tt := range []struct{ about, host, path, want string }{
		{"the rest", "a.example", "/", "base"},
		{"below a path", "a.example", "/api/x", "api"},
		{"in another form of the host", "A.Example.:443", "/api/x", "api"},
		{"the path itself", "a.example", "/api/", "api"},
		{"without its slash", "a.example", "/api", "api"},
		{"and with a query", "a.example", "/api?/api/admin/", "api"},
		{"the longest", "a.example", "/api/admin/x", "admin"},
		{"a name that only begins so", "a.example", "/apiary", "base"},
		{"another case is another path", "a.example", "/API/x", "base"},
		{"no path", "a.example", "*", "base"},
		{"an escape that means nothing else", "a.example", "/api/%61", "api"},
		{"empty segments within", "a.example", "/api//x", "api"},
		{"a dot within", "a.example", "/api/y/./z", "api"},
		{"dots within", "a.example", "/api/x/../y/./z", refused},
		{"dots beyond an empty segment, which not all take out first", "a.example", "/x/../api//../y", refused},
		{"the same from the root on", "a.example", "//api//../y", refused},
		{"escaped slashes and a parameter, of which one may be read", "a.example", "/api%2f..;%2f..%2fy", refused},
		{"backslashes and a parameter", "a.example", `/api\..;\..\y`, refused},
		{"a parameter that ends before it is decoded", "a.example", "/api;/..%3b/../y", refused},
		{"a slash in a parameter", "a.example", "/;x%2fb/api/y", refused},
		{"an escaped slash within", "a.example", "/api/a%2Fb", "api"},
		{"a parameter within", "a.example", "/api/x;v=1", "api"},
		{"an escape, elsewhere", "a.example", "/%20/x;y", "base"},

		{"an escaped letter of the path", "a.example", "/%61pi/x", refused},
		{"two slashes before it", "a.example", "//api/x", refused},
		{"a dot segment before it", "a.example", "/./api/x", refused},
		{"one that is escaped", "a.example", "/%2e/api/x", refused},
		{"a way in", "a.example", "/x/../api/y", refused},
		{"a way in that is escaped", "a.example", "/x/%2E%2e/api/y", refused},
		{"a way out", "a.example", "/api/../x", refused},
		{"a way out behind an escaped slash", "a.example", "/api/..%2fx", refused},
		{"a way further in", "a.example", "/api/%61dmin/x", refused},
		{"by an escaped slash", "a.example", "/api%2fx", refused},
		{"by a backslash", "a.example", `/x\..\api\y`, refused},
		{"by one that is escaped", "a.example", "/api%5cadmin/x", refused},
		{"by a parameter", "a.example", "/api;x/y", refused},
		{"by a parameter of a dot segment", "a.example", "/x/..;/api/y", refused},
		{"a malformed escape", "a.example", "/%zz", refused},
		{"one that is cut off", "a.example", "/api/%4", refused},

		{"a pattern's", "c.example", "/x", "pattern"},
		{"a pattern's path", "c.example", "/wide/x", "wide"},
		{"an exact host comes before that", "a.example", "/wide/x", "base"},
		{"a host with a path alone", "b.example", "/bare/x", "bare"},
		{"gets the rest from the pattern", "b.example", "/x", "pattern"},
		{"and the pattern's paths", "b.example", "/wide/x", "wide"},
		{"the default's path", "other.test", "/all/x", "all"},
		{"which has no more", "other.test", "/x", ""},
		{"ambiguous there too", "other.test", "/x/../all/", refused},
	} {
		s, ok := table.Route(&message.Request{Authority: tt.host, Path: tt.path})
		got := ""
		switch {
		case !ok:
			got = refused
		case s != nil:
			got = s.Name
		}
		if got != tt.want {
			t.Errorf("%s: %s%s is of %q, want %q", tt.about, tt.host, tt.path, got, tt.want)
		}
	}
	for host, want := range map[string]string{"a.example": "base", "b.example": "pattern", "c.example": "pattern"} {
		if s := table.Find(host); s == nil || s.Name != want {
			t.Errorf("the site of %s is %v, want %s", host, s, want)
		}
	}
	if s := table.Find("other.test"); s != nil {
		t.Errorf("the site of a host without one is %s", s.Name)
	}
	if _, err := NewTable(&Site{Name: "1", Hosts: []string{"a"}, Path: "/x/"}, &Site{Name: "2", Hosts: []string{"a"}, Path: "/x/"}); err == nil {
		t.Error("two sites have one path")
	}
	r := &message.Request{Authority: "a.example", Path: "/api/admin/x?y"}
	if n := testing.AllocsPerRun(100, func() { _, _ = table.Route(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestStripped: what the origin is asked for, and the location of its redirects.
func TestStripped(t *testing.T) {
	s := &Site{Path: "/api/", Strip: true}
	for target, want := range map[string]string{"/api/x?y": "/x?y", "/api/": "/", "/api": "/", "/api?y": "/?y", "/api//x": "//x", "/other": "/other"} {
		if got := s.Stripped(target); got != want {
			t.Errorf("%s becomes %s, want %s", target, got, want)
		}
	}
	if got := s.Unstripped("/sub/"); got != "/api/sub/" {
		t.Errorf("a redirect leads to %s", got)
	}
	plain := &Site{Path: "/api/"}
	if plain.Stripped("/api/x") != "/api/x" || plain.Unstripped("/api/x/") != "/api/x/" {
		t.Error("a path is stripped that is not to be")
	}
	files := &Site{Path: "/api/", Strip: true, Files: true}
	if key := keyOf(t, files, "h/api/a.txt"); Path(key) != "/a.txt" {
		t.Errorf("the file is %s", Path(key))
	}
}

// FuzzRoute: a path that is not refused leads to a site that it is a path of, as it
// stands.
func FuzzRoute(f *testing.F) {
	for _, seed := range []string{"/", "/api", "/api/..%2f", "/x/..;/api/", "%", `\`, "*", ""} {
		f.Add(seed)
	}
	table, err := NewTable(&Site{Name: "base", Default: true}, &Site{Name: "api", Default: true, Path: "/api/", Strip: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		s, ok := table.Route(&message.Request{Authority: "h", Path: path})
		if !ok {
			return
		}
		before, _ := cutQuery(path)
		if got := s.Path == "" || s.has(before); !got || s.Path == "" && table.Sites()[1].has(before) {
			t.Errorf("%q is of %s", path, s.Name)
		}
		if s.Strip && s.Stripped(path)[0] != '/' {
			t.Errorf("%q is stripped to %q", path, s.Stripped(path))
		}
	})
}
