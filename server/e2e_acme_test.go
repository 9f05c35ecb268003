package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/pebble"
)

// certified reports how the certificate for a name differs from one of the roots.
func certified(address, name string, roots *x509.CertPool) error {
	c, err := tls.Dial("tcp", address, &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return c.Close()
}

// TestACME: the example of operations.md obtains certificates for its hosts. It
// starts and serves while the authority is down, and a reload has it obtain those
// of further hosts. Plain HTTP is redirected, by a successor too.
func TestACME(t *testing.T) {
	testkit.NeedTree(t)
	dir, listen, plain, authority := t.TempDir(), testkit.FreeAddress(t), testkit.FreeAddress(t), testkit.FreeAddress(t)
	ca := filepath.Join(dir, "ca.pem")
	text := strings.NewReplacer(
		"listen: :443", "listen: "+listen, "http-addr: :80", "http-addr: "+plain,
		"https://acme-v02.api.letsencrypt.org/directory", "https://"+authority+"/dir\nacme-ca-file: "+ca,
		"/var/lib/hotpath", dir, "/srv/www", dir,
	).Replace(example(t, "listen: :443"))
	id := testIdentity(t)
	copyOf := func(from string) {
		t.Helper()
		pem, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(ca, pem, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	copyOf(id.cert)
	file := writeFile(t, text)
	u := startUpgradable(t, "-config", file, "-listen", listen)
	c := configured{u.process, file}
	if err := certified(listen, "127.0.0.1", id.pool); err != nil {
		t.Errorf("while the authority is down: %v", err)
	}
	c.eventually("a failure", func() error {
		if c.metrics()[`hotpath_acme_attempts_total{outcome="unreachable"}`] == 0 {
			return fmt.Errorf("none is counted")
		}
		return nil
	})

	a := pebble.Start(t, pebble.Options{TLS: listen, HTTP: plain, Listen: authority})
	copyOf(a.CAFile)
	text = strings.Replace(text, "admin@example.com", "other@example.com", 1) // other settings begin at once
	c.reload(text)
	roots := a.Roots(t)
	for _, name := range []string{"example.com", "www.example.com"} {
		c.eventually(name, func() error { return certified(listen, name, roots) })
	}
	if err := certified(listen, "later.example.com", roots); err == nil {
		t.Error("a name that was not configured has a certificate")
	}
	if _, err := tls.Dial("tcp", listen, &tls.Config{ServerName: "example.com", InsecureSkipVerify: true, NextProtos: []string{"acme-tls/1"}}); err == nil {
		t.Error("a handshake for a challenge is agreed on, and there is none")
	}

	text = strings.Replace(text, "[www.example.com, example.com]", "[later.example.com, example.com]", 1)
	c.reload(text)
	c.eventually("the further host", func() error { return certified(listen, "later.example.com", roots) })
	if n := c.metrics()[`hotpath_acme_attempts_total{outcome="obtained"}`]; n != 3 {
		t.Errorf("%v certificates were obtained, want 3", n)
	}
	if n := c.metrics()["hotpath_acme_names"]; n != 2 {
		t.Errorf("certificates are obtained for %v names, want 2", n)
	}

	redirected := func(when string) {
		t.Helper()
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: patience,
			Transport: &http.Transport{DisableKeepAlives: true}}
		r, err := http.NewRequest(http.MethodGet, "http://"+plain+"/a?b", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "example.com"
		answer, err := client.Do(r)
		if err != nil {
			t.Errorf("%s: %v", when, err)
			return
		}
		answer.Body.Close()
		_, port, _ := strings.Cut(listen, ":")
		if want := "https://example.com:" + port + "/a?b"; answer.StatusCode != http.StatusPermanentRedirect || answer.Header.Get("Location") != want {
			t.Errorf("%s: %s, %q, want %q", when, answer.Status, answer.Header.Get("Location"), want)
		}
	}
	redirected("at first")
	before := u.pid()
	if status, _, stderr := c.command("upgrade"); status != 0 {
		t.Fatalf("the upgrade: %s", stderr)
	}
	c.eventually("another process", func() error {
		if u.pid() == before {
			return fmt.Errorf("it is the same")
		}
		return nil
	})
	redirected("by the successor")
	if err := certified(listen, "later.example.com", roots); err != nil {
		t.Errorf("the successor: %v", err)
	}
}
