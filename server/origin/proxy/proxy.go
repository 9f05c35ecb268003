package proxy

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/server/origin"
)

// Proxy fetches from upstreams. Make one with [New].
type Proxy struct {
	config    Config
	upstreams []*upstream
	budget    *budget
	limits    *limits
	turn      atomic.Uint64 // of round_robin and least_conn

	ctx  context.Context // ends with Close
	stop context.CancelCauseFunc
	done sync.WaitGroup // the checks
}

var errClosed = errors.New("proxy: closed")

// New makes a Proxy and starts its checks. It connects to nothing by itself
// otherwise: an upstream that is down is no reason not to start.
func New(c Config) (*Proxy, error) { return newProxy(c, nil) }

// newProxy is New with another network.
func newProxy(c Config, dial dialFunc) (*Proxy, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	security, err := c.TLS.config()
	if err != nil {
		return nil, err
	}
	p := &Proxy{config: c, budget: newBudget(c.Retry), limits: newLimits(c.Timeouts)}
	for _, text := range c.Upstreams {
		a, err := parseUpstream(text)
		if err != nil {
			return nil, err
		}
		p.upstreams = append(p.upstreams, &upstream{
			address:    a,
			transports: newTransports(a, &c, security, dial),
			seed:       mix(hashString(hashStart, text)),
			slots:      make(chan struct{}, c.MaxRequests),
			maxQueue:   int64(c.MaxQueue),
			recent:     newFailures(c.Passive),
		})
	}
	p.ctx, p.stop = context.WithCancelCause(context.Background())
	if c.Health.Path != "" {
		for _, u := range p.upstreams {
			p.done.Go(func() { p.check(p.ctx, u) })
		}
	}
	return p, nil
}

// Close ends the checks and closes the idle connections. Fetches that run go
// on; their connections are closed as they end. A Fetch after Close fails.
func (p *Proxy) Close() error {
	p.stop(errClosed)
	p.done.Wait()
	for _, u := range p.upstreams {
		u.transports.close()
	}
	return nil
}

// tried are the upstreams that a fetch has tried.
type tried [maxUpstreams / 64]uint64

func (t *tried) has(i int) bool { return t[i/64]&(1<<(i%64)) != 0 }
func (t *tried) add(i int)      { t[i/64] |= 1 << (i % 64) }

// pick chooses an upstream that was not tried, nil if there is none.
//
// If all are unhealthy or ejected, they are used as if all were well. Checks
// can be wrong (a health page that was moved), and a fetch that fails costs an
// error that a cache answers with what is stale; refusing to try would make
// one wrong check an outage. The bulkhead bounds how many wait for a dead one.
func (p *Proxy) pick(r *origin.Request, not *tried) *upstream {
	if len(p.upstreams) == 1 {
		if not.has(0) {
			return nil
		}
		not.add(0)
		return p.upstreams[0]
	}
	now := time.Now()
	var few [8]candidate // on the stack for most configurations
	all := few[:0]
	usable := false
	for i, u := range p.upstreams {
		c := candidate{
			seed: u.seed, inflight: int64(len(u.slots)), full: len(u.slots) == cap(u.slots),
			usable: !not.has(i) && u.usable(now), weight: u.weight(now, p.config.SlowStart),
		}
		usable = usable || c.usable
		all = append(all, c)
	}
	if !usable {
		for i := range all {
			all[i].usable, all[i].weight = !not.has(i), 100
		}
	}
	i := choose(p.config.Balance, all, p.number(r))
	if i < 0 {
		return nil
	}
	not.add(i)
	return p.upstreams[i]
}

// number is what the choice for a fetch begins with.
func (p *Proxy) number(r *origin.Request) uint64 {
	if p.config.Balance != Hash {
		return p.turn.Add(1) - 1
	}
	switch p.config.HashBy {
	case ByClient:
		b := r.Client.As16()
		return mix(hashString(hashStart, string(b[:])))
	case ByPath:
		return mix(hashString(hashStart, pathOnly(r.Path)))
	}
	return mix(hashString(hashString(hashString(hashStart, r.Authority), "\x00"), r.Path))
}
