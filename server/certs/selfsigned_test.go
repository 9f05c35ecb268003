package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestSelfSigned(t *testing.T) {
	certificate, fingerprint, err := SelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	for _, name := range names {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
			t.Errorf("for %s: %v", name, err)
		}
	}
	if err := leaf.VerifyHostname("example.org"); err == nil {
		t.Error("good for any name")
	}

	// What browsers require: a P-256 key that signs, and at most 398 days.
	if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() || leaf.SignatureAlgorithm != x509.ECDSAWithSHA256 {
		t.Errorf("key %T, signed with %v", leaf.PublicKey, leaf.SignatureAlgorithm)
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 398*24*time.Hour {
		t.Errorf("valid for %v", life)
	}
	if now := time.Now(); !leaf.NotBefore.Before(now) || leaf.NotAfter.Before(now.Add(selfSignedLife-time.Minute)) {
		t.Errorf("valid from %v to %v", leaf.NotBefore, leaf.NotAfter)
	}
	if leaf.KeyUsage != x509.KeyUsageDigitalSignature || leaf.IsCA {
		t.Errorf("key usage %b, an authority: %v", leaf.KeyUsage, leaf.IsCA)
	}
	if leaf.SerialNumber.Sign() <= 0 || leaf.SerialNumber.BitLen() > 159 { // RFC 5280 §4.1.2.2
		t.Errorf("serial number %v", leaf.SerialNumber)
	}

	if !regexp.MustCompile(`^([0-9A-F]{2}:){31}[0-9A-F]{2}$`).MatchString(fingerprint) {
		t.Errorf("fingerprint %q", fingerprint)
	}
	sum := sha256.Sum256(leaf.Raw)
	if got, err := hex.DecodeString(strings.ReplaceAll(fingerprint, ":", "")); err != nil || !bytes.Equal(got, sum[:]) {
		t.Errorf("fingerprint %s of a certificate whose SHA-256 is %x", fingerprint, sum)
	}
	if _, second, err := SelfSigned(); err != nil || second == fingerprint {
		t.Errorf("made twice: %v, the same: %v", err, second == fingerprint)
	}
}
