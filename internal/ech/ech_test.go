package ech

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// patience is how long a handshake may take on a machine under load.
const patience = 30 * time.Second

// made is a new key's file, its key and its list.
func made(t testing.TB) (text, key, list []byte) {
	t.Helper()
	text, err := Make("public.example")
	if err != nil {
		t.Fatal(err)
	}
	first, rest := pem.Decode(text)
	second, _ := pem.Decode(rest)
	return text, first.Bytes, second.Bytes
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// TestHandshake: a client that has the configuration of a key reaches the name that
// it asks for, and shows the public one; one that has an old configuration is given the
// new one; one without is served as ever.
func TestHandshake(t *testing.T) {
	text, _, list := made(t)
	other, _, otherList := made(t)
	both, err := Parse(append(bytes.Clone(other), text...))
	if err != nil {
		t.Fatal(err)
	}
	single, err := Parse(other)
	if err != nil {
		t.Fatal(err)
	}
	id := testkit.NewIdentity("secret.example", "public.example")
	for _, tt := range []struct {
		why    string
		keys   []tls.EncryptedClientHelloKey
		client *tls.Config
		name   string // that the server sees
		shown  string // in the ClientHello, in the clear
		retry  []byte // the configurations that the client gets
	}{
		{"the key's configuration", both, &tls.Config{EncryptedClientHelloConfigList: otherList}, "secret.example", "public.example", nil},
		{"the one of the second key", both, &tls.Config{EncryptedClientHelloConfigList: list}, "secret.example", "public.example", nil},
		{"the one of a key that is gone", single, &tls.Config{EncryptedClientHelloConfigList: list}, "public.example", "public.example", otherList},
		{"no configuration", both, &tls.Config{}, "secret.example", "secret.example", nil},
		{"TLS 1.2", both, &tls.Config{MaxVersion: tls.VersionTLS12}, "secret.example", "secret.example", nil},
	} {
		client, server := net.Pipe()
		_ = errors.Join(client.SetDeadline(time.Now().Add(patience)), server.SetDeadline(time.Now().Add(patience)))
		sent := &testkit.Recorder{Conn: client}
		config := &tls.Config{Certificates: []tls.Certificate{id.TLS}, EncryptedClientHelloKeys: tt.keys, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true}
		s := tls.Server(server, config)
		done := make(chan error, 1)
		go func() {
			done <- s.Handshake()
			_, _ = io.Copy(io.Discard, server) // the client's alert, until it closes
		}()
		tt.client.ServerName, tt.client.RootCAs = "secret.example", id.Pool()
		err := tls.Client(sent, tt.client).Handshake()
		_ = client.Close()
		served := <-done
		var rejected *tls.ECHRejectionError
		if errors.As(err, &rejected) {
			if tt.retry == nil || !bytes.Equal(rejected.RetryConfigList, tt.retry) {
				t.Errorf("%s: the client gets %x, want %x", tt.why, rejected.RetryConfigList, tt.retry)
			}
		} else if err != nil || served != nil || tt.retry != nil {
			t.Errorf("%s: %v, %v", tt.why, err, served)
		}
		if got := s.ConnectionState().ServerName; got != tt.name {
			t.Errorf("%s: the server sees %q, want %q", tt.why, got, tt.name)
		}
		for _, name := range []string{"secret.example", "public.example"} {
			if in := bytes.Contains(sent.Sent.Bytes(), []byte(name)); in != (name == tt.shown) {
				t.Errorf("%s: %s is sent in the clear: %t", tt.why, name, in)
			}
		}
	}
}

// TestParse: what a file may have in it. Every truncation of a configuration is an
// error, and none has a key in it.
func TestParse(t *testing.T) {
	text, key, list := made(t)
	_, otherKey, otherList := made(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(at int, b byte) string {
		l := bytes.Clone(list)
		l[at] = b
		return block("PRIVATE KEY", key) + block("ECHCONFIG", l)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	const suites, nameAt = 2 + 9 + 32, 2 + 9 + 32 + 2 + 8 + 1
	for _, tt := range []struct {
		why, text string
		says      string
	}{
		{"nothing", "", "has no PRIVATE KEY"},
		{"text", "none", "has no PRIVATE KEY"},
		{"a key alone", block("PRIVATE KEY", key), "without an ECHCONFIG behind it"},
		{"two keys", block("PRIVATE KEY", key) + string(text), "without an ECHCONFIG behind it"},
		{"a configuration alone", block("ECHCONFIG", list), "without a PRIVATE KEY before it"},
		{"another key's", block("PRIVATE KEY", otherKey) + block("ECHCONFIG", list), "another key"},
		{"a key of another kind", block("PRIVATE KEY", p256) + block("ECHCONFIG", list), "none of X25519"},
		{"a broken key", block("PRIVATE KEY", key[:20]) + block("ECHCONFIG", list), "none of X25519"},
		{"a certificate", string(text) + block("CERTIFICATE", nil), "type CERTIFICATE"},
		{"two configurations in a list", block("PRIVATE KEY", key) + block("ECHCONFIG", append([]byte{0, byte(2 * (len(list) - 2))}, append(bytes.Clone(list[2:]), otherList[2:]...)...)), "more than one"},
		{"another version", changed(3, 0x0c), "version"},
		{"another KEM", changed(2+5+1, 0x21), "X25519"},
		{"half a cipher suite", changed(suites+1, 6), "cipher suites"},
		{"a public name of one label", changed(nameAt+1+6, 'x'), "public name"},
		{"a space in it", changed(nameAt+1, ' '), "public name"},
		{"extensions", changed(len(list)-1, 1), "extensions"},
		{"too many keys", strings.Repeat(string(text), MaxKeys+1), "more than 4"},
	} {
		if _, err := Parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.why, err, tt.says)
		}
	}
	for n := range list {
		if _, err := Parse([]byte(block("PRIVATE KEY", key) + block("ECHCONFIG", list[:n]))); err == nil {
			t.Errorf("the first %d octets of %d are a configuration", n, len(list))
		}
		short := bytes.Clone(list[:n])
		if n > 6 { // and with lengths that fit
			short[1], short[5] = byte(n-2), byte(n-6)
			if _, err := Parse([]byte(block("PRIVATE KEY", key) + block("ECHCONFIG", short))); err == nil {
				t.Errorf("the first %d octets of %d are a configuration, with lengths that fit", n, len(list))
			}
		}
	}
	keys, err := Parse([]byte(strings.Repeat(string(text), MaxKeys)))
	if err != nil || len(keys) != MaxKeys {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for i, k := range keys {
		if k.SendAsRetry != (i == 0) || !bytes.Equal(k.Config, list[2:]) || !bytes.Equal(k.PrivateKey, parsed.(*ecdh.PrivateKey).Bytes()) {
			t.Errorf("key %d is %+v", i, k)
		}
	}
}

// TestPublicName: names that clients would not take are refused.
func TestPublicName(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, good := range map[string]bool{
		"public.example": true, "a-b.EXAMPLE.com": true, "xn--bcher-kva.example": true, long + ".example": true,
		"": false, "localhost": false, "example.com.": false, ".example": false, "a..b": false, "-a.example": false, "a-.example": false,
		"192.0.2.1": false, "::1": false, "*.example.com": false, "bücher.example": false, "a b.example": false, "a.example:443": false,
		long + "a.example": false, strings.Repeat(long+".", 4) + "example": false,
	} {
		text, err := Make(name)
		if (err == nil) != good {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if good {
			if _, err := Parse(text); err != nil {
				t.Errorf("%q: what was made cannot be read: %v", name, err)
			}
		}
	}
}

// FuzzParse: what is taken can be used, and nothing makes it panic.
func FuzzParse(f *testing.F) {
	text, err := Make("public.example")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(append(bytes.Clone(text), text...))
	f.Add([]byte("-----BEGIN ECHCONFIG-----\nAAAA\n-----END ECHCONFIG-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := Parse(text)
		if err != nil {
			return
		}
		if len(keys) == 0 || len(keys) > MaxKeys {
			t.Fatalf("%d keys", len(keys))
		}
		for _, k := range keys {
			if _, err := ecdh.X25519().NewPrivateKey(k.PrivateKey); err != nil || len(k.Config) < 4 {
				t.Fatalf("a key that cannot be used: %v", err)
			}
		}
	})
}
