package attack

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// maxProxyHead bounds a proxy's answers to CONNECT, those before the last one
// (RFC 9110 §15.2) included.
const maxProxyHead = 16 << 10

// proxy is an HTTP proxy.
type proxy struct {
	host, port    string
	authorization string // the value of Proxy-Authorization; "": none
}

// parseProxy reads the URL of a proxy, whose scheme may be left out. Errors do not
// have its password.
func parseProxy(text string) (p proxy, err error) {
	full := text
	if !strings.Contains(text, "://") {
		full = "http://" + text
	}
	u, err := url.Parse(full)
	switch {
	case err != nil, u.Hostname() == "", u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return p, fmt.Errorf("the proxy %q: allowed is http://HOST:PORT, with USER:PASSWORD@ before the host if need be, percent-encoded", exchange.ShownURL(text))
	case u.Scheme != "http":
		return p, fmt.Errorf("the proxy %q: allowed are those that are reached by http://", exchange.ShownURL(text))
	}
	p = proxy{host: u.Hostname(), port: cmp.Or(u.Port(), "80")}
	if u.User != nil {
		p.authorization = exchange.Basic(u.User)
	}
	return p, nil
}

// tunnel has the proxy at the other end connect to an address (RFC 9110 §9.3.6).
// What comes behind its answer is the server's and is left unread.
func (p *proxy) tunnel(ctx context.Context, nc net.Conn, address string) *exchange.Failure {
	deadline, _ := ctx.Deadline()
	_ = nc.SetDeadline(deadline) // if it fails, so does what follows
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	head := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\nUser-Agent: " + exchange.UserAgent + "\r\n"
	if p.authorization != "" {
		head += "Proxy-Authorization: " + p.authorization + "\r\n"
	}
	if _, err := io.WriteString(nc, head+"\r\n"); err != nil {
		return exchange.ProxyFailure(err)
	}
	status, err := readStatus(nc)
	switch {
	case err != nil:
		return exchange.ProxyFailure(err)
	case status < 200 || status > 299:
		return exchange.ProxyRefusal(status)
	case !stop():
		return exchange.ProxyFailure(ctx.Err())
	}
	_ = nc.SetDeadline(time.Time{})
	return nil
}

// readStatus reads the head of a response, byte by byte: a byte behind it would be
// missing from what the server sends.
func readStatus(r io.Reader) (status int, err error) {
	var (
		head []byte
		next [1]byte
	)
	for left := maxProxyHead; left > 0; left-- {
		if _, err := io.ReadFull(r, next[:]); err != nil {
			return 0, err
		}
		if head = append(head, next[0]); !bytes.HasSuffix(head, []byte("\r\n\r\n")) && !bytes.HasSuffix(head, []byte("\n\n")) {
			continue
		}
		response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), &http.Request{Method: http.MethodConnect})
		if err != nil || response.StatusCode > 999 {
			return 0, exchange.ErrNoHTTP
		}
		_ = response.Body.Close() // it has none
		if response.StatusCode >= 200 {
			return response.StatusCode, nil
		}
		head = head[:0]
	}
	return 0, exchange.ErrNoHTTP
}
