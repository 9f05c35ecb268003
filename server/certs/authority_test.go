package certs

import (
	"crypto/tls"
	"crypto/x509"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// issuer is an authority, and a client that it has certified.
type issuer struct {
	root   testkit.Identity
	client tls.Certificate
	file   string
}

func newIssuer(t *testing.T, name string) issuer {
	t.Helper()
	template := testkit.Template{Subject: name, Begin: begin.Add(-day), End: begin.Add(day)}
	i := issuer{root: template.Make(), file: filepath.Join(t.TempDir(), name)}
	template.Subject, template.Issuer = "client of "+name, &i.root
	i.client = template.Make().TLS
	write(t, i.file, chainOf(&i.root.TLS))
	return i
}

func (i issuer) authority(t *testing.T, optional bool) *Authority {
	t.Helper()
	a, err := LoadAuthority(i.file, optional)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestClientCertificates: which connections the sites of some authorities admit, by
// the name that the handshake was for and what the client has shown in it.
func TestClientCertificates(t *testing.T) {
	one, two := newIssuer(t, "one"), newIssuer(t, "two")
	server := spec{names: []string{"*.example"}}.make(t)
	base := func() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{*server}} }
	sites := map[string]*Authority{
		"one.example":   one.authority(t, false),
		"two.example":   two.authority(t, false),
		"maybe.example": one.authority(t, true),
		"open.example":  nil,
		"again.example": one.authority(t, false), // the same file
	}
	config := base()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if a := sites[hello.ServerName]; a != nil {
			return a.TLS(base), nil
		}
		return nil, nil
	}
	expired := testkit.Template{Subject: "old", Issuer: &one.root, Begin: begin.Add(-2 * day), End: begin.Add(-day)}.Make().TLS
	beside := func(more ...[]byte) *tls.Certificate {
		c := one.client
		c.Certificate = slices.Concat(c.Certificate, more)
		return &c
	}
	for _, tt := range []struct {
		why, name string
		shows     *tls.Certificate
		fails     bool   // the handshake
		admitted  string // to which sites
	}{
		{"the site's authority", "one.example", &one.client, false, "again maybe one open"},
		{"no certificate", "one.example", nil, true, ""},
		{"another authority's", "one.example", &two.client, true, ""},
		{"beside one that does not matter", "one.example", beside(two.client.Certificate[0]), false, "again maybe one open"},
		{"beside one that takes much memory", "one.example", beside(stuffed(t, subjects, 7000, emptyURI)), true, ""},
		{"one that has expired", "one.example", &expired, true, ""},
		{"the other site", "two.example", &two.client, false, "open two"},
		{"optional, and there is one", "maybe.example", &one.client, false, "again maybe one open"},
		{"optional, and there is none", "maybe.example", nil, false, "maybe open"},
		{"optional, and it is another authority's", "maybe.example", &two.client, true, ""},
		{"a site that asks for none", "open.example", &one.client, false, "open"},
		{"a name of no site", "other.example", &one.client, false, "open"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			client := &tls.Config{
				ServerName: tt.name, InsecureSkipVerify: true, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1),
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if tt.shows == nil {
						return new(tls.Certificate), nil
					}
					return tt.shows, nil
				},
			}
			for range 2 { // the second is resumed
				state, _, err := shake(t, config, client)
				if tt.fails {
					if err == nil {
						t.Errorf("%s, TLS %x: the handshake succeeds", tt.why, version)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s, TLS %x: %v", tt.why, version, err)
					break
				}
				i := Identify(&state, sites[tt.name])
				var admitted []string
				for _, name := range []string{"again", "maybe", "one", "open", "two"} {
					if sites[name+".example"].Admits(i) {
						admitted = append(admitted, name)
					}
				}
				if got := strings.Join(admitted, " "); got != tt.admitted {
					t.Errorf("%s, TLS %x, resumed %t: admitted to %q, want %q", tt.why, version, state.DidResume, got, tt.admitted)
				}
				if shown := i.Certified() != nil; shown != strings.Contains(tt.admitted, "one") && tt.name != "two.example" {
					t.Errorf("%s: a certificate is known: %t", tt.why, shown)
				}
			}
		}
	}
}

// TestAuthorityChanges: what a handshake has verified counts, and not what the site
// of its name asks for when it is over.
func TestAuthorityChanges(t *testing.T) {
	one, two := newIssuer(t, "one"), newIssuer(t, "two")
	before, after := one.authority(t, false), two.authority(t, false)
	state := &tls.ConnectionState{}
	if i := Identify(state, after); after.Admits(i) {
		t.Error("a connection whose handshake asked for nothing is admitted")
	}
	if i := Identify(state, one.authority(t, true)); two.authority(t, true).Admits(i) || !one.authority(t, true).Admits(i) {
		t.Error("a client without a certificate is not admitted where it was asked for one, and there alone")
	}
	chain, err := one.client.Leaf.Verify(x509.VerifyOptions{Roots: one.root.Pool()})
	if err != nil {
		t.Fatal(err)
	}
	state.VerifiedChains = chain
	for _, asked := range []*Authority{nil, before, after} {
		if i := Identify(state, asked); after.Admits(i) || !before.Admits(i) || i.Certified() != one.client.Leaf {
			t.Error("it does not depend on what was verified alone")
		}
	}
	if !(*Authority)(nil).Admits(nil) || before.Admits(nil) || before.Admits(new(message.Identity)) {
		t.Error("a site without an authority admits all, one with it no stranger")
	}
}

// TestBrokenAuthority: what is no file of certificates is an error that names it.
func TestBrokenAuthority(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"empty": "", "text": "none\n", "key": string(keyOf(t, spec{}.make(t))),
		"broken": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	} {
		file := filepath.Join(dir, name)
		write(t, file, []byte(text))
		if _, err := LoadAuthority(file, false); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadAuthority(filepath.Join(dir, "missing"), false); err == nil {
		t.Error("a file that is not there is an authority")
	}
}
