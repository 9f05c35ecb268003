package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestUsable: what an authority sends takes the place of nothing unless it is for the
// name and the key, and in its time.
func TestUsable(t *testing.T) {
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
	}
	own, other := keys[0], keys[1]
	chain := func(of *ecdsa.PrivateKey, ends time.Time, host string) []byte {
		made := testkit.Template{Hosts: []string{host}, Begin: ends.Add(-2 * time.Hour), End: ends, Key: of}.Make()
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.TLS.Certificate[0]})
	}
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Minute)
	for says, tt := range map[string]struct {
		name  string
		chain []byte
		want  bool
	}{
		"a name":             {"a.example", chain(own, soon, "a.example"), true},
		"a pattern":          {"*.a.example", chain(own, soon, "*.a.example"), true},
		"another name":       {"a.example", chain(own, soon, "b.example"), false},
		"a pattern for it":   {"x.a.example", chain(own, soon, "*.a.example"), false},
		"another key":        {"a.example", chain(other, soon, "a.example"), false},
		"one that has ended": {"a.example", chain(own, past, "a.example"), false},
		"nothing":            {"a.example", nil, false},
		"no certificate":     {"a.example", []byte("<html>"), false},
	} {
		text, err := pemOf(own, tt.chain)
		if err != nil {
			t.Fatal(err)
		}
		if err := usable(text, tt.name); (err == nil) != tt.want {
			t.Errorf("%s: %v", says, err)
		}
	}
}
