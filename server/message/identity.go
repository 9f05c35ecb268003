package message

import "crypto/x509"

// Digest is the SHA-256 of something that is compared by it.
type Digest = [32]byte

// Identity is what a client has shown of itself in the TLS handshake of its
// connection. It is immutable.
type Identity struct {
	// Asked is the authority by which the client was asked to be certified;
	// zero if it was not asked.
	Asked Digest

	// Certificate is the client's, verified; nil if it has shown none. Roots
	// are the certificates of authorities that it was verified by: those at
	// the ends of its chains.
	Certificate *x509.Certificate
	Roots       []Digest

	// Subject is the certificate's subject as text: printable ASCII, RFC 4514. ""
	// if it has none, as those have whose names are all alternative ones.
	Subject string
}

// Certified is the verified certificate; nil if there is none, as for a client
// that was not asked (i is nil then).
func (i *Identity) Certified() *x509.Certificate {
	if i == nil {
		return nil
	}
	return i.Certificate
}
