package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
)

// MaxSubject is how long the text of a subject may be, which a connection keeps beside
// the certificate, and an upstream gets in a field: many servers take 8 KiB
// for all fields. Names have 64 characters at most (RFC 5280, appendix A.1).
const MaxSubject = 4 << 10

// subject is the subject of a certificate as RFC 4514 writes it, the last element of
// the sequence first: "CN=alice,OU=staff,O=Example". An attribute that has no short
// name there is "1.2.3=#" and its DER form in hexadecimal digits. All but printable
// ASCII is escaped by its bytes (§2.4), so that the text can be a field's value and has
// one form. It is "" if there is none, and if it is longer than MaxSubject.
func subject(c *x509.Certificate) string {
	if len(c.RawSubject) > MaxSubject {
		return ""
	}
	var names pkix.RDNSequence // pkix.Name would sort the attributes
	if rest, err := asn1.Unmarshal(c.RawSubject, &names); err != nil || len(rest) > 0 {
		return "" // x509 has parsed it in the same way
	}
	text := names.String()
	if strings.HasSuffix(text, `\ `) {
		text = text[:len(text)-1] + "20" // at the end of a field's value it would be no part of it (RFC 9110 §5.5)
	}
	plain := func(b byte) bool { return b >= ' ' && b <= '~' }
	escape := 0
	for i := range len(text) {
		if !plain(text[i]) {
			escape++
		}
	}
	switch {
	case len(text)+2*escape > MaxSubject:
		return ""
	case escape == 0:
		return text
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(text) + 2*escape)
	for i := range len(text) {
		if c := text[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'\\', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
