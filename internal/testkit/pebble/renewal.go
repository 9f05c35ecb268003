package pebble

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"testing"
	"time"
)

// Suggest has the authority suggest a window for the renewal of a certificate
// (RFC 9773 §4.2), in place of a day before and after two thirds of its life.
func (a *Authority) Suggest(t testing.TB, leaf *x509.Certificate, start, end time.Time) {
	t.Helper()
	window := map[string]time.Time{"start": start.UTC(), "end": end.UTC()}
	answer, err := json.Marshal(map[string]any{"suggestedWindow": window, "explanationURL": a.Directory + "#why"})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]string{
		"certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})),
		"ariResponse": string(answer),
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.client.Post(a.management+"/set-renewal-info/", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(r.Body)
		t.Fatalf("suggesting a window: %s\n%s", r.Status, said)
	}
}

// What the authority has done so far is in its log, which is behind its answers: a
// test waits for a count.

// Issued is how many certificates it has issued.
func (a *Authority) Issued() int { return a.log.Count("Issued certificate serial ") }

// Accounts is how many accounts it has made.
func (a *Authority) Accounts() int { return a.log.Count(" accounts in memory") }

// Asked is how often it was asked when to renew a certificate.
func (a *Authority) Asked() int { return a.log.Count("/renewalInfo/ -> calling handler") }

// Replacements is how many orders have named the certificate that they replace
// (RFC 9773 §5).
func (a *Authority) Replacements() int { return a.log.Count("is a replacement of") }
