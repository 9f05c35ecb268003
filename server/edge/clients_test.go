package edge

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// newAuthority makes an authority, and makes clients of it.
func newAuthority(t *testing.T, optional bool) (a *certs.Authority, client func(name string) *message.Identity) {
	t.Helper()
	template := testkit.Template{Subject: "authority", Begin: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)}
	root := template.Make()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.TLS.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := certs.LoadAuthority(file, optional)
	if err != nil {
		t.Fatal(err)
	}
	return a, func(name string) *message.Identity {
		template.Subject, template.Issuer = name, &root
		return &message.Identity{Certificate: template.Make().TLS.Leaf, Roots: []message.Digest{sha256.Sum256(root.TLS.Leaf.Raw)}}
	}
}

// as asks as a client with an identity.
func (r *rig) as(i *message.Identity, host, method, path string, pairs ...string) *client {
	c := r.newClient(host, method, path, pairs...)
	c.request.Identity = i
	c.start()
	return c.wait()
}

// TestOtherConnections: a site that asks for certificates answers no request that
// comes on a connection without one of its authority, by the fast path or the
// slow path, whatever is stored.
func TestOtherConnections(t *testing.T) {
	authority, client := newAuthority(t, false)
	_, stranger := newAuthority(t, false)
	seen := make(map[string]*x509.Certificate)
	r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
		seen[q.Authority+q.Path] = q.Identity.Certified()
		return give(sink, 200, "secret", "cache-control", "public, max-age=60")
	})
	closed := &site.Site{Name: "closed", Hosts: []string{"closed.example"}, Origin: r.origin, Rules: r.Site("").Rules, Clients: authority}
	open := &site.Site{Name: "open", Default: true, Origin: r.origin, Rules: r.Site("").Rules}
	table, err := site.NewTable(closed, open)
	if err != nil {
		t.Fatal(err)
	}
	r.sites.Store(table)

	ann := client("ann")
	for i, hit := range []bool{false, true} {
		if c := r.as(ann, "closed.example", "GET", "/a"); c.status != http.StatusOK || c.text() != "secret" || c.hit != hit {
			t.Fatalf("request %d of a client with a certificate: %d %q, a hit: %t", i, c.status, c.text(), c.hit)
		}
	}
	before := r.origin.count()
	for why, i := range map[string]*message.Identity{"none": nil, "another authority's": stranger("eve"), "asked, and nothing shown": {Asked: sha256.Sum256(nil)}} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "CONNECT"} {
			for _, host := range []string{"closed.example", "CLOSED.example.:443"} {
				for _, path := range []string{"/a", "/b"} {
					if c := r.as(i, host, method, path); c.status != http.StatusMisdirectedRequest || c.hit || c.text() == "secret" {
						t.Errorf("%s: %s of %s%s is answered %d %q, a hit: %t; want 421", why, method, host, path, c.status, c.text(), c.hit)
					}
				}
			}
		}
	}
	if n := r.origin.count() - before; n != 0 {
		t.Errorf("the origin was asked %d times", n)
	}
	r.as(ann, "open.example", "GET", "/a")
	if got := seen["closed.example/a"]; got != ann.Certificate {
		t.Errorf("the origin of the site that asks for certificates got %v", got)
	}
	if got, ok := seen["open.example/a"]; !ok || got != nil {
		t.Errorf("the origin of another site got %v", got)
	}
}

// TestTwoCertificates: what is made for a client with a certificate is for no other,
// with or without one, unless the origin says that it is for all.
func TestTwoCertificates(t *testing.T) {
	authority, client := newAuthority(t, true)
	ann, bob := client("ann"), client("bob")
	anybody := new(message.Identity)
	for _, tt := range []struct {
		fields []string
		shared bool // among those with a certificate, and from them
		anon   bool // among those without
	}{
		{[]string{"cache-control", "max-age=60"}, false, true},
		{[]string{"cache-control", "public, max-age=60"}, true, true},
		{[]string{"cache-control", "s-maxage=60"}, true, true},
		{[]string{"cache-control", "private, max-age=60"}, false, false},
		{[]string{"cache-control", "public, max-age=60", "vary", "Client-Cert"}, false, false},
		{[]string{"cache-control", "max-age=60", "vary", "accept, client-cert-chain"}, false, false},
		{[]string{"cache-control", "public, max-age=60", "vary", "Client-Cert-Subject"}, false, false},
		{[]string{"cache-control", "max-age=60, stale-while-revalidate=60"}, false, true},
	} {
		r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			name := "anybody"
			if c := q.Identity.Certified(); c != nil {
				name = c.Subject.CommonName
			}
			return give(sink, 200, name, tt.fields...)
		})
		for _, s := range r.sites.Load().Sites() {
			s.Clients = authority
		}
		// An optional authority admits clients that it has asked.
		anybody.Asked = certs.Identify(new(tls.ConnectionState), authority).Asked
		first := map[*message.Identity]string{}
		for range 2 {
			for _, i := range []*message.Identity{ann, bob, anybody} {
				name := "anybody"
				if c := i.Certified(); c != nil {
					name = c.Subject.CommonName
				}
				c := r.as(i, "example.com", "GET", "/a")
				if c.status != http.StatusOK {
					t.Fatalf("%q: %s is answered %d", tt.fields, name, c.status)
				}
				got := c.text()
				if got != name && !(tt.shared && got == "ann") {
					t.Errorf("%q: %s has the page of %s", tt.fields, name, got)
				}
				if c.hit && !tt.shared && i != anybody || c.hit && i == anybody && !tt.anon {
					t.Errorf("%q: %s has a stored page", tt.fields, name)
				}
				if first[i] == got && (tt.shared || tt.anon && i == anybody) && !c.hit {
					t.Errorf("%q: %s has a page again that could have been stored", tt.fields, name)
				}
				first[i] = got
			}
		}
	}
}
