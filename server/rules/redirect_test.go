package rules

import (
	"strings"
	"testing"
)

// TestRedirects: the location that each target is redirected to, which stays on the
// host that the redirect names.
func TestRedirects(t *testing.T) {
	r := NewRedirects([]Redirect{
		{"/exact", "/there", 308}, {"/old/*", "/new/*", 301}, {"/old/deep/*", "https://deep.example/x/*", 302},
		{"/all/*", "/*", 307}, {"/away*", "https://away.example/", 303}, {"/search", "/find?lang=en", 308},
		{"/section", "https://a.example/page?x=1#part", 308},
	})
	for why, tt := range map[string]struct{ target, want string }{
		"an exact path":                             {"/exact", "/there"},
		"keeps the query":                           {"/exact?a=1&b=2", "/there?a=1&b=2"},
		"is not a prefix":                           {"/exact/x", ""},
		"nor in another case":                       {"/Exact", ""},
		"the rest is appended":                      {"/old/a/b?c", "/new/a/b?c"},
		"an empty rest too":                         {"/old/", "/new/"},
		"the path before it is another":             {"/old", ""},
		"a longer prefix comes first":               {"/old/deep/y", "https://deep.example/x/y"},
		"without a * the rest is left out":          {"/awayfrom/here?q", "https://away.example/?q"},
		"a query joins another":                     {"/search?q=a", "/find?lang=en&q=a"},
		"before the fragment":                       {"/section?y=2", "https://a.example/page?x=1&y=2#part"},
		"two slashes do not lead to a host":         {"/all//evil.example/x", "/evil.example/x"},
		"nor do a slash and a backslash":            {`/all/\evil.example`, "/evil.example"},
		"in any number":                             {`/all//\/\evil.example`, "/evil.example"},
		"an escape is a character of the path":      {"/all/%2f%2fevil.example", "/%2f%2fevil.example"},
		"what is appended does not become a host":   {"/old/deep/@evil.example", "https://deep.example/x/@evil.example"},
		"another path is not led elsewhere":         {"/", ""},
		"a query is none of the path":               {"/x?/exact", ""},
		"an asterisk, of OPTIONS, leads to nothing": {"*", ""},
	} {
		answer := r.answer(tt.target)
		got := ""
		if answer != nil {
			for _, f := range answer.Fields {
				if f.Name == "location" {
					got = f.Value
				}
			}
		}
		if got != tt.want || r.match(tt.target) != (tt.want != "") {
			t.Errorf("%s: %s leads to %q, want %q", why, tt.target, got, tt.want)
		}
	}
	if answer := r.answer("/old/\t/evil.example"); answer == nil || answer.Status != 400 {
		t.Error("a target with a control character, which browsers leave out, is led elsewhere")
	}
	if (*Redirects)(nil).match("/") || NewRedirects(nil) != nil {
		t.Error("no redirects lead somewhere")
	}
}

// FuzzRedirects: whatever is asked for, a path leads to a path of the same host, and
// a URL to its host.
func FuzzRedirects(f *testing.F) {
	for _, seed := range []string{"", "/", "//evil", `\evil`, "@evil", ".evil", "?//evil", "#", "/../..//evil"} {
		f.Add(seed)
	}
	r := NewRedirects([]Redirect{{"/a*", "/*", 308}, {"/b*", "https://host.example/*", 308}})
	f.Fuzz(func(t *testing.T, rest string) {
		for prefix, begins := range map[string]string{"/a": "/", "/b": "https://host.example/"} {
			answer := r.answer(prefix + rest)
			if answer == nil {
				t.Fatalf("%s%s leads to nothing", prefix, rest)
			}
			for _, field := range answer.Fields {
				if field.Name != "location" {
					continue
				}
				if !strings.HasPrefix(field.Value, begins) || begins == "/" && len(field.Value) > 1 && strings.ContainsAny(field.Value[1:2], `/\`) || !visible(field.Value) {
					t.Errorf("%s%s leads to %q", prefix, rest, field.Value)
				}
			}
		}
	})
}

// TestLoop: redirects that lead in a circle, or on for ever, are found by where they
// begin; those that end are none, however often one of them is followed.
func TestLoop(t *testing.T) {
	for why, tt := range map[string]struct {
		all  []Redirect
		want string // "": none
	}{
		"none at all":                            {nil, ""},
		"one after the other":                    {[]Redirect{{"/a", "/b", 308}, {"/b", "/c", 308}}, ""},
		"two that lead to each other":            {[]Redirect{{"/a", "/b", 308}, {"/b", "/a", 308}}, "/a"},
		"a circle behind others":                 {[]Redirect{{"/a", "/b", 308}, {"/b", "/c", 308}, {"/c", "/b?x#y", 308}}, "/a"},
		"a circle by way of a prefix":            {[]Redirect{{"/a/b", "/c", 308}, {"/c", "/a/d", 308}, {"/a/*", "/c", 308}}, "/a/b"},
		"prefixes that grow":                     {[]Redirect{{"/a/*", "/b/c/*", 308}, {"/b/*", "/a/*", 308}}, "/a/*"},
		"another host's path is another's":       {[]Redirect{{"/a", "https://b.example/b", 308}, {"/b", "/a", 308}}, ""},
		"one that takes off a part at a time":    {[]Redirect{{"/a", "/x/x/x/x/x/b", 308}, {"/x/*", "/*", 308}}, ""},
		"the exact one comes before the pattern": {[]Redirect{{"/a*", "/b", 308}, {"/b", "/a/end", 308}, {"/a/end", "/c", 308}}, ""},
	} {
		if got, ok := Loop(tt.all); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, want %q", why, got, tt.want)
		}
	}
}
