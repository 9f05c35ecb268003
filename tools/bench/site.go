//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// body is one of the files that every server serves.
type body struct {
	name string // in row names and tables
	size int64  // bytes
}

// file is the body's name in the directory.
func (b body) file() string { return b.name + ".bin" }

var bodies = []body{
	{"128B", 128},
	{"1KiB", 1 << 10},
	{"16KiB", 16 << 10},
	{"1MiB", 1 << 20},
}

// site is what all servers share: the directory, the certificate, a place for
// their files.
type site struct {
	dir       string // of everything below
	root      string // served
	cert, key string // PEM files
	upstream  string // address of the server that has the same files, for proxies
}

// newSite makes a site under dir, with bodies of random bytes so that nothing
// can be compressed.
func newSite(dir string) (*site, error) {
	s := &site{dir: dir, root: filepath.Join(dir, "root"), cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	// A server that gives up root must still be able to read.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(s.root, 0o755); err != nil {
		return nil, err
	}
	for _, b := range bodies {
		data := make([]byte, b.size)
		rand.Read(data)
		if err := os.WriteFile(filepath.Join(s.root, b.file()), data, 0o644); err != nil {
			return nil, err
		}
	}
	return s, s.writeCert()
}

// writeCert makes the certificate, ECDSA on P-256: what most of the web
// presents.
func (s *site) writeCert() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("generating the key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour), // no run takes a day
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certDER, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("signing the certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding the key: %w", err)
	}
	if err := os.WriteFile(s.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certDER}), 0o644); err != nil {
		return err
	}
	return os.WriteFile(s.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600)
}
