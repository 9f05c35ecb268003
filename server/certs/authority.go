package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"

	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// Authority certifies the clients of a site. It is immutable.
//
// A handshake asks for a certificate by the name in SNI. Requests name a site by
// their own host, which may be another one: a client may use a connection for all
// names in the server's certificate (RFC 9113 §9.1.1), or lie. So each request is
// held against the authority of its site, by what the handshake has verified.
type Authority struct {
	pool     *x509.CertPool
	roots    map[message.Digest]bool // the certificates in pool
	optional bool
	id       message.Digest // of file and mode

	once   sync.Once
	config *tls.Config
}

// LoadAuthority reads the certificates that clients must be certified by. If it is
// optional, clients without a certificate are admitted too, and those with one of
// another authority are not.
func LoadAuthority(file string, optional bool) (*Authority, error) {
	text, err := config.ReadRegular(file)
	if err != nil {
		return nil, fmt.Errorf("reading client-ca: %w", err)
	}
	a := &Authority{pool: x509.NewCertPool(), roots: make(map[message.Digest]bool), optional: optional}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("client-ca %q has a certificate that cannot be read: %w", file, err)
		}
		a.pool.AddCert(root)
		a.roots[sha256.Sum256(root.Raw)] = true
	}
	if len(a.roots) == 0 {
		return nil, fmt.Errorf("client-ca %q: %w", file, errors.New("has no certificate in PEM form"))
	}
	a.id = sha256.Sum256(fmt.Appendf(text, "optional: %t", optional))
	return a, nil
}

// Admits reports whether a connection may have what is a's site's. i is nil for a
// connection on which no certificate was asked for; a is nil for a site that asks
// for none.
func (a *Authority) Admits(i *message.Identity) bool {
	switch {
	case a == nil:
		return true
	case i == nil:
		return false
	case i.Certificate == nil:
		return a.optional && i.Asked == a.id
	}
	for _, root := range i.Roots {
		if a.roots[root] {
			return true
		}
	}
	return false
}

// TLS is the configuration of handshakes that ask for a certificate of a: base's,
// which is called once, with that, and that refuses certificates of more than
// [MaxHeld]. base's must have no keys for session tickets of its own: then those of
// the configuration that it stands in for count.
func (a *Authority) TLS(base func() *tls.Config) *tls.Config {
	a.once.Do(func() {
		a.config = base()
		a.config.ClientCAs, a.config.ClientAuth = a.pool, tls.RequireAndVerifyClientCert
		a.config.VerifyConnection = admitHeld
		if a.optional {
			a.config.ClientAuth = tls.VerifyClientCertIfGiven
		}
	})
	return a.config
}

// Identify is what a client has shown in a handshake. asked is the authority of
// the name in SNI, nil if it has none. What decides is what was verified: it does
// not matter if asked has changed since the handshake began.
func Identify(state *tls.ConnectionState, asked *Authority) *message.Identity {
	if asked == nil && len(state.VerifiedChains) == 0 {
		return nil
	}
	i := new(message.Identity)
	if asked != nil {
		i.Asked = asked.id
	}
	if len(state.VerifiedChains) > 0 {
		i.Certificate = state.VerifiedChains[0][0]
		i.Subject = subject(i.Certificate)
	}
	for _, chain := range state.VerifiedChains {
		i.Roots = append(i.Roots, sha256.Sum256(chain[len(chain)-1].Raw))
	}
	return i
}
