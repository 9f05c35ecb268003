package fleet

import (
	"crypto/ed25519"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// TestKey pins the key of a token: all releases must derive the same.
func TestKey(t *testing.T) {
	c, err := identity("  01234567890123456789\n")
	if err != nil {
		t.Fatal(err)
	}
	const want = "191cf82a47fbddec41d3fccd3395e00867635c2c5a3c3052ff5f9d7a25f22b8a"
	key := c.Certificates[0].PrivateKey.(ed25519.PrivateKey)
	if got := hex.EncodeToString(key.Public().(ed25519.PublicKey)); got != want {
		t.Errorf("public key %s, want %s", got, want)
	}
}

func TestTokens(t *testing.T) {
	for token, want := range map[string]bool{
		"": false, strings.Repeat(" ", 30): false, "0123456789012345678": false, "\t0123456789012345678 \n": false,
		"01234567890123456789": true, NewToken(): true,
	} {
		if _, err := identity(token); (err == nil) != want {
			t.Errorf("%q: %v", token, err)
		} else if err != nil && !strings.Contains(err.Error(), "20 or more") {
			t.Errorf("%q: %v, which does not say what is allowed", token, err)
		}
	}
	// 26 characters of base32 are 130 bits.
	if a, b := NewToken(), NewToken(); a == b || len(a) < 26 || strings.Trim(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		t.Errorf("tokens %s and %s", a, b)
	}
}

// handshake returns what both sides make of each other, the client after a byte
// was to come from the server: only then has that seen the client's proof.
func handshake(client, server *tls.Config) (clientErr, serverErr error) {
	a, b := net.Pipe()
	_ = a.SetDeadline(time.Now().Add(10 * time.Second))
	_ = b.SetDeadline(time.Now().Add(10 * time.Second))
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := tls.Server(b, server)
		if serverErr = s.Handshake(); serverErr == nil {
			_, serverErr = s.Write([]byte{1})
		}
		_ = b.Close()
	}()
	c := tls.Client(a, client)
	_, clientErr = c.Read(make([]byte, 1))
	_ = a.Close()
	<-done
	return clientErr, serverErr
}

// TestProof lets sides meet that do and do not have the token's key.
func TestProof(t *testing.T) {
	of := func(token string) *tls.Config {
		c, err := identity(token)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ours, others := of(token), of(NewToken())
	stolen, old, bare, blind := ours.Clone(), ours.Clone(), ours.Clone(), others.Clone()
	stolen.Certificates = []tls.Certificate{{Certificate: ours.Certificates[0].Certificate, PrivateKey: others.Certificates[0].PrivateKey}}
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	bare.Certificates = nil
	blind.VerifyConnection = nil
	for name, tt := range map[string]struct {
		client, server *tls.Config
		clients        error // nil: any
	}{
		"another token":                {others, ours, errStranger},
		"another token, not verifying": {blind, ours, nil},
		"a server that takes any":      {ours, blind, errStranger},
		"a stolen certificate":         {stolen, ours, nil},
		"a server with a stolen one":   {ours, stolen, nil},
		"no certificate":               {bare, ours, nil},
		"TLS 1.2":                      {old, ours, nil},
	} {
		c, s := handshake(tt.client, tt.server)
		if c == nil || s == nil {
			t.Errorf("%s: client %v, server %v", name, c, s)
		}
		if tt.clients != nil && !errors.Is(c, tt.clients) {
			t.Errorf("%s: client %v", name, c)
		}
	}
	if c, s := handshake(ours, of(token+"\n")); c != nil || s != nil {
		t.Errorf("the same token: client %v, server %v", c, s)
	}
}
