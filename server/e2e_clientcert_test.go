package main

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestClientCertificates: a site that asks clients for a certificate, one that does
// so optionally and one that does not, behind one address and one certificate of
// ours, so that a client may use a connection for all of them.
func TestClientCertificates(t *testing.T) {
	dir := t.TempDir()
	begin, end := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	certified := func(name string) (file string, client tls.Certificate) {
		root := testkit.Template{Subject: name, Begin: begin, End: end}.Make()
		file = filepath.Join(dir, name+".pem")
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.TLS.Certificate[0]}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file, testkit.Template{Subject: "client", Begin: begin, End: end, Issuer: &root}.Make().TLS
	}
	oneCA, one := certified("one")
	twoCA, two := certified("two")
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		fmt.Fprint(w, "for "+strings.Join(slices.Concat(r.Header["Client-Cert"], r.Header["Client-Cert-Subject"]), "|"))
	}))
	t.Cleanup(upstream.Close)
	hosts := []string{"one.test", "two.test", "maybe.test", "open.test"}
	made := testkit.NewIdentity(hosts...)
	cert, key, err := made.Write(dir, "server")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "listen: 127.0.0.1:0\nhttp3: on\nadmin: 127.0.0.1:0\nlog-format: json\ncert: %s\nkey: %s\nsites:\n", cert, key)
	for i, more := range []string{"client-ca: " + oneCA, "client-ca: " + twoCA, "client-ca: " + oneCA + "\n    client-auth: optional", "balance: hash"} {
		fmt.Fprintf(&text, "  - hosts: [%s]\n    upstream: %s\n    %s\n", hosts[i], upstream.URL, more)
	}
	file := filepath.Join(dir, "hotpath.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := output(t, "", builtServer(t), "check", "-config", file); err != nil {
		t.Fatalf("the file is refused: %v\n%s", err, out)
	}
	p := startCommand(t, exec.Command(builtServer(t), "-config", file))

	field := func(c *tls.Certificate) string {
		return ":" + base64.StdEncoding.EncodeToString(c.Leaf.Raw) + ":|CN=client"
	}
	const refused, misdirected = -1, http.StatusMisdirectedRequest
	for _, protocol := range protocols {
		// Each client has one connection, of its first request's host.
		for i, tt := range []struct {
			why    string
			client *tls.Certificate
			first  string
			status map[string]int // by host; refused: there is no connection
			field  map[string]string
		}{
			{"the site's authority", &one, "one.test",
				map[string]int{"one.test": 200, "maybe.test": 200, "open.test": 200, "two.test": misdirected},
				map[string]string{"one.test": field(&one), "maybe.test": field(&one)}},
			{"no certificate", nil, "one.test", map[string]int{"one.test": refused}, nil},
			{"another authority's", &two, "one.test", map[string]int{"one.test": refused}, nil},
			{"that one's own site", &two, "two.test",
				map[string]int{"two.test": 200, "one.test": misdirected, "maybe.test": misdirected, "open.test": 200},
				map[string]string{"two.test": field(&two)}},
			{"optional, without", nil, "maybe.test",
				map[string]int{"maybe.test": 200, "one.test": misdirected, "two.test": misdirected, "open.test": 200}, nil},
			{"a connection that asked for nothing", &one, "open.test",
				map[string]int{"open.test": 200, "one.test": misdirected, "two.test": misdirected, "maybe.test": misdirected}, nil},
		} {
			config := &tls.Config{RootCAs: made.Pool(), ClientSessionCache: tls.NewLRUClientSessionCache(4)}
			if tt.client != nil { // whichever authority the server names
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return tt.client, nil }
			}
			c := p.dialing(protocol, config)
			for round, path := range []string{fmt.Sprintf("/%s/%d", protocol, i), "/stored", "/stored"} {
				for _, host := range append([]string{tt.first}, hosts...) {
					want, asked := tt.status[host]
					if !asked {
						continue
					}
					r, err := http.NewRequest("GET", "https://"+tt.first+path, nil)
					if err != nil {
						t.Fatal(err)
					}
					r.Host = host
					r.Header.Set("Client-Cert", ":AAAA:")
					r.Header.Set("Client-Cert-Subject", "CN=admin")
					got, err := c.Do(r)
					if err != nil {
						if want != refused {
							t.Errorf("%s, %s: %s on a connection of %s: %v", protocol, tt.why, host, tt.first, err)
						}
						continue
					}
					body, _ := io.ReadAll(got.Body)
					_ = got.Body.Close()
					if got.StatusCode != want {
						t.Errorf("%s, %s: %s on a connection of %s: %s, want %d", protocol, tt.why, host, tt.first, got.Status, want)
					}
					if want := "for " + tt.field[host]; round == 0 && got.StatusCode == 200 && string(body) != want {
						t.Errorf("%s, %s: the upstream of %s got %q, want %q", protocol, tt.why, host, body, want)
					}
					if got.StatusCode == misdirected && (got.Header.Get("Cache-Status") != "" || strings.Contains(string(body), "for ")) {
						t.Errorf("%s, %s: what is answered 421 is stored: %v %q", protocol, tt.why, got.Header, body)
					}
				}
				c.CloseIdleConnections() // the next one resumes the session
			}
		}
	}
	if got := p.metrics()["hotpath_tls_resumed_total"]; got == 0 {
		t.Error("no session was resumed")
	}
}
