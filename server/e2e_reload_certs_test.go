package main

import (
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestReloadCertificates: all certificates of a configuration take effect, or none
// does, and a session from before is resumed.
func TestReloadCertificates(t *testing.T) {
	dir, more := t.TempDir(), t.TempDir()
	pair := func(dir, host string) string {
		t.Helper()
		cert, key, _ := hostIdentity(t, dir, host)
		return "cert: " + cert + "\n  key: " + key + "\n"
	}
	root := "root: " + testSite(t).root + "\n  "
	b := "sites:\n- hosts: [b.test]\n  " + root
	c := startConfigured(t, b+pair(dir, "b.test"))
	presents := func(when string, want map[string]string) {
		t.Helper()
		for name, want := range want {
			if got, err := c.presented(name); err != nil || got.DNSNames[0] != want {
				t.Errorf("%s, a client that asks for %s is presented %v, %v; want %s", when, name, got.DNSNames, err, want)
			}
		}
	}
	client := c.client("http/1.1")
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	c.fetchFrom(client, "b.test", "/")
	presents("at first", map[string]string{"b.test": "b.test", "c.test": "localhost", "d.test": "localhost"})

	both := b + pair(dir, "new.test") + "- hosts: [c.test]\n  " + root
	broken := filepath.Join(dir, "broken.pem")
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pair(more, "d.test")
	c.write("cert-dir: " + more + "\n" + both + "cert: " + broken + "\n  key: " + broken + "\n")
	if status, _, stderr := c.command("reload"); status != exitFailure || !strings.Contains(stderr, broken) {
		t.Errorf("a reload with a broken certificate: exit status %d, %q", status, stderr)
	}
	presents("after a reload that was refused", map[string]string{"b.test": "b.test", "c.test": "localhost", "d.test": "localhost"})

	c.reload("cert-dir: " + more + "\n" + both + pair(dir, "c.test"))
	presents("after the reload", map[string]string{"b.test": "new.test", "c.test": "c.test", "d.test": "d.test"})
	client.CloseIdleConnections()
	before := c.metrics()["hotpath_tls_resumed_total"]
	c.fetchFrom(client, "b.test", "/")
	if c.metrics()["hotpath_tls_resumed_total"] != before+1 {
		t.Error("the reload ended a session")
	}
}

// TestReloadAuthority: a connection from before is answered 421 by a site that has
// got an authority, or another one, although it has had hits of it.
func TestReloadAuthority(t *testing.T) {
	begin, end := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	file := filepath.Join(t.TempDir(), "ca.pem")
	certified := func() (put func(), client tls.Certificate) {
		root := testkit.Template{Subject: "authority", Begin: begin, End: end}.Make()
		put = func() {
			if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.TLS.Certificate[0]}), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return put, testkit.Template{Subject: "client", Begin: begin, End: end, Issuer: &root}.Make().TLS
	}
	putOne, one := certified()
	putTwo, two := certified()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
	}))
	t.Cleanup(upstream.Close)
	open := "sites:\n- hosts: [localhost]\n  upstream: " + upstream.URL + "\n"
	closed := open + "  client-ca: " + file + "\n"
	for _, protocol := range protocols {
		c := startConfigured(t, open)
		dial := func(own ...tls.Certificate) *http.Client {
			return c.dialing(protocol, &tls.Config{RootCAs: testIdentity(t).pool, ServerName: "localhost", Certificates: own})
		}
		want := func(when string, client *http.Client, status int, hit bool) {
			t.Helper()
			got, _, cache := c.fetchFrom(client, "localhost", "/x")
			if got != status || strings.Contains(cache, "; hit") != hit {
				t.Errorf("%s, %s: %d, Cache-Status %q; want %d, a hit: %t", protocol, when, got, cache, status, hit)
			}
		}
		before := dial()
		want("at first", before, 200, false)
		for range 4 { // so that the connection remembers the request
			want("before the reload", before, 200, true)
		}
		putOne()
		c.reload(closed)
		want("a connection from before", before, 421, false)
		first := dial(one)
		want("a client with a certificate", first, 200, false)
		for range 4 {
			want("a client with a certificate, again", first, 200, true)
		}
		if answer, err := dial(two).Get(c.url); err == nil {
			_ = answer.Body.Close()
			t.Errorf("%s: a client of another authority is answered %s", protocol, answer.Status)
		}
		putTwo()
		c.reload(closed)
		want("a certificate of the authority before", first, 421, false)
		want("a client of the new authority", dial(two), 200, true)
		c.reload(open)
		want("a site that asks for nothing any more", before, 200, false)
	}
}
