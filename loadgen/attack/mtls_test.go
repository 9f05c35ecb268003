package attack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// clientCertificate is one of a client, signed by itself, that ends at a moment.
func clientCertificate(t *testing.T, end time.Time) (parsed *x509.Certificate, cert, key []byte) {
	t.Helper()
	identity := testkit.NewIdentityFor(end.Add(-48*time.Hour), end)
	certFile, keyFile, err := identity.Write(t.TempDir(), "client")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	return identity.TLS.Leaf, read(certFile), read(keyFile)
}

// TestClientCertificateRefused: what a server says of a client's certificate is a
// failure of TLS with its reason, though in TLS 1.3 it comes behind the handshake,
// when requests are on their way.
func TestClientCertificateRefused(t *testing.T) {
	t.Parallel()
	trusted, goodCert, goodKey := clientCertificate(t, time.Now().Add(time.Hour))
	expired, oldCert, oldKey := clientCertificate(t, time.Now().Add(-time.Hour))
	_, otherCert, otherKey := clientCertificate(t, time.Now().Add(time.Hour))
	pool := x509.NewCertPool()
	pool.AddCert(trusted)
	pool.AddCert(expired)
	for _, tt := range []struct {
		why       string
		cert, key []byte
		want      map[uint16]string // by version of TLS; "": it is accepted
	}{
		{"one that is trusted", goodCert, goodKey, map[uint16]string{tls.VersionTLS12: "", tls.VersionTLS13: ""}},
		{"none", nil, nil, map[uint16]string{
			tls.VersionTLS12: "tls: the server refused: tls: handshake failure", // which has no alert of its own for that
			tls.VersionTLS13: "tls: the server demands a client's certificate (-cert FILE -key FILE shows one)"}},
		{"one of another authority", otherCert, otherKey, map[uint16]string{
			tls.VersionTLS12: "tls: the server refused the client's certificate: unknown certificate authority",
			tls.VersionTLS13: "tls: the server refused the client's certificate: unknown certificate authority"}},
		{"one that has expired", oldCert, oldKey, map[uint16]string{
			tls.VersionTLS12: "tls: the server refused the client's certificate: expired certificate",
			tls.VersionTLS13: "tls: the server refused the client's certificate: expired certificate"}},
	} {
		for version, want := range tt.want {
			for _, http1 := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %s, HTTP/1.1 %v", tt.why, tls.VersionName(version), http1), func(t *testing.T) {
					t.Parallel()
					s := httptest.NewUnstartedServer(http.HandlerFunc(hello))
					s.Config.ErrorLog, s.EnableHTTP2 = quiet, true
					s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: version, MaxVersion: version}
					s.StartTLS()
					t.Cleanup(s.Close)
					for _, pacer := range []vegeta.Pacer{perSecond(200), nil} {
						r := attackWith(t, context.Background(), Config{
							Targets: []vegeta.Target{{Method: "POST", URL: s.URL, Body: make([]byte, 100_000)}}, Pacer: pacer, Requests: 24,
							Connections: 3, Streams: 8, Timeout: 2 * time.Second, Insecure: true, HTTP1: http1, Cert: tt.cert, Key: tt.key,
						})
						if want == "" {
							if r.Total.Succeeded() != 24 {
								t.Errorf("%v", r.Total.Errors)
							}
							continue
						}
						r.wantAll(t, exchange.TLS, want)
						if n := r.Total.ConnectionErrors[want]; n == 0 || n != r.Total.BadConnections() {
							t.Errorf("connections failed by %v", r.Total.ConnectionErrors)
						}
					}
				})
			}
		}
	}
}
