package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/yield"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// Proxy fetches from upstreams. Make one with [New].
type Proxy struct {
	config    Config
	security  *tls.Config
	upstreams []*upstream
	budget    *budget
	limits    *limits
	turn      atomic.Uint64 // of round_robin and least_conn

	// answers are the fetches whose answer has come, or whose client has gone: hundreds
	// at once if an upstream, or a client, has it so.
	answers yield.Burst

	closed atomic.Bool

	ctx  context.Context // of the checks
	stop context.CancelFunc
	done sync.WaitGroup // the checks
}

// answersAtOnce is how many answers are taken between two turns of all else, 20 µs each.
// With fewer, what they have for a client's connection is sent in smaller parts: with 8 a
// miss took 1.35 times as long.
const answersAtOnce = 32

var errClosed = errors.New("proxy: closed")

// New makes a Proxy and starts its checks. It connects to nothing by itself
// otherwise: an upstream that is down is no reason not to start.
func New(c Config) (*Proxy, error) { return newProxy(c, nil) }

// newProxy is New with another network.
func newProxy(c Config, dial dialFunc) (*Proxy, error) {
	p, err := assemble(c, nil, dial)
	if err != nil {
		return nil, err
	}
	p.Check()
	return p, nil
}

// Succeed makes a Proxy that is to take the place of before. An upstream that both
// have is one: its connections, what is known of its health, and the fetches that
// run or wait there. That is if URL, TLS, Timeouts, limits and Passive are
// the same; any other begins anew, but for how many fetches may run and connections
// be open: those of before count as long as they last. The checks start with [Proxy.Check], and
// before's should have ended by then ([Proxy.EndChecks]).
func Succeed(before *Proxy, c Config) (*Proxy, error) { return assemble(c, before, nil) }

// assemble makes a Proxy without its checks.
func assemble(c Config, before *Proxy, dial dialFunc) (*Proxy, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	security, err := c.TLS.config()
	if err != nil {
		return nil, err
	}
	p := &Proxy{config: c, security: security, budget: newBudget(c.Retry), limits: newLimits(c.Timeouts), answers: yield.Burst{AtOnce: answersAtOnce}}
	p.ctx, p.stop = context.WithCancel(context.Background())
	for _, text := range c.Upstreams {
		if u := before.same(p, text); u != nil {
			p.upstreams = append(p.upstreams, u)
			continue
		}
		a, err := parseUpstream(text)
		if err != nil {
			return nil, err
		}
		r := before.room(text, c.MaxRequests)
		p.upstreams = append(p.upstreams, &upstream{
			address:    a,
			transports: newTransports(a, &c, security, r.sockets, dial),
			seed:       mix(hashString(hashStart, text)),
			room:       r,
			maxQueue:   int64(c.MaxQueue),
			recent:     newFailures(c.Passive),
		})
	}
	for _, u := range p.upstreams {
		u.owners.Add(1)
	}
	return p, nil
}

// same returns p's upstream of that URL if it is the same for n, else nil.
func (p *Proxy) same(n *Proxy, text string) *upstream {
	if p == nil || !p.security.RootCAs.Equal(n.security.RootCAs) {
		return nil
	}
	was, is := &p.config, &n.config
	if was.TLS.ServerName != is.TLS.ServerName || was.TLS.InsecureSkipVerify != is.TLS.InsecureSkipVerify ||
		was.Timeouts != is.Timeouts || was.MaxRequests != is.MaxRequests || was.MaxQueue != is.MaxQueue || was.Passive != is.Passive {
		return nil
	}
	if i := slices.Index(was.Upstreams, text); i >= 0 {
		return p.upstreams[i]
	}
	return nil
}

// room returns what bounds the fetches at that URL: p's if it has as much, or
// another. So requests that last from one reload to the next add up to no more.
func (p *Proxy) room(text string, requests int) room {
	if p != nil && p.config.MaxRequests == requests {
		if i := slices.Index(p.config.Upstreams, text); i >= 0 {
			return p.upstreams[i].room
		}
	}
	return newRoom(requests)
}

// Check starts the checks of a Proxy that [Succeed] has made. An upstream that was
// found unhealthy before is so until a check says otherwise, or there are none.
func (p *Proxy) Check() {
	for _, u := range p.upstreams {
		if p.config.Health.Path == "" {
			u.down.Store(false)
			continue
		}
		p.done.Go(func() { p.check(p.ctx, u) })
	}
}

// EndChecks ends the checks, and waits for those that run to be broken off.
func (p *Proxy) EndChecks() {
	p.stop()
	p.done.Wait()
}

// Close ends the checks and closes the idle connections, but for those to
// upstreams that a successor has. Fetches that run go on; their connections are
// closed as they end. A Fetch after Close fails.
func (p *Proxy) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	p.EndChecks()
	for _, u := range p.upstreams {
		if u.owners.Add(-1) == 0 {
			u.transports.close()
		}
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
