package rfc9111

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// elements writes down what a scanner finds: name, "=" and the argument in
// brackets, "!" if it is broken.
func elements(value string) string {
	var b strings.Builder
	s := scanner{rest: value}
	for s.next() {
		fmt.Fprintf(&b, "%s", s.name)
		if s.argument != "" || s.quoted {
			fmt.Fprintf(&b, "[%s]", s.argument)
		}
		if s.broken {
			b.WriteByte('!')
		}
		b.WriteByte(' ')
	}
	return strings.TrimSuffix(b.String(), " ")
}

func TestScanner(t *testing.T) {
	for _, tt := range []struct{ sentence, value, want string }{
		{"Names and arguments.", "a, b=1, c=\"x, y\"", "a b[1] c[x, y]"},
		{"Empty elements and whitespace.", " ,\t,a ,, b\t,", "a b"},
		{"Nothing.", "", ""},
		{"Commas only.", ",,,", ""},
		{"An empty quoted string is an argument.", `a=""`, "a[]"},
		{"Quoted pairs stay.", `a="x\"y, z", b`, `a[x\"y, z] b`},
		{"An argument that is missing.", "a=, b", "a! b"},
		{"Whitespace before =.", "a =1, b", "a! b"},
		{"Whitespace after =.", "a= 1, b", "a! b"},
		{"Something behind a token.", "a=1 x, b", "a! b"},
		{"Something behind a quoted string.", `a="1"x, b`, "a! b"},
		{"A quoted string within garbage keeps its comma.", `a x"b, c", d`, "a! d"},
		{"A quoted string without an end breaks what follows.", `a="b, c=1, d=e`, "a! c[1]! d[e]!"},
		{"One that ends at a later quote has what is between.", `a="b, c=1, d="e, f`, "a! f"},
		{"One that ends with a backslash too.", `a="b\`, "a!"},
		{"What has no name is skipped.", `=1, "x, y", @, b`, "b"},
		{"Quotes without a name and an end break what follows.", `", b`, "b!"},
		{"Control characters are garbage.", "a\x00b, c", "a! c"},
	} {
		if got := elements(tt.value); got != tt.want {
			t.Errorf("%s %q: got %s, want %s", tt.sentence, tt.value, got, tt.want)
		}
	}
}

func TestParseDelta(t *testing.T) {
	for _, tt := range []struct {
		value  string
		quoted bool
		want   int32
	}{
		{"0", false, 0}, {"60", false, 60}, {"000060", false, 60}, {"2147483646", false, 2147483646},
		{"2147483647", false, maxDelta}, {"2147483648", false, maxDelta}, {"4294967296", false, maxDelta},
		{strings.Repeat("9", 400), false, maxDelta},
		{"", false, invalid}, {"-1", false, invalid}, {"+1", false, invalid}, {"1.0", false, invalid}, {"1e3", false, invalid},
		{"0x10", false, invalid}, {"1 ", false, invalid}, {"١", false, invalid},
		{`6\0`, true, 60}, {`6\0`, false, invalid}, {`6\`, true, invalid}, {"", true, invalid},
	} {
		if got := parseDelta(tt.value, tt.quoted); got != tt.want {
			t.Errorf("%q (quoted %v): got %d, want %d", tt.value, tt.quoted, got, tt.want)
		}
	}
}

func TestParseDate(t *testing.T) {
	want := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC).Unix()
	near := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	good := []string{
		"Sun, 06 Nov 1994 08:49:37 GMT", "sUN, 06 nOV 1994 08:49:37 gmt", "Sunday, 06-Nov-94 08:49:37 GMT", "SUNDAY, 06-NOV-94 08:49:37 gmt",
		"Sun Nov  6 08:49:37 1994", "Sun Nov 06 08:49:37 1994", " Sun, 06 Nov 1994 08:49:37 GMT\t",
		"Mon, 06 Nov 1994 08:49:37 GMT", // the day's name is not looked at
	}
	for _, v := range good {
		if got, ok := parseDate(v, near); !ok || got != want {
			t.Errorf("%q: got %d %v, want %d", v, got, ok, want)
		}
	}
	for _, v := range []string{
		"", "0", "-1", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 30 Feb 1996 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Xxx 1994 08:49:37 GMT", "Xxx, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 08-49-37 GMT", "Sun, 06 Nov 1994 -8:49:37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sunday, 06 Nov 94 08:49:37 GMT", "Someday, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-xx 08:49:37 GMT",
		"Sun Nov  6 08:49:37 94", "Sun Nov   6 08:49:37 199", "Sun Nov 6  08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
	} {
		if got, ok := parseDate(v, near); ok {
			t.Errorf("%q: got %d, but it is no date", v, got)
		}
	}
	for _, v := range good[:6] {
		for i := range v {
			if _, ok := parseDate(v[:i], near); ok {
				t.Errorf("%q, cut from %q, is no date", v[:i], v)
			}
		}
	}
	for _, tt := range []struct {
		value string
		want  int
	}{
		{"Sunday, 06-Nov-76 08:49:37 GMT", 2076}, {"Sunday, 06-Nov-77 08:49:37 GMT", 1977}, {"Sunday, 06-Nov-26 08:49:37 GMT", 2026}, {"Sunday, 06-Nov-00 08:49:37 GMT", 2000},
	} {
		if got, ok := parseDate(tt.value, near); !ok || time.Unix(got, 0).UTC().Year() != tt.want {
			t.Errorf("%q: got %v %v, want the year %d: more than 50 years ahead is past", tt.value, time.Unix(got, 0).UTC(), ok, tt.want)
		}
	}
	if leap, ok := parseDate("Sat, 31 Dec 2016 23:59:60 GMT", near); !ok || leap != time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC).Unix() {
		t.Error("a leap second is the next second of Unix time")
	}
}

func FuzzCacheControl(f *testing.F) {
	for _, seed := range []string{"max-age=60", `private="a, b", no-cache=x, s-maxage="1"`, `x="a\", no-store`, "max-age =1,,=,;", "no-store", "\x00,\xff=\"", "public,max-stale"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		s := scanner{rest: value}
		for s.next() {
			if !isToken(s.name) {
				t.Fatalf("%q is no name", s.name)
			}
			if s.broken && s.argument != "" && !s.unclosed {
				t.Fatalf("%q is broken but has the argument %q", s.name, s.argument)
			}
		}
		d := noDirectives()
		field := lines("cache-control: x")
		field[0].Value = value
		d.cacheControl(field)
		if d.maxAge < invalid || d.staleIfError < absent {
			t.Fatalf("%q: impossible seconds: %+v", value, d)
		}
		for _, name := range d.strip {
			if !isToken(name) || name != strings.ToLower(name) {
				t.Fatalf("%q: strips %q", value, name)
			}
		}
		// A directive that restricts is seen behind anything but a quote that
		// it closes.
		field[0].Value = value + ", no-store"
		strict := noDirectives()
		strict.cacheControl(field)
		if !strict.noStore && !strings.Contains(value, `"`) {
			t.Fatalf("no-store was lost behind %q", value)
		}
		a := Ask("GET", field, &Rules{HonorRequest: true})
		if a.maxAge < absent || a.minFresh < absent || a.maxStale < absent {
			t.Fatalf("%q: impossible seconds: %+v", value, a)
		}
	})
}

func FuzzAge(f *testing.F) {
	for _, seed := range []string{"0", "7200, 0", "-1", "99999999999999999999", " ,,5", "1;a", ""} {
		f.Add(seed, "Sun, 01 Mar 2026 12:00:00 GMT")
	}
	f.Add("1", "Sunday, 01-Mar-26 12:00:00 GMT")
	f.Add("1", "Sun Mar  1 12:00:00 2026")
	f.Fuzz(func(t *testing.T, age, date string) {
		response := lines("age: x|date: x|cache-control: max-age=60, stale-if-error=60")
		response[0].Value, response[1].Value = age, date
		if a := ageValue(response); a < 0 || a > maxDelta {
			t.Fatalf("%q is %d", age, a)
		}
		if b := born(response, at(0), at(2)); b > at(0).Unix() {
			t.Fatalf("%q, %q: younger than the request", age, date)
		}
	})
}
