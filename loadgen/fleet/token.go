package fleet

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// minToken is how many characters a token needs: 20 random letters and digits
// are more than 100 bits.
const minToken = 20

// keyContext separates the key from others that may be derived of the same
// token. Another one would lock all older releases out.
const keyContext = "hotpath loadgen fleet: Ed25519 seed, version 1"

// NewToken makes a token of 130 random bits: 26 letters and digits of base32.
func NewToken() string { return rand.Text() }

// CheckToken returns what is wrong with a token.
func CheckToken(token string) error {
	_, err := identity(token)
	return err
}

// errStranger is what a peer is that has no key or another one.
var errStranger = errors.New("the other side has another token")

// identity is the TLS configuration, of either side, for a token.
// White space around the token does not count: files end in some.
func identity(token string) (*tls.Config, error) {
	token = strings.TrimSpace(token)
	if len(token) < minToken {
		return nil, fmt.Errorf("a token of %d characters: it needs %d or more, as it could be guessed otherwise", len(token), minToken)
	}
	seed, err := hkdf.Key(sha256.New, []byte(token), nil, keyContext, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("deriving a key from the token: %w", err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	public := key.Public().(ed25519.PublicKey)
	// No more of the certificate than its key is looked at.
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(1, 0, 0)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate of the token: %w", err)
	}
	return &tls.Config{
		Certificates:           []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}},
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, // VerifyConnection does it
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true, // every connection proves the key again
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return errStranger
			}
			peer, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
			if !ok || subtle.ConstantTimeCompare(peer, public) != 1 {
				return errStranger
			}
			return nil
		},
	}, nil
}
