package attack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/metrics"
)

const (
	// maxDialling is how many connections are being made at once: enough to
	// fill a network's round trips, few enough for a server's backlog.
	maxDialling = 128

	// grace is how long requests in flight may take when the attack is ended
	// early.
	grace = time.Second

	// writeQuantum is how much a server must read within the timeout.
	writeQuantum = 64 << 10

	// lead is how long before moment 0 everything is ready.
	lead = 5 * time.Millisecond
)

// Hooks are called as an attack proceeds. Any may be nil.
type Hooks struct {
	// Phase is given a text for each step before the measurement.
	Phase func(text string)

	// Ready is called when all connections are made, or could not be. It
	// returns when moment 0 is: several machines begin together.
	Ready func(ctx context.Context) (time.Time, error)

	// Begin is given the moment at which the first measured request is due,
	// before any is sent.
	Begin func(at time.Time)

	// Interval is given each second's counts as it ends; the tally is the
	// callee's.
	Interval func(*measure.Interval)

	// Outcomes is given every measured outcome, in batches that are valid
	// during the call, by many goroutines.
	Outcomes func([]exchange.Outcome)

	// Feed has the requests, all of one origin; Config.Targets has one of them
	// then, from which that is taken. nil: the targets take turns.
	Feed *Feed

	// Metrics counts bytes; its zero value counts and is not read.
	Metrics wire.Metrics
}

// Summary is what is not in the intervals.
type Summary struct {
	Begin       time.Time     // when the first measured request was due
	Duration    time.Duration // that measured requests were due in
	Scheduled   uint64        // measured requests that were due; 0: closed loop
	Warmup      uint64        // requests that ended and were not measured
	Grown       int           // connections that were made beside the others, because those were full
	Interrupted bool          // ctx ended it
	Exhausted   bool          // the feed did

	Spoken   exchange.Protocols // versions of HTTP that connections spoke; 0: none was made
	Fallback bool               // a server that was offered HTTP/2 chose HTTP/1.1

	// Busy is the share of the processor time of this process's cores that it
	// used while it measured, 0 to 1: of several machines that of the busiest.
	Busy float64
}

// attack is one that runs.
type attack struct {
	*plan
	cfg      Config
	hooks    Hooks
	exchange *exchange.Config
	options  wire.Options
	dialer   net.Dialer
	names    *names
	dialling *semaphore.Weighted
	recorder *recorder
	conns    []*connection  // that there are from the beginning
	served   sync.WaitGroup // all connections
	ready    chan struct{}  // closed when moment 0 is known

	meter    *meter
	counted  uint64 // requests that were due in the intervals so far; of watch
	versions atomic.Uint32
	fellBack atomic.Bool

	replay   *Replay    // nil: none
	numbered [][]uint32 // the numbers of each connection's requests, of a replay

	spare *atomic.Int64 // how many connections may still be made beside them; nil: none
	grown atomic.Int64  // how many were
	mu    sync.Mutex
	more  []*connection // those
}

// Run attacks until the last request has ended, or, after ctx has, until those
// in flight have or a second has passed. An error is a Config that Check would
// not pass, or Ready's.
func Run(ctx context.Context, cfg Config, hooks Hooks) (Summary, error) {
	if err := cfg.Check(); err != nil {
		return Summary{}, err
	}
	a, err := newAttack(cfg, hooks)
	if err != nil {
		return Summary{}, err
	}
	return a.run(ctx)
}

