package site

import (
	"slices"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// TestNamed: which fields and cookies make two requests ask for the same.
func TestNamed(t *testing.T) {
	s := &Site{Fields: []string{"x-tenant", "x-shape"}, Cookies: []string{"currency", "lang"}}
	key := func(pairs ...string) string {
		r := &message.Request{Authority: "h", Path: "/p?q"}
		for i := 0; i < len(pairs); i += 2 {
			r.Fields = append(r.Fields, hpack.Field{Name: pairs[i], Value: pairs[i+1]})
		}
		k, ok := s.AppendKey(nil, r)
		by, okBy := s.AppendKeyBy(nil, r, nil)
		if !ok || !okBy || string(k) != string(by) {
			t.Fatalf("%q: %q, %q", pairs, k, by)
		}
		if text := s.KeyText(string(k)); text != "h/p?q" {
			t.Errorf("%q: the text is %q", pairs, text)
		}
		return string(k)
	}
	for _, tt := range []struct {
		about string
		a, b  []string
		same  bool
	}{
		{"no field that counts", nil, []string{"accept", "x"}, true},
		{"another value", []string{"x-tenant", "a"}, []string{"x-tenant", "b"}, false},
		{"absent is not empty", nil, []string{"x-tenant", ""}, false},
		{"one field's value is not another's", []string{"x-tenant", "a"}, []string{"x-shape", "a"}, false},
		{"nor a part of it", []string{"x-tenant", "ab", "x-shape", "c"}, []string{"x-tenant", "a", "x-shape", "bc"}, false},
		{"two lines", []string{"x-tenant", "a", "x-tenant", "b"}, []string{"x-tenant", "a"}, false},
		{"a cookie", []string{"cookie", "currency=EUR"}, []string{"cookie", "currency=USD"}, false},
		{"another one does not count", []string{"cookie", "currency=EUR; id=1"}, []string{"cookie", "id=2;currency=EUR"}, true},
		{"in lines of their own", []string{"cookie", "lang=de", "cookie", "currency=EUR"}, []string{"cookie", "currency=EUR; lang=de"}, true},
		{"a name that ends so", []string{"cookie", "xcurrency=EUR"}, nil, true},
		{"twice", []string{"cookie", "lang=a; lang=b"}, []string{"cookie", "lang=a"}, false},
		{"twice is not one with both", []string{"cookie", "lang=a; lang=b"}, []string{"cookie", "lang=b; lang=a"}, false},
	} {
		if same := key(tt.a...) == key(tt.b...); same != tt.same {
			t.Errorf("%s: the same key: %t, want %t", tt.about, same, tt.same)
		}
	}
	r := &message.Request{Authority: "h", Path: "/p", Fields: []hpack.Field{{Name: "x-tenant", Value: "a"}, {Name: "cookie", Value: "lang=de; currency=EUR"}}}
	room := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { room, _ = s.AppendKey(room[:0], r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestNamedValues: what is in the key by name, as requests have it.
func TestNamedValues(t *testing.T) {
	s := &Site{Fields: []string{"x-tenant", "x-shape"}, Cookies: []string{"currency", "lang"}}
	var got []string
	for _, v := range s.NamedValues([]hpack.Field{{Name: "x-shape", Value: "a"}, {Name: "x-shape", Value: "b"}, {Name: "cookie", Value: "lang=; id=1"}}) {
		got = append(got, v.String())
	}
	want := []string{"field x-tenant, absent", "field x-shape: a, b", "cookie currency, absent", "cookie lang: "}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := new(Site).NamedValues(nil); got != nil {
		t.Errorf("%v of a site that names none", got)
	}
}
