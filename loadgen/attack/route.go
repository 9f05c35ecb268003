package attack

import (
	"cmp"
	"fmt"
	"net"
	"slices"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// maxSocketPath is the longest path of a unix socket that every system of ours
// takes: sun_path has 104 bytes on macOS and 108 on Linux, with a zero at the end.
const maxSocketPath = 103

// route is the way to an origin.
type route struct {
	socket     string // the path of a unix socket; "": TCP
	host, port string // what is dialled
	proxy      *proxy // what that is; nil: the origin
	tunnel     string // what the proxy is to connect to; "": it is sent requests
}

// route is the way to an origin: the first redirect that covers it decides.
func (c *Config) route(o exchange.Origin) route {
	if c.UnixSocket != "" {
		return route{socket: c.UnixSocket}
	}
	r := route{host: o.Host, port: o.Port}
	if i := slices.IndexFunc(c.ConnectTo, func(r Redirect) bool { return r.covers(o) }); i >= 0 {
		r.host, r.port = cmp.Or(c.ConnectTo[i].ToHost, r.host), cmp.Or(c.ConnectTo[i].ToPort, r.port)
	}
	if by := c.Proxies[o]; by != "" {
		return c.byProxy(r, o, by)
	}
	return r
}

// byProxy is a way to an origin by a proxy, which is asked for a tunnel unless the
// requests may be the proxy's to send: they may not, if they are to be sent
// elsewhere than their URLs say.
func (c *Config) byProxy(direct route, o exchange.Origin, by string) route {
	p, err := parseProxy(by)
	if err != nil { // Check has parsed it
		return direct
	}
	r := route{host: p.host, port: p.port, proxy: &p}
	if c.offers(o.Secure) != exchange.HTTP1 || o.Secure || direct.host != o.Host || direct.port != o.Port {
		r.tunnel = net.JoinHostPort(direct.host, direct.port)
	}
	return r
}

// byProxies prepares the requests that proxies are sent.
func (c *Config) byProxies(requests []*exchange.Request) error {
	for _, by := range c.Proxies {
		if _, err := parseProxy(by); err != nil {
			return err
		}
	}
	if len(c.Proxies) == 0 || c.UnixSocket != "" {
		return nil
	}
	routes := make(map[exchange.Origin]route)
	for _, request := range requests {
		r, known := routes[request.Origin]
		if !known {
			r = c.route(request.Origin)
			routes[request.Origin] = r
		}
		if r.proxy != nil && r.tunnel == "" {
			request.ByProxy(r.proxy.authorization)
		}
	}
	return nil
}

// checkRoutes returns what is wrong with the ways to the targets' origins. A
// redirect that is about none of them is a mistake: what was to be kept away from
// a host would be sent to it.
func (c *Config) checkRoutes(groups []*group) error {
	switch {
	case len(c.UnixSocket) > maxSocketPath:
		return fmt.Errorf("a unix socket with a path of %d bytes: allowed are up to %d", len(c.UnixSocket), maxSocketPath)
	case c.UnixSocket != "" && len(c.ConnectTo) > 0:
		return fmt.Errorf("connections to the unix socket %s and by %s: one of the two", c.UnixSocket, c.ConnectTo[0])
	case c.UnixSocket != "" && len(c.Proxies) > 0:
		return fmt.Errorf("connections to the unix socket %s and by a proxy: one of the two", c.UnixSocket)
	}
	for _, r := range c.ConnectTo {
		if !slices.ContainsFunc(groups, func(g *group) bool { return r.covers(g.origin) }) {
			return fmt.Errorf("connecting by %s: no target is of that host and port, the first is of %s", r, groups[0].origin.Address())
		}
	}
	return nil
}

// Origins are those of the targets, each once.
func (c *Config) Origins() ([]exchange.Origin, error) {
	requests, _, err := c.requests()
	if err != nil {
		return nil, err
	}
	var all []exchange.Origin
	for _, g := range c.groups(requests) {
		all = append(all, g.origin)
	}
	return all, nil
}

// Host is a machine that an attack reaches over a network.
type Host struct {
	Name   string // or its address
	Behind bool   // it is a proxy that looks the name up
}

// Hosts are the machines that an attack reaches over a network, proxies among them,
// each once: Check must have passed it.
func (c *Config) Hosts() ([]Host, error) {
	origins, err := c.Origins()
	if err != nil {
		return nil, err
	}
	var hosts []Host
	add := func(h Host) {
		if !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	for _, o := range origins {
		r := c.route(o)
		if r.socket == "" {
			add(Host{Name: r.host})
		}
		if r.tunnel != "" {
			host, _, _ := net.SplitHostPort(r.tunnel) // it was joined
			add(Host{Name: host, Behind: true})
		} else if r.proxy != nil {
			add(Host{Name: o.Host, Behind: true})
		}
	}
	return hosts, nil
}
