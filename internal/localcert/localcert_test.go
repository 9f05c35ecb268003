package localcert

import (
	"crypto/tls"
	"path/filepath"
	"testing"
)

// TestWrite: the two files are a pair, for both names of this machine.
func TestWrite(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	if err := Write(cert, key); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		if err := pair.Leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if err := Write(filepath.Join(cert, "x"), key); err == nil {
		t.Error("a certificate below a file was written")
	}
}
