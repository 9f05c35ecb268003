package rfc9111

import (
	"fmt"
	"strings"
	"testing"
)

// dictionary writes down the members that are found, "malformed" if it is.
func dictionary(value string) string {
	var members []member
	p := structured{rest: value}
	if !p.dictionary(&members) {
		return "malformed"
	}
	var b strings.Builder
	for _, m := range members {
		switch m.kind {
		case kindTrue:
			fmt.Fprintf(&b, "%s ", m.key)
		case kindFalse:
			fmt.Fprintf(&b, "!%s ", m.key)
		case kindInteger:
			fmt.Fprintf(&b, "%s=%d ", m.key, m.number)
		case kindString:
			fmt.Fprintf(&b, "%s=%q ", m.key, m.text)
		case kindToken:
			fmt.Fprintf(&b, "%s=%s ", m.key, m.text)
		default:
			fmt.Fprintf(&b, "%s=? ", m.key)
		}
	}
	return strings.TrimSuffix(b.String(), " ")
}

func TestDictionary(t *testing.T) {
	const bad = "malformed"
	for _, tt := range []struct{ sentence, value, want string }{
		{"Nothing is an empty dictionary.", "", ""},
		{"Spaces around it.", "  a=1  ", "a=1"},
		{"A tab in front is none.", "\ta=1", bad},
		{"A key alone is true.", "a, b;x=1", "a b"},
		{"Booleans.", "a=?1, b=?0", "a !b"},
		{"Other booleans.", "a=?2", bad},
		{"Integers.", "a=0, b=-5, c=999999999999999", "a=0 b=-5 c=999999999999999"},
		{"Leading zeros.", "a=007", "a=7"},
		{"16 digits.", "a=1000000000000000", bad},
		{"No digits.", "a=-", bad},
		{"A plus.", "a=+1", bad},
		{"Decimals.", "a=1.5, b=-123456789012.123", "a=? b=?"},
		{"Decimals that are too long.", "a=1234567890123.1", bad},
		{"Or too precise.", "a=1.1234", bad},
		{"Or end with the point.", "a=1.", bad},
		{"Strings.", `a="x\"\\y, z"`, `a="x\"\\y, z"`},
		{"A string without an end.", `a="x`, bad},
		{"An escape of anything else.", `a="\x"`, bad},
		{"An escape at the end.", `a="\`, bad},
		{"Control characters in a string.", "a=\"\x01\"", bad},
		{"Octets above ASCII in a string.", `a="ü"`, bad},
		{"Tokens.", "a=b, c=*x:/y!", "a=b c=*x:/y!"},
		{"Byte sequences.", "a=:aGk=:, b=::", "a=? b=?"},
		{"A byte sequence without an end.", "a=:aGk=", bad},
		{"One with another alphabet.", "a=:a-b:", bad},
		{"Dates.", "a=@1659578233, b=@-1", "a=? b=?"},
		{"A date with a fraction.", "a=@1.5", bad},
		{"Display strings.", `a=%"f%c3%bc"`, "a=?"},
		{"With digits in upper case.", `a=%"f%C3%BC"`, bad},
		{"Not UTF-8.", `a=%"%c3"`, bad},
		{"Cut off.", `a=%"%c`, bad},
		{"No quote.", "a=%x", bad},
		{"Inner lists.", `a=(1 "x"  y;q);z, b=()`, "a=? b=?"},
		{"An inner list without an end.", "a=(1 2", bad},
		{"One with commas.", "a=(1,2)", bad},
		{"Parameters with values.", `a=1;b;c=2; d="x";e=?0;*f`, "a=1"},
		{"Parameters without a key.", "a=1;", bad},
		{"Parameters with a key in upper case.", "a=1;B", bad},
		{"Whitespace before a semicolon.", "a=1 ;b", bad},
		{"The last of two counts, in the first's place.", "a=1, b=2, a=3", "a=3 b=2"},
		{"A comma at the end.", "a=1,", bad},
		{"An empty member.", "a=1,,b=2", bad},
		{"A comma in front.", ",a=1", bad},
		{"No comma.", "a=1 b=2", bad},
		{"Whitespace and tabs around commas.", "a=1 \t, \tb=2", "a=1 b=2"},
		{"Keys.", "*a_-.*1=1", "*a_-.*1=1"},
		{"A key that begins with a digit.", "1a=1", bad},
		{"A key in upper case.", "aB=1", bad},
		{"No value.", "a=", bad},
		{"Whitespace around =.", "a = 1", bad},
		{"Anything else.", "a=&", bad},
	} {
		if got := dictionary(tt.value); got != tt.want {
			t.Errorf("%s %q: got %s, want %s", tt.sentence, tt.value, got, tt.want)
		}
	}
}

func TestDictionaryLimit(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d, ", i)
		}
		return b.String() + "a0"
	}
	if dictionary(many(maxMembers)) == "malformed" || dictionary(many(maxMembers+1)) != "malformed" {
		t.Error("as many members as RFC 9651 requires are read, and no more")
	}
}

func TestTargetedTypes(t *testing.T) {
	for _, tt := range []struct {
		value  string
		usable bool
	}{
		{"max-age=60", true}, {"max-age", false}, {`max-age="60"`, false}, {"max-age=60.5", false}, {"max-age=?0", true}, {"max-age=x", false},
		{"stale-if-error=5, stale-while-revalidate=-5", true}, {"stale-if-error", false},
		{"no-store", true}, {"no-store=?0", true}, {"no-store=1", false}, {"public=yes", false}, {"immutable, must-understand", true},
		{"private", true}, {`private="a"`, true}, {"private=a", true}, {"private=1", false}, {"no-cache=(a)", false},
		{"unknown=(1 2);x, max-age=1", true}, {"", false},
	} {
		if _, ok := targetedDirectives(lines("x: "+tt.value), "x"); ok != tt.usable {
			t.Errorf("%q: usable %v, want %v", tt.value, ok, tt.usable)
		}
	}
	d, _ := targetedDirectives(lines(`x: no-store=?0, private="A, b", no-cache=c, stale-while-revalidate=-5, max-age=60`), "x")
	if d.noStore || d.private || d.noCache || !d.strips("a") || !d.strips("b") || !d.strips("c") || d.staleWhileRevalidate != 0 || d.maxAge != 60 {
		t.Errorf("got %+v", d)
	}
}

func FuzzStructured(f *testing.F) {
	for _, seed := range []string{"max-age=60, private", `a="x\"y";b=?1`, "a=(1 2);x, b=:aGk=:", `a=%"%c3%bc"`, "a=@1, b=-1.5", "*=*", "a=1,,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		var members []member
		p := structured{rest: value}
		ok := p.dictionary(&members)
		if ok && p.rest != "" {
			t.Fatalf("%q is well-formed, but %q is left", value, p.rest)
		}
		seen := map[string]bool{}
		for _, m := range members {
			if seen[m.key] {
				t.Fatalf("%q: %s twice", value, m.key)
			}
			seen[m.key] = true
			if m.kind == kindInteger && (m.number > 999_999_999_999_999 || m.number < -999_999_999_999_999) {
				t.Fatalf("%q: %d", value, m.number)
			}
		}
		// A well-formed dictionary stays so with one more member, unless it
		// was empty, and does not with a comma.
		if ok && len(members) > 0 {
			if dictionary(strings.TrimRight(value, " ")+", z=1") == "malformed" || dictionary(value+",") != "malformed" {
				t.Fatalf("%q cannot be continued", value)
			}
		}
	})
}
