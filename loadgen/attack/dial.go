package attack

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// leastTry is how long an address of a name that has others may take to answer, if
// there is as much time: a SYN that was lost is sent again after a second.
const leastTry = 2 * time.Second

// dial reaches the origin. Of a name's addresses it takes the one whose turn it is,
// and if that does not answer the next one; each that did not is counted.
func (c *connection) dial(ctx context.Context) (net.Conn, *exchange.Failure) {
	if c.route.socket != "" {
		nc, err := c.dialer.DialContext(ctx, "unix", c.route.socket)
		if err != nil {
			return nil, exchange.ConnectFailure(err, false)
		}
		return nc, nil
	}
	all, err := c.names.addresses(ctx, c.route.host)
	if err != nil {
		return nil, c.unreached(err)
	}
	var failure *exchange.Failure
	for i, a := range all {
		if failure != nil {
			c.shard.failed(failure)
		}
		nc, err := c.try(ctx, a, len(all)-i)
		if err == nil {
			return nc, nil
		}
		failure = c.unreached(err)
		if len(all) > 1 {
			failure.Detail += " at " + a.String()
		}
		if ctx.Err() != nil {
			break
		}
		c.names.failed(c.route.host, a)
	}
	return nil, failure
}

// unreached is why what is dialled could not be connected to.
func (c *connection) unreached(err error) *exchange.Failure {
	if c.route.proxy != nil {
		return exchange.ProxyFailure(err)
	}
	return exchange.ConnectFailure(err, false)
}

// try connects to one address, in its share of the time if it is one of so many
// that are left.
func (c *connection) try(ctx context.Context, a netip.Addr, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(time.Until(deadline)/time.Duration(left), leastTry))
		defer cancel()
	}
	return c.dialer.DialContext(ctx, "tcp", net.JoinHostPort(a.String(), c.route.port))
}
