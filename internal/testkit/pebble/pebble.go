// Package pebble starts Pebble, the authority that ACME clients are tested with, on
// loopback, with a DNS server of its own in which all names are 127.0.0.1.
package pebble

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// patience is how long a program may take to listen.
const patience = 20 * time.Second

// Options are what an authority does.
type Options struct {
	TLS, HTTP string   // addresses that it validates at, with ports
	Listen    string   // "": a free address
	Blocked   []string // names that it refuses
	Valid     int      // how long certificates are valid, s; 0: 90 days
	EAB       map[string]string
}

// Authority is a Pebble that runs.
type Authority struct {
	Directory string // URL
	CAFile    string // PEM file of what signs its own certificate
	DNS       string // URL of the DNS server's management: /set-txt and /clear-txt

	management string
	client     *http.Client
	log        *testkit.LogBuffer
}

// programs are the authority's and the DNS server's. Go builds them at the first
// time, and keeps them in its cache.
var programs = sync.OnceValues(func() (paths [2]string, err error) {
	_, file, _, _ := runtime.Caller(0)
	module := filepath.Join(filepath.Dir(file), "..", "..", "..", "tools", "peers", "acme")
	for i, name := range []string{"pebble", "pebble-challtestsrv"} {
		cmd := exec.Command("go", "tool", "-n", name)
		cmd.Dir = module
		var said bytes.Buffer
		cmd.Stderr = &said
		path, err := cmd.Output()
		if err != nil {
			return paths, fmt.Errorf("building %s in %s: %w\n%s", name, module, err, said.String())
		}
		paths[i] = strings.TrimSpace(string(path))
	}
	return paths, nil
})

// Start starts an authority, until the test's end. It skips the test if Pebble
// cannot be built.
func Start(t testing.TB, o Options) *Authority {
	t.Helper()
	testkit.NeedTree(t)
	built, err := programs()
	if err != nil {
		testkit.Lacks(t, err.Error())
	}
	id := testkit.NewIdentity()
	folder := t.TempDir()
	cert, key, err := id.Write(folder, "pebble")
	if err != nil {
		t.Fatal(err)
	}
	if o.Listen == "" {
		o.Listen = testkit.FreeAddress(t)
	}
	if o.Valid == 0 {
		o.Valid = 90 * 24 * 3600
	}
	manage, dns, dnsManage := testkit.FreeAddress(t), testkit.FreeAddress(t), testkit.FreeAddress(t)
	config := filepath.Join(folder, "pebble.json")
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": o.Listen, "managementListenAddress": manage,
		"certificate": cert, "privateKey": key,
		"httpPort": port(o.HTTP), "tlsPort": port(o.TLS),
		"externalAccountBindingRequired": len(o.EAB) > 0, "externalAccountMACKeys": o.EAB,
		"domainBlocklist": o.Blocked, "keyAlgorithm": "ecdsa",
		"retryAfter": map[string]int{"authz": 0, "order": 0},
		"profiles":   map[string]any{"default": map[string]any{"description": "test", "validityPeriod": o.Valid}},
	}})
	if err == nil {
		err = os.WriteFile(config, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	run(t, built[1], "-http01", "", "-https01", "", "-doh", "", "-tlsalpn01", "",
		"-dnsserver", dns, "-management", dnsManage, "-defaultIPv6", "")
	a := &Authority{
		log:       run(t, built[0], "-config", config, "-dnsserver", dns),
		Directory: "https://" + o.Listen + "/dir", CAFile: cert, DNS: "http://" + dnsManage, management: "https://" + manage,
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: id.Pool()}, DisableKeepAlives: true}, Timeout: patience},
	}
	a.wait(t, a.Directory)
	a.wait(t, a.management+"/roots/0")
	a.wait(t, a.DNS)
	return a
}

// run runs a program until the test's end, and returns what it will log.
func run(t testing.TB, program string, args ...string) *testkit.LogBuffer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0")
	log := new(testkit.LogBuffer)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(program), log)
		}
	})
	return log
}

func (a *Authority) wait(t testing.TB, url string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		r, err := a.client.Get(url)
		if err == nil {
			r.Body.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("Pebble does not listen: %v", err)
		}
	}
}

// Roots are what signs the authority's certificates.
func (a *Authority) Roots(t testing.TB) *x509.CertPool {
	t.Helper()
	pool, text := x509.NewCertPool(), a.RootsPEM(t)
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("the root of Pebble is %q", text)
	}
	return pool
}

// RootsPEM is [Authority.Roots] for a file.
func (a *Authority) RootsPEM(t testing.TB) []byte {
	t.Helper()
	r, err := a.client.Get(a.management + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Hook writes a program that changes the authority's DNS, for acme-dns-hook: a
// shell script that needs curl. It appends a line to log for each call.
func (a *Authority) Hook(t testing.TB, log string) string {
	t.Helper()
	testkit.Need(t, "curl")
	var script bytes.Buffer
	fmt.Fprintf(&script, `#!/bin/sh
set -e
echo "$@" >>%q
case $1 in
add) exec curl -fsS -d "{\"host\":\"$2.\",\"value\":\"$3\"}" %s/set-txt ;;
remove) exec curl -fsS -d "{\"host\":\"$2.\"}" %s/clear-txt ;;
esac
`, log, a.DNS, a.DNS)
	path := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(path, script.Bytes(), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func port(address string) int {
	_, digits, _ := net.SplitHostPort(address)
	n, err := strconv.Atoi(strings.TrimSpace(digits))
	if err != nil {
		return 1 // nothing listens there
	}
	return n
}
