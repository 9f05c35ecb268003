package testkit

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Identity is a certificate that stands for its own authority, and its key.
type Identity struct {
	TLS tls.Certificate
}

// NewIdentity makes one for these hosts, by default localhost and 127.0.0.1, that
// is valid from an hour ago, for a day.
func NewIdentity(hosts ...string) Identity {
	return NewIdentityFor(time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour), hosts...)
}

// NewIdentityFor makes one that is valid from begin to end. It panics if it
// cannot, which is a mistake in here.
func NewIdentityFor(begin, end time.Time, hosts ...string) Identity {
	var addresses []net.IP
	if len(hosts) == 0 {
		hosts, addresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	return Template{Subject: "hotpath test", Hosts: hosts, Addresses: addresses, Begin: begin, End: end}.Make()
}

// Template is what an identity is made of.
type Template struct {
	Subject    string // common name
	Hosts      []string
	Addresses  []net.IP
	Begin, End time.Time
	Extensions []pkix.Extension // more of them
	Key        crypto.Signer    // nil: a new ECDSA key
	Issuer     *Identity        // nil: it signs itself
}

// Make makes an identity. It panics if it cannot, which is a mistake in here.
func (t Template) Make() Identity {
	if t.Key == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		t.Key = key
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: t.Subject},
		DNSNames:              t.Hosts,
		IPAddresses:           t.Addresses,
		ExtraExtensions:       t.Extensions,
		NotBefore:             t.Begin,
		NotAfter:              t.End,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	issuer, signer := template, t.Key
	if t.Issuer != nil {
		issuer, signer = t.Issuer.TLS.Leaf, t.Issuer.TLS.PrivateKey.(crypto.Signer)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, t.Key.Public(), signer)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return Identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: t.Key, Leaf: leaf}}
}

// Pool is what a client trusts that is to accept the certificate.
func (i Identity) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(i.TLS.Leaf)
	return pool
}

// Write writes the certificate and its key as PEM, to NAME.crt and NAME.key in
// dir, and returns their paths.
func (i Identity) Write(dir, name string) (cert, key string, err error) {
	private, err := x509.MarshalPKCS8PrivateKey(i.TLS.PrivateKey)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	return cert, key, errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.TLS.Certificate[0]}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}
