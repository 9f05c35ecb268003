// Package target is the server that is attacked, and the only way to it.
//
// Loopback alone is attacked, by construction: every connection of this program is
// made here, by a dialer that refuses any other address after names were resolved, and
// no other package of tools/attack has what makes connections.
package target

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// Target is a server and what it serves. It does not change.
type Target struct {
	Addr      string // host and port to connect to
	Authority string // of requests, and the name that TLS asks for if it is one

	File   string // path of a small file, which the good client asks for
	Large  string // path of one of a MiB at least
	Origin string // path before what the misbehaving origin has, or "": there is none

	HeaderBytes int // of a header list, RFC 9113 §6.5.2, as the server allows it
}

// Parse reads a URL of https with a path.
func Parse(text string) (*Target, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "https":
		return nil, fmt.Errorf("%q: allowed are URLs of https", text)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%q has no host", text)
	case u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("%q: user and fragment are not sent to a server", text)
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	path := u.RequestURI()
	return &Target{Addr: net.JoinHostPort(u.Hostname(), port), Authority: u.Host, File: path, Large: path, HeaderBytes: defaultHeaderBytes}, nil
}

// defaultHeaderBytes is what nginx, h2o and hotpath allow within a factor of two.
const defaultHeaderBytes = 16 << 10

// ErrNotLoopback is that an address is of another machine, or of this one as others
// see it.
var ErrNotLoopback = errors.New("not an address of the loopback interface: nothing else is attacked")

// dialTimeout is for a connection to this machine: a server whose queue is full drops
// what comes, and the kernel tries again after 1 s and 2 s more.
const dialTimeout = 5 * time.Second

// Dial connects to the server.
func (t *Target) Dial(ctx context.Context) (net.Conn, error) {
	return dialer.DialContext(ctx, "tcp", t.Addr)
}

// dialer asks, for each address that a name has, with the socket made and nothing
// sent: no resolver and no race between look-ups leads elsewhere.
var dialer = net.Dialer{Timeout: dialTimeout, Control: func(_, address string, _ syscall.RawConn) error {
	if at, err := netip.ParseAddrPort(address); err != nil || !at.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("%s: %w", address, ErrNotLoopback)
	}
	return nil
}}

// Client is a client of HTTP/1.1 for an admin address, which keeps no connection: it
// asks within that time, through Dial alone.
func Client(within time.Duration) *http.Client {
	return &http.Client{Timeout: within, Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
}

// Config is TLS for a protocol of ALPN: 1.3, with one group that all servers have.
func (t *Target) Config(protocol string) *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, // what a server that is attacked proves is of no interest
		MinVersion:         tls.VersionTLS13,
		CurvePreferences:   []tls.CurveID{tls.X25519},
		NextProtos:         []string{protocol},
	}
}

// DialTLS connects with that protocol, which the server has to agree to.
func (t *Target) DialTLS(ctx context.Context, protocol string) (*tls.Conn, error) {
	return t.Handshake(ctx, t.Config(protocol))
}

// Handshake connects with that configuration.
func (t *Target) Handshake(ctx context.Context, config *tls.Config) (*tls.Conn, error) {
	conn, err := t.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c := tls.Client(conn, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("handshake: %w", err), conn.Close())
	}
	if got := c.ConnectionState().NegotiatedProtocol; got != config.NextProtos[0] {
		return nil, errors.Join(fmt.Errorf("the server speaks %q, not %s", got, config.NextProtos[0]), c.Close())
	}
	return c, nil
}
