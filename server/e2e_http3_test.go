package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// http3Client is a client of HTTP/3 of its own, with its own connections.
func (p *process) http3Client() *http.Client {
	p.t.Helper()
	transport := &http3.Transport{
		TLSClientConfig:    &tls.Config{RootCAs: testIdentity(p.t).pool},
		DisableCompression: true,
		Dial:               p.dialQUIC,
	}
	p.t.Cleanup(func() { _ = transport.Close() })
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dialQUIC dials the server, for whatever host.
func (p *process) dialQUIC(ctx context.Context, _ string, security *tls.Config, parameters *quic.Config) (*quic.Conn, error) {
	return quic.DialAddr(ctx, strings.TrimPrefix(p.url, "https://"), security, parameters)
}

// port is that of the public listener.
func (p *process) port() string {
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(p.url, "https://"))
	return port
}

// startFromFile starts a server whose settings are those of a file alone.
func startFromFile(t *testing.T, text string) configured {
	t.Helper()
	id := testIdentity(t)
	file := writeFile(t, text)
	cmd := exec.Command(builtServer(t), "-listen", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-cert", id.cert, "-key", id.key, "-log-format", "json", "-max-conns", "1000", "-config", file)
	return configured{startCommand(t, cmd), file}
}

// wantAlternative waits until answers over TCP, hits and others, name an alternative
// service; "": none.
func (p *process) wantAlternative(want string) {
	p.t.Helper()
	p.eventually("Alt-Svc "+want, func() error {
		for _, protocol := range overTCP {
			c := p.client(protocol)
			for _, path := range []string{"/", "/", "/", "/nothing"} { // the last hit repeats another, byte for byte
				if r := p.get(c, path); strings.Join(r.Header["Alt-Svc"], ", ") != want {
					return fmt.Errorf("%s of %s: %q", protocol, path, r.Header["Alt-Svc"])
				}
			}
		}
		return nil
	})
}

// TestHTTP3Reload: a reload switches HTTP/3 on and off, with the field that names it:
// connections end gracefully, and there are new ones as soon as it is on again.
func TestHTTP3Reload(t *testing.T) {
	c := startFromFile(t, "http3: on\n")
	c.wantAlternative(`h3=":` + c.port() + `"; ma=86400`)
	client := c.client("h3")
	if r := c.get(client, "/"); r.StatusCode != 200 || r.ProtoMajor != 3 || r.Header["Alt-Svc"] != nil {
		t.Errorf("%s over HTTP/3: %v", r.Status, r.Header)
	}
	for range 2 {
		c.reload("http3: off\n")
		c.wantAlternative("")
		c.eventually("the end of connections", func() error {
			if n := c.metrics()[`hotpath_connections{state="h3"}`]; n != 0 {
				return fmt.Errorf("there are %v", n)
			}
			return nil
		})
		c.eventually("the socket to close", func() error {
			socket, err := net.ListenPacket("udp", "127.0.0.1:"+c.port())
			if err != nil {
				return err
			}
			return socket.Close()
		})
		c.reload("http3: on\nhttp3-port: 443\n")
		c.wantAlternative(`h3=":443"; ma=86400`)
		if r := c.get(client, "/"); r.StatusCode != 200 {
			t.Errorf("on again: %s", r.Status)
		}
	}
	s := testSite(t)
	c.reload("http3: on\nroot: " + s.root + "\n")
	want := s.sized(streamed)
	r := begin(t, c.process, "h3", want)
	c.reload("http3: off\nroot: " + s.root + "\n")
	c.reload("http3: on\nroot: " + s.root + "\n")
	if r := c.get(c.client("h3"), want.path); r.StatusCode != 200 {
		t.Errorf("on again, while a connection drains: %s", r.Status)
	}
	if err := want.differs(r.Body); err != nil {
		t.Errorf("the request of the connection that drains: %v", err)
	}
	taken, err := net.ListenPacket("udp", testkit.FreeAddress(t)) // over TCP it stays free
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	id := testIdentity(t)
	status, _, stderr := command(t, nil, "-listen", taken.LocalAddr().String(), "-admin", "off", "-cert", id.cert, "-key", id.key, "-http3", "on")
	if status != exitFailure || !strings.Contains(stderr, "opening the socket for HTTP/3: listen udp "+taken.LocalAddr().String()) {
		t.Errorf("a start whose socket another has: exit status %d, %q", status, stderr)
	}
}

// TestHTTP3Upgrade: at an upgrade the predecessor's requests over HTTP/3 have five
// seconds, and then the successor serves HTTP/3 at the same address.
func TestHTTP3Upgrade(t *testing.T) {
	s := testSite(t)
	u := startUpgradable(t, "-root", s.root)
	want := s.sized(streamed)
	r := begin(t, u.process, "h3", want) // which the client does not take
	first := u.pid()
	began := time.Now()
	if status, _, stderr := u.command("upgrade"); status != 0 {
		t.Fatalf("exit status %d, %q", status, stderr)
	}
	u.eventually("HTTP/3 of the successor", func() error {
		answer, err := u.client("h3").Get(u.url + want.path)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	})
	if took := time.Since(began); took < handoverTime || took > handoverTime+patience/2 {
		t.Errorf("the successor has had HTTP/3 after %v, want %v", took, handoverTime)
	}
	if _, err := io.Copy(io.Discard, r.Body); err == nil {
		t.Error("a response that was cut off looks complete")
	}
	u.gone(first)
}

// TestHTTP3Limits: a client's connections are limited over QUIC too, after it has
// shown that its address is its own, and none is taken in beyond max-conns.
func TestHTTP3Limits(t *testing.T) {
	for _, tt := range []struct {
		why, metric string
		flags       []string
	}{
		{"limit-connections", `hotpath_limited_total{kind="connections",mode="refuse"}`, []string{"-limit-connections", "2"}},
		{"max-conns", `hotpath_connections_refused_total{reason="permits"}`, []string{"-max-conns", "2"}},
	} {
		t.Run(tt.why, func(t *testing.T) {
			p := start(t, tt.flags...)
			for i := range 3 {
				answer, err := p.client("h3").Get(p.url)
				if err == nil {
					answer.Body.Close()
				}
				if ok := err == nil; ok != (i < 2) {
					t.Errorf("connection %d: %v", i+1, err)
				}
				var refused *quic.TransportError
				if i == 2 && (!errors.As(err, &refused) || refused.ErrorCode != quic.ConnectionRefused) {
					t.Errorf("it is refused with %v", err)
				}
			}
			m := p.metrics()
			if m[tt.metric] < 1 { // a ClientHello may be two packets
				t.Errorf("%s is %v, want 1 or 2", tt.metric, m[tt.metric])
			}
			if retries := m["hotpath_quic_retries_total"]; (retries > 0) != (tt.why == "limit-connections") {
				t.Errorf("%v addresses were to be validated", retries)
			}
			if n := m["hotpath_connection_permits_in_use"]; n != 2 {
				t.Errorf("%v permits are in use, want 2", n)
			}
		})
	}
}

// TestHTTP3SilentHandshake: a client that goes silent in its handshake keeps others
// from it for no longer than it may, and who comes meanwhile is refused at once; one
// that a balancer should have named is refused in any case.
func TestHTTP3SilentHandshake(t *testing.T) {
	const timeout = time.Second
	p := start(t, "-max-handshakes", "1", "-handshake-timeout", timeout.String())
	silent := make(chan struct{})
	defer close(silent)
	go func() {
		_, _ = p.dialQUIC(t.Context(), "", &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h3"}, ServerName: "localhost",
			VerifyConnection: func(tls.ConnectionState) error { <-silent; return nil }}, nil)
	}()
	p.eventually("the handshake", func() error {
		if n := p.metrics()["hotpath_tls_handshakes_in_progress"]; n != 1 {
			return fmt.Errorf("%v are in progress", n)
		}
		return nil
	})
	_, err := p.client("h3").Get(p.url)
	var refused *quic.TransportError
	if !errors.As(err, &refused) || refused.ErrorCode != quic.ConnectionRefused {
		t.Errorf("a client beside it: %v", err)
	}
	p.eventually("its end", func() error {
		if n := p.metrics()[`hotpath_tls_handshakes_total{outcome="timeout",version="none"}`]; n != 1 {
			return fmt.Errorf("%v handshakes took too long", n)
		}
		return nil
	})
	if r := p.get(p.client("h3"), "/"); r.StatusCode != 200 {
		t.Errorf("after it: %s", r.Status)
	}
	m := p.metrics()
	for name, least := range map[string]float64{
		`hotpath_connections_refused_total{reason="handshakes"}`: 1, `hotpath_limit_breaches_total{limit="handshake_timeout"}`: 1,
		`hotpath_connections_closed_total{reason="timeout"}`: 1, "hotpath_quic_retries_total": 1,
	} {
		if m[name] < least {
			t.Errorf("%s is %v", name, m[name])
		}
	}

	p = start(t, "-proxy-protocol-from", "127.0.0.0/8")
	if _, err := p.client("h3").Get(p.url); !errors.As(err, &refused) || refused.ErrorCode != quic.ConnectionRefused {
		t.Errorf("from a balancer: %v", err)
	}
	if n := p.metrics()[`hotpath_proxy_headers_total{outcome="missing"}`]; n < 1 {
		t.Error("it does not count as a missing PROXY header")
	}
}

