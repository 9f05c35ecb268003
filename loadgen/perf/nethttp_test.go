//go:build linux

package perf

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// netHTTPCommand is the argument with which the test runs itself as a plain
// net/http server, on the address that follows.
const netHTTPCommand = "serve-net-http"

// serveNetHTTP answers any path with 1 KiB. It returns only an error.
func serveNetHTTP(address string) error {
	body := bytes.Repeat([]byte("x"), 1<<10)
	server := http.Server{
		Addr:      address,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{testkit.NewIdentity().TLS}},
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }),
	}
	return server.ListenAndServeTLS("", "")
}

// startNetHTTP is startServer for net/http.
func startNetHTTP(t *testing.T) *server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, url: "https://" + testkit.FreeAddress(t)}
	address := strings.TrimPrefix(s.url, "https://")
	s.cmd = exec.Command(self, netHTTPCommand, address)
	s.cmd.Stderr = &s.log
	start(t, s.cmd, serverCore)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // always an error: it was killed
	})
	s.await(s.dial)
	return s
}
