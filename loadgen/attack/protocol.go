package attack

import (
	"errors"
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// offers are the versions of HTTP that a server may choose from; without TLS there
// is one.
func (c *Config) offers(secure bool) exchange.Protocols {
	switch {
	case c.HTTP1, !secure && !c.H2C:
		return exchange.HTTP1
	case secure:
		return exchange.HTTP2 | exchange.HTTP1
	}
	return exchange.HTTP2
}

// Preferred are the versions of HTTP that connections speak if servers have them.
// Summary.Spoken is what they spoke.
func (c *Config) Preferred() (all exchange.Protocols) {
	const secure = "https:"
	for i := range c.Targets {
		url := c.Targets[i].URL
		p := c.offers(len(url) > len(secure) && strings.EqualFold(url[:len(secure)], secure))
		if p&exchange.HTTP2 != 0 {
			p = exchange.HTTP2
		}
		all |= p
	}
	return all
}

// checkProtocols returns what does not go together of versions and targets.
func (c *Config) checkProtocols(groups []*group) error {
	plain := slices.ContainsFunc(groups, func(g *group) bool { return !g.origin.Secure })
	switch {
	case c.H2C && c.HTTP1:
		return errors.New("HTTP/1.1 alone, and HTTP/2 without TLS: one of the two")
	case c.H2C && !plain:
		return errors.New("HTTP/2 without TLS is for targets with http://, and there is none")
	}
	return nil
}

// spoken is the version of HTTP of a connection that was made, and notes it. A
// server without ALPN speaks HTTP/1.1.
func (c *connection) spoken(w *wire.Conn) exchange.Protocols {
	p := c.cfg.offers(c.tls != nil)
	if c.tls != nil {
		negotiated := exchange.HTTP1
		if w.TLS().ConnectionState().NegotiatedProtocol == "h2" {
			negotiated = exchange.HTTP2
		}
		if negotiated == exchange.HTTP1 && p&exchange.HTTP2 != 0 {
			c.fellBack.Store(true)
		}
		p = negotiated
	}
	c.versions.Or(uint32(p))
	return p
}
