package attack

import (
	"cmp"
	"fmt"
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
	return r
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
	}
	for _, r := range c.ConnectTo {
		if !slices.ContainsFunc(groups, func(g *group) bool { return r.covers(g.origin) }) {
			return fmt.Errorf("connecting by %s: no target is of that host and port, the first is of %s", r, groups[0].origin.Address())
		}
	}
	return nil
}

// Hosts are the names and addresses of the machines that an attack reaches over a
// network, each once: Check must have passed it.
func (c *Config) Hosts() ([]string, error) {
	requests, _, err := c.requests()
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, g := range c.groups(requests) {
		if r := c.route(g.origin); r.socket == "" && !slices.Contains(hosts, r.host) {
			hosts = append(hosts, r.host)
		}
	}
	return hosts, nil
}
