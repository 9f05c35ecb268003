package main

import (
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestExpiredCertificate: the start warns of a certificate that is outside its
// time, and serves with it.
func TestExpiredCertificate(t *testing.T) {
	expired := testkit.NewIdentityFor(time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	cert, key, err := expired.Write(t.TempDir(), "expired")
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, "-cert", cert, "-key", key)
	if log := p.output(); strings.Count(log, `"level":"WARN","msg":"the certificate has expired`) != 1 || !strings.Contains(log, cert) {
		t.Errorf("no warning that names the certificate:\n%s", log)
	}
}
