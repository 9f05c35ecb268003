package listen

import (
	"crypto"
	"crypto/tls"
	"io"

	"github.com/e0ac7cd4/hotpath/internal/wire"
)

// gated is a copy of c whose signatures pass a gate. Of a handshake that is quic-go's
// they are what can: with RSA nearly all that it computes, with ECDSA a part, beside
// the exchange of keys.
func gated(c *tls.Config, gate wire.Gate) *tls.Config {
	c = c.Clone()
	certificates := c.Certificates
	c.Certificates = make([]tls.Certificate, len(certificates))
	for i := range certificates {
		c.Certificates[i] = *gatedCertificate(&certificates[i], gate)
	}
	if get := c.GetCertificate; get != nil {
		c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			certificate, err := get(hello)
			if certificate == nil || err != nil {
				return nil, err
			}
			return gatedCertificate(certificate, gate), nil
		}
	}
	return c
}

// gatedCertificate is a copy of a certificate whose key passes the gate.
func gatedCertificate(c *tls.Certificate, gate wire.Gate) *tls.Certificate {
	own := *c
	if key, ok := c.PrivateKey.(crypto.Signer); ok {
		own.PrivateKey = signer{key, gate}
	}
	return &own
}

// signer is a private key that signs in the turns of a gate.
type signer struct {
	crypto.Signer
	gate wire.Gate
}

// Sign implements crypto.Signer.
func (s signer) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.gate.Enter()
	defer s.gate.Leave()
	return s.Signer.Sign(rand, digest, opts)
}
