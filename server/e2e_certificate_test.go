package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
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

// presented is the certificate that a server presents to a client that asks for a
// name.
func (p *process) presented(name string) (*x509.Certificate, error) {
	c, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "https://"), &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

// TestCertificatesChange: while the server runs, certificates are added to its
// directory and replaced, and a broken one changes nothing but metrics and log.
func TestCertificatesChange(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, made testkit.Identity) *x509.Certificate {
		t.Helper()
		_, _, err := made.Write(dir, name)
		return must(t, made.TLS.Leaf, err)
	}
	first := put("a", testkit.NewIdentity("a.test"))
	p := start(t, "-cert-dir", dir)
	presents := func(why, name string, want *x509.Certificate) {
		t.Helper()
		p.eventually(why, func() error {
			got, err := p.presented(name)
			if err == nil && !got.Equal(want) {
				err = fmt.Errorf("%s is presented %v", name, got.DNSNames)
			}
			return err
		})
	}
	presents("the certificate outside of the directory", "other.test", leafOf(t, testIdentity(t)))
	presents("the one in it", "a.test", first)
	presents("a second one", "b.test", put("b", testkit.NewIdentity("*.test")))
	presents("a renewed one", "a.test", put("a", testkit.NewIdentity("a.test")))

	if err := os.WriteFile(filepath.Join(dir, "b.key"), []byte("nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.eventually("a broken one in the metrics", func() error {
		if got := p.metrics()["hotpath_tls_certificates_broken"]; got != 1 {
			return fmt.Errorf("%v are broken", got)
		}
		return nil
	})
	if got, err := p.presented("b.test"); err != nil || got.DNSNames[0] != "*.test" {
		t.Errorf("after its key is broken, b.test is presented %v, %v", got, err)
	}
	if log := p.output(); strings.Count(log, "cannot be loaded") != 1 || !strings.Contains(log, "b.key") {
		t.Errorf("not one line that names the file:\n%s", log)
	}
	got := p.metrics()
	if got["hotpath_tls_certificates"] != 3 || got[`hotpath_tls_certificate_name_expiry_timestamp_seconds{name="a.test"}`] == 0 {
		t.Errorf("%v certificates in use, want 3, and the end of a.test", got["hotpath_tls_certificates"])
	}
}

// TestTicketsOfInstances: a session that one server has begun is resumed by another
// with the same keys, and by no other.
func TestTicketsOfInstances(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte(strings.Repeat("5a", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	session := tls.NewLRUClientSessionCache(1)
	for i, tt := range []struct {
		why     string
		flags   []string
		resumed float64
	}{
		{"the first", []string{"-ticket-keys-file", keys}, 0},
		{"another with the same keys", []string{"-ticket-keys-file", keys}, 1},
		{"one with its own", nil, 0},
	} {
		p := start(t, tt.flags...)
		c := p.client(protocols[i%2])
		c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: testIdentity(t).pool, ServerName: "localhost", ClientSessionCache: session}
		if r := p.get(c, "/"); r.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", tt.why, r.Status)
		}
		if got := p.metrics()["hotpath_tls_resumed_total"]; got != tt.resumed {
			t.Errorf("%s has resumed %v sessions, want %v", tt.why, got, tt.resumed)
		}
	}
}

// TestEncryptedClientHello: with the configuration of a key that "hotpath ech" has
// made a client reaches a host whose name it does not send in the clear. A new key
// is used without a restart, and a client with the old one gets it.
func TestEncryptedClientHello(t *testing.T) {
	dir := t.TempDir()
	made := testkit.NewIdentity("secret.test", "public.test")
	cert, key, err := made.Write(dir, "a")
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(dir, "ech.pem")
	newKey := func() (list []byte) {
		t.Helper()
		text, err := output(t, "", builtServer(t), "ech", "public.test")
		if err == nil {
			err = os.WriteFile(keys, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, rest := pem.Decode([]byte(text))
		config, _ := pem.Decode(rest)
		return config.Bytes
	}
	list := newKey()
	p := start(t, "-cert", cert, "-key", key, "-ech-keys-file", keys)
	dial := func(list []byte) (accepted bool, sent []byte, err error) {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "https://"))
		if err != nil {
			return false, nil, err
		}
		defer c.Close()
		r := &testkit.Recorder{Conn: c}
		secured := tls.Client(r, &tls.Config{ServerName: "secret.test", RootCAs: made.Pool(), EncryptedClientHelloConfigList: list, NextProtos: []string{"http/1.1"}})
		if err := secured.Handshake(); err != nil {
			return false, nil, err
		}
		fmt.Fprint(secured, "GET / HTTP/1.1\r\nHost: secret.test\r\nConnection: close\r\n\r\n")
		answer, err := io.ReadAll(secured)
		if err == nil && !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
			err = fmt.Errorf("%.100q", answer)
		}
		return secured.ConnectionState().ECHAccepted, r.Sent.Bytes(), err
	}
	if accepted, sent, err := dial(list); err != nil || !accepted || bytes.Contains(sent, []byte("secret.test")) || !bytes.Contains(sent, []byte("public.test")) {
		t.Errorf("accepted: %t, the name is in the clear: %t (%v)", accepted, bytes.Contains(sent, []byte("secret.test")), err)
	}
	if accepted, _, err := dial(nil); err != nil || accepted {
		t.Errorf("without a configuration: accepted %t, %v", accepted, err)
	}
	renewed := newKey()
	p.eventually("the new key", func() error {
		accepted, _, err := dial(renewed)
		if err == nil && !accepted {
			err = errors.New("not accepted")
		}
		return err
	})
	var rejected *tls.ECHRejectionError
	if _, _, err := dial(list); !errors.As(err, &rejected) || !bytes.Equal(rejected.RetryConfigList, renewed) {
		t.Errorf("a client with the old key's configuration: %v; want the new one", err)
	}
}

// TestECHCommand: what the command says to names that are none.
func TestECHCommand(t *testing.T) {
	for _, args := range [][]string{{"ech"}, {"ech", "a.test", "b.test"}, {"ech", "localhost"}, {"ech", "-h"}} {
		status, stdout, stderr := command(t, nil, args...)
		if status != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "allowed: ") {
			t.Errorf("%q: exit status %d, %q, %q", args, status, stdout, stderr)
		}
	}
}

// leafOf is the certificate of an identity.
func leafOf(t *testing.T, id identity) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(id.cert, id.key)
	return must(t, pair, err).Leaf
}
