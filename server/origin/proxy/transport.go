package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
)

// transports are an upstream's pools.
type transports struct {
	main    *http.Transport
	upgrade *http.Transport // HTTP/1.1 for tunnels; main if that is HTTP/1.1 itself
	scheme  string          // of the request's URL: http or https
}

// newTransports makes the pools of the upstream at a. dial is the network's,
// and TCP's if nil. free are the descriptors for its connections.
func newTransports(a address, c *Config, security *tls.Config, free *semaphore.Weighted, dial dialFunc) *transports {
	if dial == nil {
		plain := &net.Dialer{KeepAliveConfig: keepAlive}
		dial = plain.DialContext
	}
	t := &transports{scheme: "http"}
	sockets := &sockets{free, t.close}
	d := dialer{address: a, timeout: c.Timeouts.Dial, network: sockets.dial(dial)}
	base := func(protocols func(*http.Protocols)) *http.Transport {
		p := new(http.Protocols)
		protocols(p)
		return &http.Transport{
			Proxy:                  nil, // none from the environment
			DialContext:            d.plain,
			DialTLSContext:         d.secure,
			DisableCompression:     true,
			MaxIdleConns:           0, // as many as MaxIdleConnsPerHost: there is one host
			MaxIdleConnsPerHost:    min(maxIdle, c.MaxRequests),
			IdleConnTimeout:        c.Timeouts.Pool,
			ExpectContinueTimeout:  c.Timeouts.Continue,
			MaxResponseHeaderBytes: maxHead + 1, // the framer's limit comes first
			WriteBufferSize:        bufferSize,
			ReadBufferSize:         bufferSize,
			Protocols:              p,
			HTTP2: &http.HTTP2Config{
				MaxReceiveBufferPerStream:     256 << 10,
				MaxReceiveBufferPerConnection: 1 << 20,
				SendPingTimeout:               15 * time.Second,
				PingTimeout:                   5 * time.Second,
				WriteByteTimeout:              c.Timeouts.Idle,
			},
		}
	}
	http1 := func(p *http.Protocols) { p.SetHTTP1(true) }
	switch a.scheme {
	case "http":
		t.main = base(http1)
		t.upgrade = t.main
	case "h2c":
		d.raw = true
		t.main = base(func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
		d.raw = false
		t.upgrade = base(http1)
	case "https":
		t.scheme = "https"
		d.security = security.Clone()
		if d.security.ServerName == "" {
			d.security.ServerName, _, _ = net.SplitHostPort(a.dial)
		}
		d.security.NextProtos = []string{"http/1.1"}
		t.upgrade = base(http1)
		d.security = d.security.Clone()
		d.security.NextProtos = []string{"h2", "http/1.1"}
		t.main = base(func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true) })
	}
	return t
}

// maxIdle is how many idle connections a pool keeps: a burst's connections serve
// the next one.
const maxIdle = 256

// bufferSize of a connection's reader and writer: contents larger than it are
// read past the reader, so it holds heads and little else.
const bufferSize = 4 << 10

// keepAlive finds an upstream that is gone without closing its connections,
// within a minute.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}

func (t *transports) close() {
	t.main.CloseIdleConnections()
	t.upgrade.CloseIdleConnections()
}

// dialFunc connects as [net.Dialer.DialContext] does.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// dialer connects to one upstream. It is copied by what uses it.
type dialer struct {
	address
	network  dialFunc
	timeout  time.Duration
	security *tls.Config
	raw      bool // HTTP/2 follows: no framer
}

// plain connects without TLS.
func (d dialer) plain(ctx context.Context, _, _ string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	c, err := d.network(ctx, d.address.network, d.dial)
	if err != nil {
		return nil, dialError{err}
	}
	if d.raw {
		return c, nil
	}
	return newConn(c), nil
}

// secure connects with TLS. A connection that agreed on HTTP/2 is returned as a
// *tls.Conn, which is how net/http finds that out; any other has a framer.
func (d dialer) secure(ctx context.Context, _, _ string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	c, err := d.network(ctx, d.address.network, d.dial)
	if err != nil {
		return nil, dialError{err}
	}
	secured := tls.Client(c, d.security)
	if err := secured.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, dialError{err}
	}
	if secured.ConnectionState().NegotiatedProtocol == "h2" {
		return secured, nil
	}
	return newConn(secured), nil
}