// TestHTTP3Handshakes: certificates that are read again, names that have none, a
// protocol that we do not speak, and what a client may not do: 0-RTT.
func TestHTTP3Handshakes(t *testing.T) {
	dir := t.TempDir()
	cert, key, pool := hostIdentity(t, dir, "a.test")
	p := startConfigured(t, "sites:\n- hosts: [a.test]\n  root: "+testSite(t).root+"\n  cert: "+cert+"\n  key: "+key+"\n")
	presented := func(name string, protocols ...string) (*x509.Certificate, error) {
		c, err := p.dialQUIC(t.Context(), "", &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: protocols}, nil)
		if err != nil {
			return nil, err
		}
		defer func() { _ = c.CloseWithError(0x100, "") }()
		return c.ConnectionState().TLS.PeerCertificates[0], nil
	}
	for name, want := range map[string]string{"a.test": "a.test", "b.test": "localhost", "": "localhost"} {
		if got, err := presented(name, "h3"); err != nil || got.DNSNames[0] != want {
			t.Errorf("a client that asks for %q is presented %v, %v; want %s", name, got, err, want)
		}
	}
	for _, protocols := range [][]string{{"h2"}, {"acme-tls/1"}, {"h3-29"}} {
		if _, err := presented("a.test", protocols...); err == nil {
			t.Errorf("%q is agreed on", protocols)
		}
	}
	sessions := tls.NewLRUClientSessionCache(1)
	for round := range 2 {
		c, err := quic.DialAddrEarly(t.Context(), "127.0.0.1:"+p.port(), &tls.Config{RootCAs: pool, ServerName: "a.test", NextProtos: []string{"h3"}, ClientSessionCache: sessions}, nil)
		if err != nil {
			t.Fatal(err)
		}
		<-c.HandshakeComplete()
		if state := c.ConnectionState(); state.Used0RTT || state.TLS.DidResume != (round == 1) {
			t.Errorf("connection %d: 0-RTT %t, resumed %t", round, state.Used0RTT, state.TLS.DidResume)
		}
		time.Sleep(100 * time.Millisecond) // for the ticket
		_ = c.CloseWithError(0x100, "")
	}
	otherCert, otherKey, _ := hostIdentity(t, dir, "other.test")
	for from, to := range map[string]string{otherCert: cert, otherKey: key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	p.eventually("the certificate to be read again", func() error {
		if got, err := presented("a.test", "h3"); err != nil || got.DNSNames[0] != "other.test" {
			return fmt.Errorf("%v, %w", got.DNSNames, err)
		}
		return nil
	})
}

// TestHTTP3OfChromium: a browser takes a page over HTTP/3, uploads included.
func TestHTTP3OfChromium(t *testing.T) {
	p := start(t, "-root", testSite(t).root)
	b := startChromium(t, "--enable-quic", "--origin-to-force-quic-on=127.0.0.1:"+p.port())
	b.open(p.url + "/")
	var protocol string
	b.evaluate(`performance.getEntriesByType('navigation')[0].nextHopProtocol`, &protocol)
	if protocol != "h3" {
		t.Errorf("the page has come over %q", protocol)
	}
	var status int
	b.evaluate(`fetch('/', {method: 'POST', body: 'x'.repeat(100000)}).then(r => r.status)`, &status)
	if status != http.StatusMethodNotAllowed {
		t.Errorf("an upload is answered %d", status)
	}
}
