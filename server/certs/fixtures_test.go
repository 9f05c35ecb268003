package certs

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// begin is the moment at which most tests look at the clock.
var begin = time.Now().Truncate(time.Second)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// spec is a certificate to be made, by default for 90 days with an ECDSA key.
type spec struct {
	subject string
	names   []string
	kind    kind
	from    time.Duration // relative to begin
	to      time.Duration
}

func (s spec) make(t testing.TB) *tls.Certificate {
	t.Helper()
	if s.to == 0 {
		s.to = 60 * day
		s.from -= 30 * day
	}
	made := testkit.Template{Subject: s.subject, Hosts: s.names, Begin: begin.Add(s.from), End: begin.Add(s.to)}
	switch s.kind {
	case kindRSA:
		made.Key = rsaKey()
	case kindEd25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		made.Key = key
	}
	identity := made.Make()
	return &identity.TLS
}

const day = 24 * time.Hour

// chainOf and keyOf are what the two files of a certificate have in them.
func chainOf(c *tls.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})
}

func keyOf(t testing.TB, c *tls.Certificate) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// written counts what write has written.
var written atomic.Int64

// write writes a file, with a time that no other has: some file systems' clocks
// are slower than a test.
func write(t testing.TB, path string, text []byte) {
	t.Helper()
	when := begin.Add(time.Duration(written.Add(1)) * time.Second)
	if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chtimes(path, when, when)); err != nil {
		t.Fatal(err)
	}
}

// writePair writes NAME.crt and NAME.key.
func writePair(t testing.TB, dir, name string, c *tls.Certificate) config.Pair {
	t.Helper()
	p := config.Pair{Cert: filepath.Join(dir, name+".crt"), Key: filepath.Join(dir, name+".key")}
	write(t, p.Cert, chainOf(c))
	write(t, p.Key, keyOf(t, c))
	return p
}

// fixture is a keeper under test.
type fixture struct {
	*Keeper
	t   testing.TB
	m   *metrics.Hotpath
	log *testkit.LogBuffer
	now time.Time
}

// keep makes a keeper. It looks at files when the test says so.
func keep(t testing.TB, s Sources) *fixture {
	t.Helper()
	f := &fixture{t: t, m: metrics.NewHotpath(metrics.Options{Stripes: 1}), log: new(testkit.LogBuffer), now: begin}
	k, err := New(s, f.m, slog.New(slog.NewTextHandler(f.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	f.Keeper = k
	return f
}

// pass lets time pass, and looks at the files at its end.
func (f *fixture) pass(d time.Duration) {
	f.now = f.now.Add(d)
	f.look(f.now)
}

// presents checks what a client that asks for a name is presented.
func (f *fixture) presents(why, name string, want *tls.Certificate) {
	f.t.Helper()
	got, err := f.Certificate(modern(name))
	if err != nil || !bytes.Equal(got.Certificate[0], want.Certificate[0]) {
		f.t.Errorf("%s: %q is presented the certificate %q for %q, want %q (%v)", why, name, got.Leaf.Subject.CommonName, got.Leaf.DNSNames, want.Leaf.Subject.CommonName, err)
	}
}

// modern is a client that can use every kind of key.
func modern(name string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName:        name,
		SupportedVersions: []uint16{tls.VersionTLS13},
		SignatureSchemes:  []tls.SignatureScheme{tls.Ed25519, tls.PSSWithSHA256, tls.ECDSAWithP256AndSHA256},
	}
}

// only is a client that can use one kind of key.
func only(name string, scheme tls.SignatureScheme) *tls.ClientHelloInfo {
	h := modern(name)
	h.SignatureSchemes = []tls.SignatureScheme{scheme}
	return h
}
