package config

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// LoadPair loads a certificate chain and its key. Leaf is set. The error names
// the setting whose file is to be changed, cert or key; cert if it is both.
func LoadPair(certFile, keyFile string) (tls.Certificate, *Error) {
	pair, all := loadPair(certFile, keyFile)
	if len(all) > 0 {
		return tls.Certificate{}, all[0]
	}
	return pair, nil
}

// loadPair is LoadPair that says of either file what is wrong with it, or what is
// with the two together.
func loadPair(certFile, keyFile string) (tls.Certificate, Mistakes) {
	var all Mistakes
	fail := func(key, value, problem, allowed string) {
		all = append(all, &Error{key, key, value, problem, allowed})
	}
	const wantCert = "a PEM file with the certificate and its chain"
	const wantKey = "a PEM file with the private key of the certificate, RSA, ECDSA or Ed25519, not encrypted"
	chain, badCert := ReadRegular(certFile)
	key, badKey := ReadRegular(keyFile)
	var err error
	if badCert == nil && badKey == nil {
		var pair tls.Certificate
		if pair, err = tls.X509KeyPair(chain, key); err == nil {
			return pair, nil
		}
	}
	// Which file is at fault, and how. It costs as much again, so that pairs
	// that are good do not pay for it.
	var leaf *x509.Certificate
	if badCert == nil {
		leaf, badCert = parseLeaf(chain)
	}
	if badKey == nil {
		badKey = checkKey(key)
	}
	if badCert != nil {
		fail("cert", certFile, fileProblem(badCert), wantCert)
	}
	if badKey != nil {
		fail("key", keyFile, fileProblem(badKey), wantKey)
	}
	switch {
	case len(all) > 0: // a wrong file is its own fault, whatever the pair is
	case strings.Contains(err.Error(), "does not match"):
		fail("key", keyFile, "does not match the certificate in cert "+certFile, wantKey)
	case leaf.PublicKeyAlgorithm == x509.UnknownPublicKeyAlgorithm:
		fail("cert", certFile, "has a public key of a kind that TLS here cannot use", "a certificate for an RSA, ECDSA or Ed25519 key")
	default:
		fail("cert", certFile, strings.TrimPrefix(err.Error(), "tls: "), wantCert)
	}
	return tls.Certificate{}, all
}

// errNoPair is a directory that is the only source of certificates, and has none.
var errNoPair = errors.New("has no pair that can be used")

// warn writes the warnings about certificates of a configuration that is valid.
func (c Config) warn(stderr io.Writer) {
	now := time.Now()
	look := func(where string, inDir bool, cert, key string, hosts ...string) {
		pair, err := LoadPair(cert, key)
		if err != nil {
			if inDir {
				fmt.Fprintf(stderr, "hotpath: warning: %s %q: %s; the others are used\n", where, err.Value, err.Problem)
			}
			return // any other was good a moment ago, and the start checks again
		}
		if warning := StandingOf(pair.Leaf, now).Warning(pair.Leaf); warning != "" {
			fmt.Fprintf(stderr, "hotpath: warning: %s %q: %s\n", where, cert, warning)
		}
		for _, host := range hosts {
			if pair.Leaf.VerifyHostname(strings.Replace(host, "*", "x", 1)) != nil {
				fmt.Fprintf(stderr, "hotpath: warning: %s %q: is not for %s, a host of the site: clients will refuse it\n", where, cert, host)
			}
		}
	}
	if c.Cert != "" {
		look(c.at("cert"), false, c.Cert, c.Key)
	}
	for i := range c.Sites {
		if s := &c.Sites[i]; s.name != "" && s.Cert != "" {
			look(s.at("cert"), false, s.Cert, s.Key, s.Hosts...)
		}
	}
	if c.CertDir == "" {
		return
	}
	pairs, err := ListPairs(c.CertDir)
	if err != nil {
		return // as above
	}
	for _, p := range pairs {
		look(c.at("cert-dir"), true, p.Cert, p.Key)
	}
}

// parseLeaf finds the server's certificate, the first.
func parseLeaf(chain []byte) (*x509.Certificate, error) {
	var others []string
	for block := range blocks(chain) {
		if block.Type != "CERTIFICATE" {
			others = append(others, block.Type)
			continue
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("has a certificate that cannot be read: %w", err)
		}
		return leaf, nil
	}
	return nil, noBlock("CERTIFICATE", others)
}

// checkKey reports why the first private key cannot be used.
func checkKey(file []byte) error {
	var others []string
	for block := range blocks(file) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return errors.New("is encrypted: a server cannot ask for the passphrase (openssl pkey -in FILE -out FILE removes it)")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return checkKeyBlock(block)
		}
		others = append(others, block.Type)
	}
	return noBlock("PRIVATE KEY", others)
}

// kinds are the algorithms of keys that are met and that crypto/tls does not
// have: by object identifier.
var kinds = map[string]string{
	"1.2.840.113549.1.1.10": "RSA-PSS (a plain RSA key works, and signs with PSS in TLS 1.3)",
	"1.3.101.113":           "Ed448",
	"1.3.101.110":           "X25519",
	"1.3.101.111":           "X448",
	"1.2.840.10040.4.1":     "DSA",
}

// checkKeyBlock tries the forms that crypto/tls tries, whatever the block's type
// says.
func checkKeyBlock(block *pem.Block) error {
	if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return nil
	}
	if _, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if _, signs := parsed.(crypto.Signer); err == nil && signs {
		return nil
	}
	var key struct { // PrivateKeyInfo, RFC 5958 §2, as far as it is of interest
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}
	if _, bad := asn1.Unmarshal(block.Bytes, &key); bad != nil {
		return fmt.Errorf("has a %s that cannot be read", block.Type)
	}
	algorithm := key.Algorithm.Algorithm.String()
	if kind := kinds[algorithm]; kind != "" {
		return fmt.Errorf("is a key of a kind that TLS here cannot use: %s", kind)
	}
	if err == nil {
		return fmt.Errorf("is a key of a kind that does not sign: algorithm %s", algorithm)
	}
	return fmt.Errorf("has a %s of algorithm %s that cannot be read: %w", block.Type, algorithm, err)
}
func noBlock(kind string, others []string) error {
	if len(others) == 0 {
		return fmt.Errorf("has no PEM block of type %s", kind)
	}
	return fmt.Errorf("has no PEM block of type %s, but %s", kind, strings.Join(others, ", "))
}

// blocks are the PEM blocks of a file.
func blocks(file []byte) iter.Seq[*pem.Block] {
	return func(yield func(*pem.Block) bool) {
		for {
			var block *pem.Block
			if block, file = pem.Decode(file); block == nil || !yield(block) {
				return
			}
		}
	}
}
