package encode

import (
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

func accepting(lines ...string) []hpack.Field {
	all := []hpack.Field{{Name: "accept", Value: "*/*"}}
	for _, line := range lines {
		all = append(all, hpack.Field{Name: "accept-encoding", Value: line})
	}
	return all
}

var all = Mask(0).With(Brotli).With(Zstd).With(Gzip)

// TestAccept: what is chosen for a request if all codings are there, with br
// before zstd before gzip.
func TestAccept(t *testing.T) {
	p := &Policy{Prefer: []Coding{Brotli, Zstd, Gzip}, Made: all}
	for _, tt := range []struct {
		about, value string
		want         Coding
	}{
		{"a browser", "gzip, deflate, br, zstd", Brotli},
		{"an older one", "gzip, deflate", Gzip},
		{"none is acceptable", "", Identity},
		{"none that there is", "deflate, compress", Identity},
		{"any case", "GZip", Gzip},
		{"the old name (RFC 9110 §8.4.1.3)", "x-gzip", Gzip},
		{"white space", "\tgzip ; q=0.5 ,zstd;q=0.9\t", Zstd},
		{"weights come before our preference", "br;q=0.5, gzip;q=0.8", Gzip},
		{"a weight of three digits", "br;q=0.998, gzip;q=0.999", Gzip},
		{"the same weight is our preference", "gzip;q=0.5, zstd;q=0.5", Zstd},
		{"a weight of 0 is not acceptable", "br;q=0, gzip;q=0.1", Gzip},
		{"nor are others", "br;q=0, zstd;q=0.0, gzip;q=0.000", Identity},
		{"all", "*", Brotli},
		{"all but one", "br;q=0, *", Zstd},
		{"all the others less", "gzip, *;q=0.5", Gzip},
		{"none of the others", "gzip;q=0.1, *;q=0", Gzip},
		{"identity is better", "identity, br;q=0.9", Identity},
		{"identity is as good: less is sent", "identity, br", Brotli},
		{"identity is worse", "identity;q=0.5, br;q=0.9", Brotli},
		{"identity is not acceptable, and nothing is better", "identity;q=0, deflate", Identity},
		{"identity that is not named comes last", "gzip;q=0.001", Gzip},
		{"a malformed weight is none", "br;q=2, zstd;q=0.1234, gzip;q=.5", Identity},
		{"nor is a negative one", "br;q=-1", Identity},
		{"nor more than 1", "br;q=1.001", Identity},
		{"1 with a point", "br;q=1.", Brotli},
		{"a capital Q", "br;Q=0.5", Brotli},
		{"another parameter is malformed", "br;level=5", Identity},
		{"two of them, too", "br;q=1;q=1", Identity},
		{"the last one counts", "br;q=1, br;q=0", Identity},
		{"empty elements", ",, gzip,,", Gzip},
		{"a list in quotes is none", `"br, gzip"`, Identity},
	} {
		a := ParseAccept(accepting(tt.value))
		if best, missing := p.Pick(a, all); best != tt.want || missing != Identity {
			t.Errorf("%s: %q is answered with %v, and %v is missing; want %v", tt.about, tt.value, best, missing, tt.want)
		}
		if _, missing := p.Pick(a, 0); missing != tt.want {
			t.Errorf("%s: %q has %v made, want %v", tt.about, tt.value, missing, tt.want)
		}
	}
	if a := ParseAccept(accepting()); a != OnlyIdentity {
		t.Errorf("a request without Accept-Encoding accepts %o", a)
	}
	if a, one := ParseAccept(accepting("br;q=0.5", "gzip")), ParseAccept(accepting("br;q=0.5, gzip")); a != one {
		t.Errorf("two lines are %o, and one with both %o", a, one)
	}
	for value, want := range map[string]bool{"": true, "gzip": true, "gzip, *;q=0": false, "identity;q=0": false, "*;q=0": false, "identity, *;q=0": true} {
		if got := ParseAccept(accepting(value)).Takes(Identity); got != want {
			t.Errorf("%q takes identity: %t", value, got)
		}
	}
}

// TestNoTransform: a request with it takes the content as it is.
func TestNoTransform(t *testing.T) {
	for value, want := range map[string]Accept{"no-transform": OnlyIdentity, "max-age=0, No-Transform": OnlyIdentity, "no-cache": parseAccept(accepting("br"))} {
		if got := ParseAccept(append(accepting("br"), hpack.Field{Name: "cache-control", Value: value})); got != want {
			t.Errorf("%s: %b, want %b", value, got, want)
		}
	}
}

// TestPick: what is there answers, and the best that may be made is made.
func TestPick(t *testing.T) {
	browser := ParseAccept(accepting("gzip, deflate, br, zstd"))
	gzipBest := ParseAccept(accepting("gzip, br;q=0.5"))
	for _, tt := range []struct {
		about         string
		policy        Policy
		accept        Accept
		there         Mask
		best, missing Coding
	}{
		{"nothing is there", Policy{Prefer: []Coding{Zstd, Gzip}, Made: all}, browser, 0, Identity, Zstd},
		{"the second best is", Policy{Prefer: []Coding{Zstd, Gzip}, Made: all}, browser, Mask(0).With(Gzip), Gzip, Zstd},
		{"the best is", Policy{Prefer: []Coding{Zstd, Gzip}, Made: all}, browser, all, Zstd, Identity},
		{"what is not preferred is not sent", Policy{Prefer: []Coding{Gzip}, Made: all}, browser, Mask(0).With(Brotli), Identity, Gzip},
		{"what is not made is sent if it is there", Policy{Prefer: []Coding{Gzip, Brotli}, Made: Mask(0).With(Gzip)}, browser, Mask(0).With(Brotli), Brotli, Gzip},
		{"and is not made", Policy{Prefer: []Coding{Brotli}}, browser, 0, Identity, Identity},
		{"the client's weight", Policy{Prefer: []Coding{Brotli, Gzip}, Made: all}, gzipBest, Mask(0).With(Brotli), Brotli, Gzip},
		{"a client without Accept-Encoding", Policy{Prefer: []Coding{Brotli}, Made: all}, OnlyIdentity, all, Identity, Identity},
	} {
		if best, missing := tt.policy.Pick(tt.accept, tt.there); best != tt.best || missing != tt.missing {
			t.Errorf("%s: %v, and %v is made; want %v and %v", tt.about, best, missing, tt.best, tt.missing)
		}
	}
}

// FuzzAccept: no value panics or allocates, and no coding is chosen that the value
// does not name.
func FuzzAccept(f *testing.F) {
	for _, seed := range []string{"gzip, deflate, br, zstd", "br;q=0.5, *;q=0", "identity;q=0", ";q=1,,*", "x-gzip;q=1.000"} {
		f.Add(seed)
	}
	p := &Policy{Prefer: []Coding{Zstd, Brotli, Gzip}, Made: all}
	f.Fuzz(func(t *testing.T, value string) {
		fields := accepting(value)
		a := ParseAccept(fields)
		best, missing := p.Pick(a, all)
		if missing != Identity {
			t.Errorf("%v is missing though all are there", missing)
		}
		if best != Identity {
			if lower := strings.ToLower(value); !strings.Contains(lower, best.String()) && !strings.Contains(lower, "*") {
				t.Errorf("%q gets %v", value, best)
			}
			if !a.Takes(best) {
				t.Errorf("%q gets %v, which it does not take", value, best)
			}
		}
		for c := Brotli; c <= Identity; c++ {
			if a.rank(c) > Accept(Codings+2) {
				t.Errorf("%q: %v has the rank %d", value, c, a.rank(c))
			}
		}
	})
}

func TestAcceptDoesNotAllocate(t *testing.T) {
	p := &Policy{Prefer: []Coding{Zstd, Brotli, Gzip}, Made: all}
	fields := accepting("gzip, deflate, br;q=0.9, zstd", "*;q=0.1")
	if n := testing.AllocsPerRun(1000, func() {
		if best, _ := p.Pick(ParseAccept(fields), all); best != Zstd {
			t.Fatal(best)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAccept(b *testing.B) {
	p := &Policy{Prefer: []Coding{Brotli, Zstd, Gzip}, Made: all}
	fields := accepting("gzip, deflate, br, zstd")
	for b.Loop() {
		if best, _ := p.Pick(ParseAccept(fields), all); best != Brotli {
			b.Fatal(best)
		}
	}
}
