package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"slices"
	"testing"
	"time"
)

// TestUsable: what an authority sends takes the place of nothing unless it is for the
// name and the key, and in its time.
func TestUsable(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	chain := func(of *ecdsa.PrivateKey, ends time.Time, names ...string) []byte {
		der, err := x509.CreateCertificate(rand.Reader,
			&x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: ends.Add(-2 * time.Hour), NotAfter: ends},
			&x509.Certificate{}, &of.PublicKey, other)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Minute)
	for says, tt := range map[string]struct {
		name  string
		chain []byte
		want  bool
	}{
		"a name":             {"a.example", chain(key, soon, "a.example"), true},
		"a pattern":          {"*.a.example", chain(key, soon, "*.a.example"), true},
		"another name":       {"a.example", chain(key, soon, "b.example"), false},
		"a pattern for it":   {"x.a.example", chain(key, soon, "*.a.example"), false},
		"another key":        {"a.example", chain(other, soon, "a.example"), false},
		"one that has ended": {"a.example", chain(key, past, "a.example"), false},
		"nothing":            {"a.example", nil, false},
		"no certificate":     {"a.example", []byte("<html>"), false},
	} {
		text, err := pemOf(key, slices.Clone(tt.chain))
		if err != nil {
			t.Fatal(err)
		}
		if err := usable(text, tt.name); (err == nil) != tt.want {
			t.Errorf("%s: %v", says, err)
		}
	}
}
