//go:build linux

package perf

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// netHTTPCommand is the argument with which the test runs itself as a plain
// net/http server, on the address that follows.
const netHTTPCommand = "serve-net-http"

// serveNetHTTP answers any path with 1 KiB. It returns only an error.
func serveNetHTTP(address string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	body := bytes.Repeat([]byte("x"), 1<<10)
	server := http.Server{
		Addr:      address,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}}},
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
	s := &server{t: t, url: "https://" + freeAddress(t)}
	address := strings.TrimPrefix(s.url, "https://")
	s.cmd = exec.Command(self, netHTTPCommand, address)
	s.cmd.Stderr = &s.log
	start(t, s.cmd, serverCore)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // always an error: it was killed
	})
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.DialTimeout("tcp", address, patience)
		if err == nil {
			_ = c.Close()
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("net/http does not answer: %v\n%s", err, s.log.String())
		}
	}
}

// TestRatio is hotpath beside net/http in the same run, both at full speed: what
// the machine does to one it does to the other. The figure is processor time per
// request, the median of three rounds.
func TestRatio(t *testing.T) {
	const rounds = 3
	servers := map[string]*server{"hotpath": startServer(t), "net/http": startNetHTTP(t)}
	costs := make(map[string][]time.Duration)
	machines := ""
	for range rounds {
		for name, s := range servers {
			o := s.load("-target", s.url+file, "-duration", sizes().ratio.String())
			if o.Success != 1 || o.Requests == 0 {
				t.Fatalf("%s: %.4f%% of %d requests succeeded: %v\n%s", name, 100*o.Success, o.Requests, o.Errors, o.machine)
			}
			costs[name] = append(costs[name], o.cpu/time.Duration(o.Requests))
			machines += fmt.Sprintf("%s: %v per request, %.0f/s; %s\n", name, costs[name][len(costs[name])-1], o.Rate, o.machine)
		}
	}
	for _, c := range costs {
		slices.Sort(c)
	}
	ours, plain := costs["hotpath"][rounds/2], costs["net/http"][rounds/2]
	ratio := float64(plain) / float64(ours)
	t.Logf("processor time per request: hotpath %v, net/http %v, ratio %.1f", ours, plain, ratio)
	if ratio < leastRatio {
		(&outcome{machine: machines}).miss(t, "net/http takes %.1f times as much processor time for a request as hotpath, the bar is %d", ratio, leastRatio)
	}
}
