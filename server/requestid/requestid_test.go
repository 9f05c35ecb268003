package requestid

import (
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

func TestValid(t *testing.T) {
	for why, tt := range map[string]struct {
		id   string
		want bool
	}{
		"a UUID":                              {"0af76519-16cd-43dd-8448-eb211c80319c", true},
		"hexadecimal digits":                  {"0af7651916cd43dd8448eb211c80319c", true},
		"base64":                              {"Cvd2UZbNQ92ESOshHIAxnA==", true},
		"base64 with the other two":           {"a+b/c", true},
		"a path of IDs":                       {"edge:3@fra.1~2_x", true},
		"one character":                       {"a", true},
		"as long as may be":                   {strings.Repeat("a", Most), true},
		"nothing":                             {"", false},
		"one character longer":                {strings.Repeat("a", Most+1), false},
		"a space":                             {"a b", false},
		"a comma, which lists have":           {"a,b", false},
		"a quote, which logs escape":          {`a"b`, false},
		"a backslash":                         {`a\b`, false},
		"a line feed, which begins a line":    {"a\nb", false},
		"NUL":                                 {"a\x00b", false},
		"a semicolon, which parameters have":  {"a;b", false},
		"a percent sign, which is an escape":  {"a%41", false},
		"markup, for logs that browsers show": {"<b>", false},
		"a letter that is not ASCII":          {"é", false},
		"an octet that is no UTF-8":           {"\xff", false},
	} {
		if got := Valid(tt.id); got != tt.want {
			t.Errorf("%s: %q is well-formed: %v, want %v", why, tt.id, got, tt.want)
		}
	}
}

func TestGiven(t *testing.T) {
	for why, tt := range map[string]struct {
		fields []hpack.Field
		want   string
	}{
		"the field's value":            {[]hpack.Field{{Name: "accept", Value: "*/*"}, {Name: Field, Value: "a-1"}}, "a-1"},
		"no field":                     {[]hpack.Field{{Name: "accept", Value: "*/*"}}, ""},
		"one that is not well-formed":  {[]hpack.Field{{Name: Field, Value: "a b"}}, ""},
		"two, of which each is right":  {[]hpack.Field{{Name: Field, Value: "a"}, {Name: Field, Value: "b"}}, ""},
		"two, of which one is empty":   {[]hpack.Field{{Name: Field}, {Name: Field, Value: "b"}}, ""},
		"one that CGI takes for it":    {[]hpack.Field{{Name: "x_request_id", Value: "a"}}, ""},
		"none of any fields at all":    {nil, ""},
		"another one, of another name": {[]hpack.Field{{Name: "x-correlation-id", Value: "a"}}, ""},
	} {
		if got := Given(tt.fields); got != tt.want {
			t.Errorf("%s: %q, want %q", why, got, tt.want)
		}
	}
}

// TestNew: an ID is 32 digits, well-formed, and no other one.
func TestNew(t *testing.T) {
	seen := make(map[string]bool)
	for range 10_000 {
		id := New()
		if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" || !Valid(id) {
			t.Fatalf("%q is no ID of 32 digits", id)
		}
		if seen[id] {
			t.Fatalf("%q is there twice", id)
		}
		seen[id] = true
	}
	dst := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { dst = Append(dst[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzGiven: whatever fields there are, an ID that is taken is well-formed and one of
// them.
func FuzzGiven(f *testing.F) {
	for _, seed := range []string{"", "a", "a b", "0af76519-16cd-43dd-8448-eb211c80319c", "\n", "é", strings.Repeat("a", Most+1)} {
		f.Add(seed, seed, false)
		f.Add(seed, "", true)
	}
	f.Fuzz(func(t *testing.T, first, second string, two bool) {
		fields := []hpack.Field{{Name: "a", Value: second}, {Name: Field, Value: first}}
		if two {
			fields = append(fields, hpack.Field{Name: Field, Value: second})
		}
		switch got := Given(fields); {
		case got == "" && !two && Valid(first):
			t.Errorf("%q is not taken", first)
		case got != "" && (two || got != first || !Valid(got)):
			t.Errorf("%q is taken of %v", got, fields)
		}
	})
}
