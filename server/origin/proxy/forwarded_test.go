package proxy

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// claimed are fields in which applications look for the client, beside those
// of which the tests say more.
var claimed = []string{
	"x-forwarded", "forwarded-for", "x-forward-for", "client-ip", "x-original-for", "x-remote-ip", "x-remote-addr",
	"x-proxyuser-ip", "x-azure-clientip", "x-azure-socketip", "x-appengine-user-ip",
}

// TestRFC7239Forwarded: the client's address, in each style, from a stranger and
// from a proxy that is trusted.
func TestRFC7239Forwarded(t *testing.T) {
	claims := []string{
		"x-forwarded-for", "203.0.113.9", "x-forwarded-for", "198.51.100.1", "x-forwarded-proto", "http", "x-forwarded-host", "shop.example",
		"x-forwarded-port", "99", "forwarded", "for=203.0.113.9", "x-real-ip", "203.0.113.9", "true-client-ip", "203.0.113.9",
		"x-envoy-external-address", "203.0.113.9", "x.forwarded.for", "203.0.113.9",
	}
	for _, name := range claimed {
		claims = append(claims, name, "203.0.113.9", strings.Replace(name, "-", "_", 1), "203.0.113.9")
	}
	for _, c := range []struct {
		name    string
		style   ForwardedStyle
		client  string
		trusted bool
		want    map[string]string // "" for a field that must not be sent
	}{
		{"a stranger's claims are dropped", "", "192.0.2.7:1", false, map[string]string{
			"x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https", "x-forwarded-host": "example.com", "x-real-ip": "192.0.2.7",
			"forwarded": "", "x-forwarded-port": "", "true-client-ip": "", "x-envoy-external-address": ""}},
		{"a trusted proxy's are appended to", "", "192.0.2.7:1", true, map[string]string{
			"x-forwarded-for": "203.0.113.9, 198.51.100.1, 192.0.2.7", "x-forwarded-proto": "http", "x-forwarded-host": "shop.example",
			"x-real-ip": "198.51.100.1", "forwarded": "", "x-forwarded-port": "99", "true-client-ip": "203.0.113.9", "x-envoy-external-address": "203.0.113.9"}},
		{"RFC 7239", Forwarded, "192.0.2.7:1", false, map[string]string{
			"forwarded": `for=192.0.2.7;proto=https;host="example.com"`, "x-forwarded-for": "", "x-forwarded-proto": "", "x-real-ip": "192.0.2.7"}},
		{"RFC 7239 behind a trusted proxy", Forwarded, "192.0.2.7:1", true, map[string]string{
			"forwarded": `for=203.0.113.9, for=192.0.2.7;proto=https;host="example.com"`, "x-forwarded-for": ""}},
		{"IPv6 is quoted and in brackets", Both, "[2001:db8::1]:1", false, map[string]string{
			"forwarded": `for="[2001:db8::1]";proto=https;host="example.com"`, "x-forwarded-for": "2001:db8::1"}},
		{"IPv4 in IPv6 is IPv4", Both, "[::ffff:192.0.2.7]:1", true, map[string]string{
			"forwarded": `for=203.0.113.9, for=192.0.2.7;proto=https;host="example.com"`, "x-forwarded-for": "203.0.113.9, 198.51.100.1, 192.0.2.7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, heads := replying(t, ok200)
			config := Config{Upstreams: []string{s.URL()}, ForwardedStyle: c.style, TrustedProxies: client.Networks{netip.MustParsePrefix("10.0.0.0/8")}}
			if c.trusted {
				config.TrustedProxies = append(config.TrustedProxies, netip.MustParsePrefix("192.0.2.0/24"))
			}
			r := get("/", claims...)
			r.Peer = netip.MustParseAddrPort(c.client)
			r.Client = client.Of(r.Peer.Addr().Unmap(), r.Fields, config.TrustedProxies)
			mustFetch(t, proxyTo(t, config), r)
			head := <-heads
			for name, want := range c.want {
				if got := strings.Join(fieldLines(head, name), "|"); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			for _, name := range claimed {
				if got := fieldLines(head, name); len(got) == 1 != c.trusted {
					t.Errorf("%s: %q, and the peer is trusted: %t", name, got, c.trusted)
				}
			}
			if !c.trusted && strings.Contains(head, "203.0.113.9") {
				t.Errorf("a claim is passed on:\n%s", head)
			}
		})
	}
}

// TestRFC9440ClientCert: an upstream gets the certificate that was verified, and its
// subject, and no other, from a trusted proxy or in disguise either.
func TestRFC9440ClientCert(t *testing.T) {
	s, heads := replying(t, ok200)
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}})
	claims := []string{"client-cert", ":AAAA:", "client-cert-chain", ":AAAA:", "client_cert", ":AAAA:", "client-cert_chain", ":AAAA:",
		"client-cert-subject", "CN=AAAA", "client_cert_subject", "CN=AAAA", "connection", "client-cert, client-cert-subject"}
	leaf := testkit.NewIdentity().TLS.Leaf
	for why, tt := range map[string]struct {
		identity *message.Identity
		want     string
		subject  string
	}{
		"nothing was asked":   {nil, "", ""},
		"nothing was shown":   {new(message.Identity), "", ""},
		"a certificate":       {&message.Identity{Certificate: leaf, Subject: "CN=a"}, ":" + base64.StdEncoding.EncodeToString(leaf.Raw) + ":", "CN=a"},
		"one without subject": {&message.Identity{Certificate: leaf}, ":" + base64.StdEncoding.EncodeToString(leaf.Raw) + ":", ""},
	} {
		r := get("/", claims...)
		r.Identity = tt.identity
		mustFetch(t, p, r)
		head := <-heads
		if got := strings.Join(fieldLines(head, "client-cert"), "|"); got != tt.want {
			t.Errorf("%s: Client-Cert %q, want %q", why, got, tt.want)
		}
		if got := strings.Join(fieldLines(head, "client-cert-subject"), "|"); got != tt.subject {
			t.Errorf("%s: Client-Cert-Subject %q, want %q", why, got, tt.subject)
		}
		if strings.Contains(head, "AAAA") {
			t.Errorf("%s: a claim is passed on:\n%s", why, head)
		}
	}
}
