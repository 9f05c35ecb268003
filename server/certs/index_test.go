package certs

import (
	"crypto/tls"
	"testing"
	"time"
)

// TestSelection: which of some certificates a client is presented, by the name
// that it asks for and the signatures that it can verify.
func TestSelection(t *testing.T) {
	var all []Candidate
	add := func(listed bool, hosts []string, s spec) {
		all = append(all, Candidate{Certificate: s.make(t), Hosts: hosts, Listed: listed})
	}
	add(true, nil, spec{subject: "default", names: []string{"default.example"}})
	add(false, nil, spec{subject: "default-rsa", names: []string{"default.example"}, kind: kindRSA})
	add(false, nil, spec{subject: "exact", names: []string{"www.example.com", "Upper.Example.com"}})
	add(false, nil, spec{subject: "wild", names: []string{"*.example.com"}})
	add(false, nil, spec{subject: "wild-rsa", names: []string{"*.example.com"}, kind: kindRSA})
	add(false, nil, spec{subject: "both-rsa", names: []string{"both.example"}, kind: kindRSA})
	add(false, nil, spec{subject: "both-ecdsa", names: []string{"both.example"}})
	add(false, nil, spec{subject: "both-ed25519", names: []string{"both.example"}, kind: kindEd25519})
	add(false, nil, spec{subject: "rsa", names: []string{"rsa.example"}, kind: kindRSA})
	add(true, []string{"site.example", "*.site.example"}, spec{subject: "site", names: []string{"elsewhere.example"}})
	add(false, nil, spec{subject: "site-found", names: []string{"site.example"}})
	add(false, nil, spec{subject: "site-rsa", names: []string{"site.example"}, kind: kindRSA})
	add(false, nil, spec{subject: "nameless"})
	x := NewIndex(all, begin)

	for _, tt := range []struct {
		why   string
		hello *tls.ClientHelloInfo
		want  string
	}{
		{"no name", modern(""), "default"},
		{"no name, and no ECDSA: what is for the default's name", only("", tls.PSSWithSHA256), "default-rsa"},
		{"a name that no certificate has", modern("other.example"), "default"},
		{"a name that is longer than any", modern(string(make([]byte, 255))), "default"},
		{"an exact name", modern("www.example.com"), "exact"},
		{"in another case", modern("WWW.Example.COM"), "exact"},
		{"a certificate that has it in another case", modern("upper.example.com"), "exact"},
		{"a wildcard", modern("a.example.com"), "wild"},
		{"a wildcard is one label", modern("a.b.example.com"), "default"},
		{"a wildcard is not the name above", modern("example.com"), "default"},
		{"a wildcard is not an empty label", modern(".example.com"), "default"},
		{"a wildcard that is asked for", modern("*.example.com"), "wild"},
		{"RSA for clients that have nothing else", only("a.example.com", tls.PSSWithSHA256), "wild-rsa"},
		{"an exact name that has no RSA: the wildcard's", only("www.example.com", tls.PSSWithSHA256), "wild-rsa"},
		{"ECDSA before Ed25519 and RSA", modern("both.example"), "both-ecdsa"},
		{"Ed25519 alone", only("both.example", tls.Ed25519), "both-ed25519"},
		{"RSA alone", only("both.example", tls.PSSWithSHA256), "both-rsa"},
		{"none that it can use: the first", only("both.example", tls.ECDSAWithP521AndSHA512), "both-ecdsa"},
		{"one certificate, whatever it can use", only("rsa.example", tls.Ed25519), "rsa"},
		{"a site's certificate for its hosts, whatever stands in it", modern("site.example"), "site"},
		{"a site's pattern", modern("a.site.example"), "site"},
		{"beside it another kind of key", only("site.example", tls.PSSWithSHA256), "site-rsa"},
		{"a site's certificate for the names in it", modern("elsewhere.example"), "site"},
	} {
		if got := x.Find(tt.hello).Leaf.Subject.CommonName; got != tt.want {
			t.Errorf("%s: %q is presented %s, want %s", tt.why, tt.hello.ServerName, got, tt.want)
		}
	}
}

// TestTwoForOneName: of two certificates for the same name with keys of the same
// kind, which is presented, whatever their order.
func TestTwoForOneName(t *testing.T) {
	names := []string{"a.example"}
	for _, tt := range []struct {
		why         string
		win, lose   spec
		listed      bool // the winner
		winnerHosts []string
	}{
		{"the one that ends last", spec{from: -1 * day, to: 80 * day}, spec{from: -2 * day, to: 70 * day}, false, nil},
		{"a valid one before one that ends later and has not begun", spec{from: -1 * day, to: 10 * day}, spec{from: day, to: 70 * day}, false, nil},
		{"a valid one before one that has ended", spec{from: -1 * day, to: 10 * day}, spec{from: -9 * day, to: -day}, false, nil},
		{"a listed one before one that ends later", spec{from: -1 * day, to: 10 * day}, spec{from: -1 * day, to: 70 * day}, true, nil},
		{"a site's own before one that is valid", spec{from: -9 * day, to: -day}, spec{from: -1 * day, to: 70 * day}, true, names},
	} {
		tt.win.subject, tt.win.names, tt.lose.names = "win", names, names
		first := Candidate{Certificate: spec{}.make(t)}
		win := Candidate{Certificate: tt.win.make(t), Listed: tt.listed, Hosts: tt.winnerHosts}
		lose := Candidate{Certificate: tt.lose.make(t)}
		for _, all := range [][]Candidate{{first, win, lose}, {first, lose, win}} {
			if got := NewIndex(all, begin).Find(modern("a.example")); got != win.Certificate {
				t.Errorf("%s: it is not presented", tt.why)
			}
		}
	}
}

// TestFindAllocates: a look into the index allocates nothing if a name has one
// certificate, so that it costs the same whatever there are beside it.
func TestFindAllocates(t *testing.T) {
	x := NewIndex([]Candidate{
		{Certificate: spec{names: []string{"a.example", "*.b.example"}}.make(t)},
		{Certificate: spec{names: []string{"c.example"}, kind: kindRSA}.make(t)},
	}, time.Now())
	hellos := []*tls.ClientHelloInfo{modern("a.example"), modern("x.b.example"), modern("c.example"), modern("none"), modern("")}
	if n := testing.AllocsPerRun(100, func() {
		for _, h := range hellos {
			x.Find(h)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
