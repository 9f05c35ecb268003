package attack

import (
	"context"
	"crypto/tls"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/h1client"
	"github.com/e0ac7cd4/hotpath/loadgen/h2client"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// After a connection that could not be made, or that answered nothing, the next
// one waits: each time twice as long.
const (
	firstPause = 5 * time.Millisecond
	maxPause   = 250 * time.Millisecond
)

// engine is a protocol's side of a connection.
type engine interface {
	Serve() *exchange.Failure
	Stop()
}

// connection is one of the attack's, made again whenever it ends. It is a
// goroutine, which owns everything here but what mu guards.
type connection struct {
	*attack
	route  route
	tls    *tls.Config // nil: plaintext
	shard  *shard      // counts it
	driver *driver
	took   measure.Made // of the last that was made

	mu     sync.Mutex
	engine engine // nil: none is served now
	wire   *wire.Conn

	nudged chan struct{} // a token for due
}

// first makes the first connection, before the attack begins, unless each request
// has its own: nil then.
func (c *connection) first(ctx context.Context) (*wire.Conn, *exchange.Failure) {
	if c.cfg.PerRequest {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	return c.connect(ctx)
}

// run sends the driver's requests until there are no more. w is the connection
// that first made, or failure why it did not.
func (c *connection) run(ctx context.Context, w *wire.Conn, failure *exchange.Failure) {
	c.driver.growth.ask = c.growTo(ctx)
	defer c.driver.abandon()
	// What is due meanwhile fails with its cause, before its time is up.
	longest := min(maxPause, c.cfg.Timeout/4)
	wait := time.Duration(0)
	if c.cfg.PerRequest {
		<-c.ready
		if !c.due(ctx) {
			return
		}
		c.driver.await(c.now())
		w, failure = c.reconnect(ctx)
	}
	for {
		made := failure == nil
		if made {
			c.shard.made(c.took)
			protocol := c.spoken(w)
			c.driver.connected(protocol == exchange.HTTP1)
			failure = c.serve(w, protocol)
			if failure == nil {
				return
			}
			c.shard.failed(failure)
			if c.driver.life.answered {
				wait = 0
			}
		} else {
			c.shard.failed(failure)
		}
		<-c.ready
		if made {
			c.driver.disconnected(c.now())
		}
		// In TLS 1.3 a certificate is refused on a connection that was made.
		if !made || failure.Kind == exchange.TLS && !c.driver.life.answered {
			c.driver.refused(c.now(), failure)
		}
		if wait > 0 {
			pause(ctx, wait)
		}
		wait = min(max(2*wait, firstPause), longest)
		if _, more := c.driver.Rest(c.now()); !more || c.driver.spent() {
			return
		}
		if c.cfg.PerRequest && !c.due(ctx) {
			return
		}
		c.driver.await(c.now())
		w, failure = c.reconnect(ctx)
	}
}

// due waits until a request is due, from which moment on its connection is made,
// and reports whether there is one.
func (c *connection) due(ctx context.Context) bool {
	for {
		now := c.now()
		until, more := c.driver.Rest(now)
		switch {
		case !more || c.driver.spent():
			return false
		case until > now && !c.driver.starving:
		case c.driver.fetch(now):
			return true
		case !c.driver.starving: // no target is left
			return false
		case until <= now: // a closed loop without end
			until = now + c.cfg.Timeout
		}
		c.sleep(ctx, until-now) // if ctx ends, Rest has no more
	}
}

// sleep waits for d, until ctx ends or until the connection is woken.
func (c *connection) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.nudged:
	case <-ctx.Done():
	}
}

// pause waits for d and reports true, or until ctx ends and false.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reconnect has the time that a request which is due now has, and no more than
// one that is due at the attack's end would have.
func (c *connection) reconnect(ctx context.Context) (*wire.Conn, *exchange.Failure) {
	timeout := c.cfg.Timeout
	if c.plan.end != never {
		timeout = min(timeout, c.plan.end+timeout-c.now())
	}
	if timeout <= 0 {
		return nil, exchange.NeverSent
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return c.connect(ctx)
}

// connect dials and agrees on TLS and the protocol.
func (c *connection) connect(ctx context.Context) (*wire.Conn, *exchange.Failure) {
	if err := c.dialling.Acquire(ctx, 1); err != nil {
		return nil, exchange.ConnectFailure(err, false)
	}
	defer c.dialling.Release(1)
	begin := time.Now()
	nc, failure := c.dial(ctx)
	if failure != nil {
		return nil, failure
	}
	if c.route.tunnel != "" {
		if failure := c.route.proxy.tunnel(ctx, nc, c.route.tunnel); failure != nil {
			_ = nc.Close()
			return nil, failure
		}
	}
	c.took = measure.Made{Dial: time.Since(begin)}
	w := wire.NewClient(nc, c.tls, &c.options)
	if c.tls == nil {
		return w, nil
	}
	deadline, _ := ctx.Deadline()
	stop := context.AfterFunc(ctx, func() { _ = w.Close() })
	begin = time.Now()
	err := w.Handshake(deadline)
	c.took.TLS = time.Since(begin)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		return w, nil
	}
	_ = w.Close()
	if ctx.Err() != nil {
		err = ctx.Err() // whatever closing the connection under it looked like
	}
	return nil, exchange.ConnectFailure(err, true)
}

// serve sends until the driver has no more or the connection ends.
func (c *connection) serve(w *wire.Conn, protocol exchange.Protocols) *exchange.Failure {
	var e engine
	if protocol == exchange.HTTP1 {
		e = h1client.New(c.exchange, w, early{c.driver})
	} else {
		e = h2client.New(c.exchange, w, early{c.driver})
	}
	c.mu.Lock()
	c.engine, c.wire = e, w
	if c.closing.Load() {
		_ = w.Close()
	}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.engine, c.wire = nil, nil
		c.mu.Unlock()
	}()
	return e.Serve()
}

// wake makes the engine, or due, call the driver again; cut closes the connection at
// once. Safe from any goroutine.
func (c *connection) wake(cut bool) {
	select {
	case c.nudged <- struct{}{}:
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.engine == nil {
		return
	}
	c.engine.Stop()
	if cut {
		_ = c.wire.Close()
	}
}
