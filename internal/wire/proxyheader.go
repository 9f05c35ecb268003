package wire

import (
	"errors"
	"net"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/proxyproto"
)

// AwaitProxyHeader waits for the PROXY header that a trusted balancer begins
// with, and takes it off what has arrived: what is behind it is for AwaitHello.
// If it names a client, that is the connection's peer from then on (named). The
// errors are those of package proxyproto, and of the socket as with AwaitHello.
func (c *Conn) AwaitProxyHeader(deadline time.Time) (named bool, err error) {
	if err := c.nc.SetReadDeadline(deadline); err != nil {
		return false, err
	}
	for {
		h, n, err := proxyproto.Parse(c.cipherRest)
		if err == nil {
			c.cipherRest = append(c.cipherRest[:0], c.cipherRest[n:]...)
			if h.Source.IsValid() {
				c.remote = net.TCPAddrFromAddrPort(h.Source)
			}
			return c.remote != nil, nil
		}
		if !errors.Is(err, proxyproto.ErrPart) {
			return false, err
		}
		if err := c.readMore(maxHello); err != nil { // there is room: a header is at most proxyproto.Max long
			return false, err
		}
	}
}