func newAttack(cfg Config, hooks Hooks) (*attack, error) {
	requests, book, err := cfg.requests()
	if err != nil {
		return nil, err
	}
	_, replayed := cfg.Pacer.(Replay)
	switch {
	case hooks.Feed == nil:
	case book != nil || replayed:
		return nil, errors.New("targets that are read while they are sent are neither drawn nor those of a log")
	case len(requests) != 1 || cfg.Digest == exchange.DigestFirst:
		return nil, errors.New("targets that are read while they are sent have one origin, and no digest of the first content of each")
	}
	p, err := cfg.plan(requests, book)
	if err != nil {
		return nil, err
	}
	contents := len(requests)
	if book != nil {
		contents = book.Len()
	}
	digests, err := exchange.NewDigests(cfg.Digest, contents)
	if err != nil {
		return nil, err
	}
	if cfg.Pacer == nil && hooks.Outcomes != nil {
		p.numbers = new(numbers)
	}
	secure, err := cfg.tls()
	if err != nil {
		return nil, err
	}
	if cfg.Count == 0 {
		cfg.Count = cfg.Connections
	}
	if hooks.Phase == nil {
		hooks.Phase = func(string) {}
	}
	if hooks.Ready == nil {
		hooks.Ready = func(context.Context) (time.Time, error) { return time.Now().Add(lead), nil }
	}
	if hooks.Metrics.Set == nil {
		hooks.Metrics = uncounted()
	}
	a := &attack{
		plan:     p,
		cfg:      cfg,
		hooks:    hooks,
		exchange: &exchange.Config{Epoch: p.birth, Streams: cfg.Streams, Once: cfg.PerRequest, Timeout: cfg.Timeout, Digests: digests, Strict: cfg.Strict},
		options:  wire.Options{Metrics: hooks.Metrics, WriteTimeout: cfg.Timeout, WriteQuantum: writeQuantum},
		names:    newNames(cfg.Timeout),
		dialling: semaphore.NewWeighted(maxDialling),
		recorder: newRecorder(cfg.Warmup, hooks.Outcomes),
		ready:    make(chan struct{}),
	}
	if book != nil {
		a.exchange.ETag = book.Seen()
	}
	p.feed, p.wakeOthers = hooks.Feed, func() { a.wakeAll(false) }
	if cfg.Pacer != nil && cfg.MaxConnections > cfg.Connections {
		a.spare = new(atomic.Int64)
		a.spare.Store(int64(cfg.MaxConnections*cfg.Count/cfg.Connections - cfg.Count))
	}
	if r, ok := cfg.Pacer.(Replay); ok {
		a.replay = &r
		a.numbered = r.lanes(cfg.Connections)
	}
	i := 0
	for _, g := range cfg.groups(requests) {
		if g.origin.Secure {
			g.tls = secure.Clone()
			g.tls.ServerName = cmp.Or(cfg.ServerName, g.origin.Host)
		}
		for lane := range g.lanes {
			if i >= cfg.First && i < cfg.First+cfg.Count { // else another machine's
				a.conns = append(a.conns, a.newConnection(g, lane, i))
			}
			i++
		}
	}
	return a, nil
}

// uncounted are metrics that are not read.
func uncounted() wire.Metrics {
	set := metrics.NewSet(0)
	return wire.Metrics{
		Set:      set,
		Received: metrics.NewCounter(set, "received", ""),
		Sent:     metrics.NewCounter(set, "sent", ""),
		Stalled:  func(metrics.Stripe) {},
	}
}

// newConnection makes connection i of the attack, the lane-th of its origin.
func (a *attack) newConnection(g *group, lane, i int) *connection {
	budget := uint64(0)
	if a.cfg.Pacer == nil {
		budget = math.MaxUint64
		if n := uint64(a.cfg.Connections); a.cfg.Requests > 0 {
			budget = a.cfg.Requests / n
			if uint64(i) < a.cfg.Requests%n {
				budget++
			}
		}
	}
	s := newSequence(len(a.requests), g.positions, g.lanes, lane)
	if a.replay != nil {
		s = a.replay.replayed(a.numbered[lane], g.lanes, lane)
	}
	c := &connection{
		attack: a,
		route:  a.cfg.route(g.origin),
		tls:    g.tls,
		shard:  a.recorder.shards[i%len(a.recorder.shards)],
		nudged: make(chan struct{}, 1),
	}
	c.drive(s, budget)
	return c
}

// drive makes the connection's driver.
func (c *connection) drive(s sequence, budget uint64) {
	c.driver = newDriver(c.plan, s, c.shard, budget)
	c.driver.wake = func() { c.wake(false) }
}

func (a *attack) run(ctx context.Context) (Summary, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx)) // of connections
	defer end()
	if !a.cfg.PerRequest {
		a.hooks.Phase(fmt.Sprintf("making %d connections", len(a.conns)))
	}
	var made sync.WaitGroup
	for _, c := range a.conns {
		made.Add(1)
		a.served.Add(1)
		go func() {
			w, failure := c.first(ctx)
			made.Done()
			// On a stack of its own: a handshake's is several times as large
			// as what the connection's life needs.
			go func() {
				defer a.served.Done()
				c.run(life, w, failure)
			}()
		}()
	}
	made.Wait()
	epoch, err := a.hooks.Ready(ctx)
	if err != nil {
		epoch = time.Now() // they have still to end
	} else if a.hooks.Begin != nil {
		a.hooks.Begin(epoch.Add(a.warmup))
	}
	if err != nil || ctx.Err() != nil { // while connections were made
		at := time.Since(epoch)
		a.stopped.Store(&at)
	}
	a.epoch.Store(&epoch)
	close(a.ready)
	a.wakeAll(false)
	if err != nil {
		end()
		a.served.Wait()
		return Summary{}, err
	}
	if a.cfg.Warmup > 0 {
		a.hooks.Phase("warming up for " + a.cfg.Warmup.String())
	}
	if a.schedule != nil {
		go a.metronome(life)
	}
	over := make(chan struct{})
	go func() {
		a.served.Wait()
		close(over)
	}()
	a.watch(ctx, end, over)
	return a.summary(), nil
}
