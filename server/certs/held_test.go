package certs

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"runtime"
	"slices"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

var (
	subjects = asn1.ObjectIdentifier{2, 5, 29, 17}
	policies = asn1.ObjectIdentifier{2, 5, 29, 32}
	usages   = asn1.ObjectIdentifier{2, 5, 29, 37}
	emptyURI = []byte{0x86, 0}
)

// stuffed is a certificate that signs itself, with an extension whose value is a
// sequence of so many elements.
func stuffed(t *testing.T, id asn1.ObjectIdentifier, count int, element []byte) []byte {
	t.Helper()
	value, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: bytes.Repeat(element, count)})
	if err != nil {
		t.Fatal(err)
	}
	return testkit.Template{Subject: "any", Extensions: []pkix.Extension{{Id: id, Value: value}}}.Make().TLS.Certificate[0]
}

// TestHeld: what certificates take is never more than held says.
func TestHeld(t *testing.T) {
	for name, der := range map[string][]byte{
		"little":          stuffed(t, subjects, 1, []byte{0x82, 1, 'a'}),
		"names":           stuffed(t, subjects, 1000, []byte{0x82, 1, 'a'}),
		"addresses":       stuffed(t, subjects, 500, []byte{0x87, 4, 1, 2, 3, 4}),
		"URIs":            stuffed(t, subjects, 350, emptyURI),
		"URIs with hosts": stuffed(t, subjects, 300, []byte("\x86\x0ahttp://a/b")),
		"usages":          stuffed(t, usages, 500, []byte{6, 1, 0x2a}),
		"a policy":        stuffed(t, policies, 1, []byte{0x30, 3, 6, 1, 0x2a}),
	} {
		kept := make([][]*x509.Certificate, 64)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range kept {
			c, err := x509.ParseCertificate(slices.Clone(der))
			if err != nil {
				t.Fatal(name, err)
			}
			kept[i] = []*x509.Certificate{c}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		took := (int(after.HeapAlloc) - int(before.HeapAlloc)) / len(kept)
		if most := held(kept[0]); took > most || most > MaxHeld {
			t.Errorf("%s: a certificate of %d bytes takes %d, held says %d", name, len(der), took, most)
		} else {
			t.Logf("%s: %d bytes, %d, %d", name, len(der), took, most)
		}
	}
}
