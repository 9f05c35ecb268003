package listen

import "crypto/tls"

// protocolACME is agreed on by handshakes that answer the challenge of a
// certificate's authority (RFC 8737 §6.2), with a configuration for that alone.
const protocolACME = "acme-tls/1"

// TLSConfig is what TLS we speak: 1.3, and 1.2 with forward secrecy and
// authenticated encryption alone, which is what HTTP/2 allows (RFC 9113 §9.2.2).
// The certificate is what certificate, a GetCertificate, returns.
func TLSConfig(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		GetCertificate: certificate,
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1", "http/1.0"}, // 1.0 alone is what curl --http1.0 offers
		CipherSuites: []uint16{ // for 1.2; the suites of 1.3 are all good
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		// Small records first would help a browser on a slow line to its
		// first bytes, and cost every hit a record in two parts.
		DynamicRecordSizingDisabled: true,
	}
}
