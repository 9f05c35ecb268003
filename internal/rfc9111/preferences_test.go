package rfc9111

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

func TestPreferences(t *testing.T) {
	many := strings.Repeat("a,", maxSorted) + "b"
	for _, tt := range []struct{ sentence, name, value, want string }{
		{"A browser's codings are sorted.", "accept-encoding", "gzip, deflate, br, zstd", "br,deflate,gzip,zstd"},
		{"So are others'.", "accept-encoding", "gzip, deflate", "deflate,gzip"},
		{"The order of codings has no meaning.", "accept-encoding", "br, gzip", "br,gzip"},
		{"Case has none.", "accept-encoding", "GZip;Q=0.5", "gzip;q=0.5"},
		{"A weight of 1 is as none.", "accept-encoding", "gzip;q=1, br;q=1.000", "br,gzip"},
		{"Whitespace around a weight has no meaning.", "accept-encoding", "gzip ; q=0.5", "gzip;q=0.5"},
		{"Nor have zeros behind it.", "accept-encoding", "gzip;q=0.500,br;q=0.050,x;q=0.,*;q=0.000", "*;q=0,br;q=0.05,gzip;q=0.5,x;q=0"},
		{"Other weights differ.", "accept-encoding", "gzip;q=0.501", "gzip;q=0.501"},
		{"What is said twice is said once.", "accept-encoding", "gzip, br, gzip", "br,gzip"},
		{"With two weights it is not the same, and the order may count.", "accept-encoding", "gzip;q=0.1, x, gzip", "gzip;q=0.1,x,gzip"},
		{"Nor with two names.", "accept-encoding", "x-gzip, gzip;q=0", "x-gzip,gzip;q=0"},
		{"Whatever sorts between them.", "accept-encoding", "gzip;q=0, gzip-x, gzip", "gzip;q=0,gzip-x,gzip"},
		{"Empty members are none.", "accept-encoding", ",gzip,, br,", "br,gzip"},
		{"Nothing but empty members is empty.", "accept-encoding", " , ,", ""},
		{"What is no weight stays.", "accept-encoding", "gzip;q=1.5, br; level=2;q=1", "br;level=2;q=1,gzip;q=1.5"},
		{"So does what is quoted.", "accept-encoding", `b;x="A, b", a`, `b;x="a, b",a`},
		{"A list that is longer than any keeps its order.", "accept-encoding", "c," + many, "c," + many},
		{"Languages keep their order: the first of a weight is preferred.", "accept-language", "fr;q=1.0, DE, en;q=0.70", "fr,de,en;q=0.7"},
		{"Character sets have none.", "accept-charset", "utf-8, ascii", "ascii,utf-8"},
		{"Other fields are no lists of preferences.", "accept", "b, a;q=1", "b,a;q=1"},
	} {
		got := appendValues(nil, tt.name, []hpack.Field{{Name: tt.name, Value: tt.value}})
		if string(got[4:]) != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.sentence, tt.value, got[4:], tt.want)
		}
	}
}

// TestUsualCodings: what is not worked out for each request is what would be.
func TestUsualCodings(t *testing.T) {
	for _, u := range usualCodings {
		if got := string(normalPreferences([]byte(u.list+","), 0, inAnyOrder)); got != u.normal || len(u.normal) != len(u.list) {
			t.Errorf("%s: %s, want %s", u.list, u.normal, got)
		}
	}
}

func TestWeight(t *testing.T) {
	for text, want := range map[string]int{"0": 0, "1": 1000, "0.": 0, "1.": 1000, "0.5": 500, "0.05": 50, "0.005": 5, "1.000": 1000} {
		if got, ok := Weight(text); got != want || !ok {
			t.Errorf("%q is %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "2", "1.001", "0.0001", ".5", "0,5", "-1", "0.a", "01", "1e0"} {
		if got, ok := Weight(text); got != 0 || ok {
			t.Errorf("%q is %d, %v; it is no weight", text, got, ok)
		}
	}
}

// FuzzPreferences: a list and its normal form have the same members with the same
// weights, read by strconv; the normal form is its own, and that of any other order.
func FuzzPreferences(f *testing.F) {
	for _, seed := range []string{"gzip, deflate, br;q=0.9, *;q=0", "a;q=1.0,b ; q=0.050,,", `a;x="b, c"`, "de-AT;q=0.8, de;q=0.80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		normal := func(value string) string { return string(normalPreferences([]byte(value), 0, inAnyOrder)) }
		got := normal(value)
		if again := normal(got); again != got {
			t.Fatalf("%q becomes %q, and that %q", value, got, again)
		}
		if strings.Contains(value, `"`) {
			return
		}
		if want, is := readPreferences(value), readPreferences(got); !maps.Equal(want, is) {
			t.Fatalf("%q becomes %q: %v, want %v", value, got, is, want)
		}
		names := map[string]bool{}
		for member := range strings.SplitSeq(strings.ToLower(value), ",") {
			if member = strings.Trim(member, " \t"); member == "" {
				continue
			}
			name, _, _ := strings.Cut(member, ";")
			name = strings.TrimPrefix(strings.TrimRight(name, " \t"), "x-")
			if names[name] {
				return // its order may count
			}
			names[name] = true
		}
		members := strings.Split(value, ",")
		if slices.Reverse(members); len(members) <= maxSorted && normal(strings.Join(members, ",")) != got {
			t.Fatalf("%q becomes %q, in the other order %q", value, got, normal(strings.Join(members, ",")))
		}
	})
}

// readPreferences reads the members of a list, with what follows them if that is no
// weight, and their weights.
func readPreferences(value string) map[[2]string]bool {
	all := map[[2]string]bool{}
	for _, member := range strings.Split(value, ",") {
		member = strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}, strings.Trim(member, " \t"))
		if member == "" {
			continue
		}
		name, parameter, _ := strings.Cut(member, ";")
		weight, parameter := "1", strings.TrimLeft(parameter, " \t")
		if text, ok := strings.CutPrefix(parameter, "q="); ok && name != "" && len(text) <= 5 && strings.Trim(text, "0123456789.") == "" && (text == "0" || text == "1" || strings.HasPrefix(text, "0.") || strings.HasPrefix(text, "1.")) {
			if w, err := strconv.ParseFloat(text, 64); err == nil && w <= 1 {
				weight, parameter = strconv.FormatFloat(w, 'f', -1, 64), ""
			}
		}
		all[[2]string{strings.TrimRight(name, " \t") + ";" + parameter, weight}] = true
	}
	return all
}
