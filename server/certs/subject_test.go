package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
)

// TestRFC4514Subject: a subject has one text, which is a field's value and cannot be
// read as that of another.
func TestRFC4514Subject(t *testing.T) {
	var (
		country  = asn1.ObjectIdentifier{2, 5, 4, 6}
		org      = asn1.ObjectIdentifier{2, 5, 4, 10}
		common   = asn1.ObjectIdentifier{2, 5, 4, 3}
		nameless = asn1.ObjectIdentifier{1, 2, 3}
	)
	attribute := func(kind asn1.ObjectIdentifier, value string) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: kind, Value: value}
	}
	// rdns are relative names with an attribute each.
	rdns := func(pairs ...pkix.AttributeTypeAndValue) (names pkix.RDNSequence) {
		for _, p := range pairs {
			names = append(names, pkix.RelativeDistinguishedNameSET{p})
		}
		return names
	}
	for _, tt := range []struct {
		about string
		names pkix.RDNSequence
		want  string
	}{
		{"the last name is the first", rdns(attribute(country, "SE"), attribute(org, "Example"), attribute(common, "alice")), "CN=alice,O=Example,C=SE"},
		{"their order is the certificate's, not one by kind", rdns(attribute(common, "alice"), attribute(org, "Example")), "O=Example,CN=alice"},
		{"an attribute may be there twice", rdns(attribute(org, "a"), attribute(org, "b")), "O=b,O=a"},
		{"one name of two attributes", pkix.RDNSequence{{attribute(common, "alice"), attribute(org, "Example")}}, "CN=alice+O=Example"},
		{"what would be another name is escaped", rdns(attribute(common, `a,O=admin+x="<>;\`)), `CN=a\,O=admin\+x=\"\<\>\;\\`},
		{"spaces and a number sign at the ends", rdns(attribute(common, " a b "), attribute(org, "#1")), `O=\#1,CN=\ a b\20`},
		{"a space at the end that is not that of the text", rdns(attribute(org, "a "), attribute(common, "b")), `CN=b,O=a\20`},
		{"one that is in the middle", rdns(attribute(org, "a"), attribute(common, "b ")), `CN=b\ ,O=a`},
		{"a backslash before it", rdns(attribute(common, `a\ `)), `CN=a\\\20`},
		{"other than ASCII, by its bytes", rdns(attribute(common, "Zoë")), `CN=Zo\C3\AB`},
		{"what would end a field or a string", rdns(attribute(common, "a\r\nX: y\x00\x7f")), `CN=a\0D\0AX: y\00\7F`},
		{"an attribute without a name, in DER", rdns(attribute(nameless, "x")), "1.2.3=#130178"},
		{"none", nil, ""},
		{"nearly as long as may be", rdns(attribute(common, strings.Repeat("a", MaxSubject-64))), "CN=" + strings.Repeat("a", MaxSubject-64)},
		{"too long as it is", rdns(attribute(common, strings.Repeat("a", MaxSubject))), ""},
		{"too long by what is escaped", rdns(attribute(common, strings.Repeat("ü", MaxSubject/4))), ""},
	} {
		raw, err := asn1.Marshal(tt.names)
		if err != nil {
			t.Fatal(err)
		}
		if got := subject(&x509.Certificate{RawSubject: raw}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.about, got, tt.want)
		}
	}
	for _, raw := range [][]byte{nil, {0x30}, {0x30, 0, 0}} {
		if got := subject(&x509.Certificate{RawSubject: raw}); got != "" {
			t.Errorf("% x: %q, want nothing", raw, got)
		}
	}
}
