package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/pattern"
)

const (
	// dialTime is for a connection to an agent, with its handshake and hello.
	dialTime = 5 * time.Second

	// lead is how long before moment 0 it is sent to the agents, beside the
	// round trip to the farthest.
	lead = 50 * time.Millisecond
)

// Options are of the fleet, not of its attacks.
type Options struct {
	Workers     []string      // the agents' addresses, host:port; at least one
	Token       string        // that the agents have too; see NewToken
	DialTimeout time.Duration // to reach an agent; 0: 5s
	Log         *slog.Logger  // gets the agents that are lost; nil: no log
}

// Check returns what is wrong with o for that attack, and what is allowed.
func (o Options) Check(cfg attack.Config) error {
	if n := len(o.Workers); n == 0 {
		return errors.New("no agents: at least one is needed")
	} else if n > cfg.Connections {
		return fmt.Errorf("%d connections for %d agents: each needs one at least", cfg.Connections, n)
	}
	for i, address := range o.Workers {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return fmt.Errorf("agent %q: an address is host:port", address)
		}
		if slices.Contains(o.Workers[:i], address) {
			return fmt.Errorf("agent %s is named twice: once is allowed", address)
		}
	}
	return CheckToken(o.Token)
}

// Run is attack.Run on all agents. An agent that cannot take part is an error,
// before anything is sent; one that is lost later is not: see the package's
// comment. cfg.First and cfg.Count are set here.
//
// Hooks are called as by attack.Run, with three differences. Metrics counts
// nothing: the bytes are the agents'. Intervals come about a round trip later,
// or, if an agent is slow, 3 s. Outcomes of a closed loop are numbered as
// they come, not in the order of their moments: that is not known before
// the attack has ended.
func Run(ctx context.Context, o Options, cfg attack.Config, hooks attack.Hooks) (attack.Summary, error) {
	cfg.First, cfg.Count = 0, 0
	if err := cfg.Check(); err != nil {
		return attack.Summary{}, err
	}
	if hooks.Feed != nil {
		return attack.Summary{}, errors.New("targets that are read while they are sent are of one machine: agents are sent all targets before")
	}
	if err := o.Check(cfg); err != nil {
		return attack.Summary{}, err
	}
	secure, err := identity(o.Token)
	if err != nil {
		return attack.Summary{}, err
	}
	f, err := newFleet(o, cfg, hooks)
	if err != nil {
		return attack.Summary{}, err
	}
	defer f.release()
	return f.run(ctx, secure)
}

// fleet is a coordinator's attack. All of it belongs to the goroutine that
// called Run.
type fleet struct {
	Options
	cfg      attack.Config
	hooks    attack.Hooks
	requests pattern.Requests // of the targets, if outcomes are wanted
	numbers  atomic.Uint64    // of a closed loop's outcomes
	workers  []*worker

	events chan event    // from the goroutines that read
	over   chan struct{} // closed when events are not taken any more
	busy   sync.WaitGroup
}

// event is what an agent said, or the error that ended the connection.
type event struct {
	*worker
	message *message
	err     error
}

func newFleet(o Options, cfg attack.Config, hooks attack.Hooks) (*fleet, error) {
	if o.DialTimeout == 0 {
		o.DialTimeout = dialTime
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if hooks.Phase == nil {
		hooks.Phase = func(string) {}
	}
	f := &fleet{Options: o, cfg: cfg, hooks: hooks, events: make(chan event), over: make(chan struct{})}
	if hooks.Outcomes != nil {
		requests, err := cfg.Prepared()
		if err != nil {
			return nil, err
		}
		f.requests = requests
	}
	for i, address := range o.Workers {
		f.workers = append(f.workers, newWorker(address, share(cfg, i, len(o.Workers))))
	}
	return f, nil
}

// share is the i-th of n nearly equal parts of the connections.
func share(cfg attack.Config, i, n int) attack.Config {
	cfg.First = i * cfg.Connections / n
	cfg.Count = (i+1)*cfg.Connections/n - cfg.First
	return cfg
}

// release ends all connections, which ends what the agents do, and all
// goroutines.
func (f *fleet) release() {
	close(f.over)
	for _, w := range f.workers {
		if w.link != nil {
			w.link.close()
		}
	}
	f.busy.Wait()
}

func (f *fleet) post(w *worker, m *message, err error) {
	select {
	case f.events <- event{w, m, err}:
	case <-f.over:
	}
}

// deliver gives outcomes to the hook. Each goroutine that reads calls it.
func (f *fleet) deliver(batch []outcome) error {
	if f.hooks.Outcomes == nil {
		return errors.New("it broke the protocol: outcomes that were not asked for")
	}
	all := make([]exchange.Outcome, len(batch))
	for i := range batch {
		o, err := fromWire(&batch[i], f.requests)
		if err != nil {
			return fmt.Errorf("it broke the protocol: %w", err)
		}
		if f.cfg.Pacer == nil {
			o.Seq = f.numbers.Add(1) - 1 // each agent has counted from 0
		}
		all[i] = o
	}
	f.hooks.Outcomes(all)
	return nil
}

func (f *fleet) run(ctx context.Context, secure *tls.Config) (attack.Summary, error) {
	epoch, err := f.prepare(ctx, secure)
	if ctx.Err() != nil {
		return attack.Summary{Begin: time.Now(), Interrupted: true}, nil
	}
	if err != nil {
		return attack.Summary{}, err
	}
	if f.hooks.Begin != nil {
		f.hooks.Begin(epoch.Add(f.cfg.Warmup))
	}
	if f.cfg.Warmup > 0 {
		f.hooks.Phase("warming up for " + f.cfg.Warmup.String())
	}
	for _, w := range f.workers {
		f.command(w, func() message { return w.begin(epoch) })
	}
	c := &collector{fleet: f, epoch: epoch, merger: newMerger(f.hooks.Interval)}
	c.collect(ctx)
	return c.summary()
}

// command sends a message after those before, beside what else is done: an agent
// that takes nothing must not hold the others up. That it could not be sent
// shows when the connection is read.
func (f *fleet) command(w *worker, compose func() message) {
	before, sent := w.sent, make(chan struct{})
	w.sent = sent
	f.busy.Go(func() {
		defer close(sent)
		if before != nil {
			<-before
		}
		_ = w.link.send(compose())
	})
}

// prepare has all agents ready to begin at the moment that it returns.
func (f *fleet) prepare(ctx context.Context, secure *tls.Config) (epoch time.Time, err error) {
	f.hooks.Phase(fmt.Sprintf("reaching %d agents", len(f.workers)))
	if err := f.meet(ctx, secure); err != nil {
		return epoch, err
	}
	f.hooks.Phase(fmt.Sprintf("making %d connections from %d agents", f.cfg.Connections, len(f.workers)))
	for _, w := range f.workers {
		f.busy.Go(func() {
			err := w.link.send(message{Kind: kindStart, Start: &start{Config: w.share, Outcomes: f.hooks.Outcomes != nil}})
			if err != nil {
				f.post(w, nil, err)
			}
		})
	}
	if err := f.ready(ctx); err != nil {
		return epoch, err
	}
	var measured sync.WaitGroup
	for _, w := range f.workers {
		measured.Go(func() { w.measureTrip(ctx) })
	}
	measured.Wait()
	if f.hooks.Ready != nil {
		return f.hooks.Ready(ctx)
	}
	farthest := time.Duration(0)
	for _, w := range f.workers {
		farthest = max(farthest, w.trip)
	}
	return time.Now().Add(lead + farthest), nil
}

// meet connects to all agents, and returns all that is wrong.
func (f *fleet) meet(ctx context.Context, secure *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, f.DialTimeout)
	defer cancel()
	failed := make([]error, len(f.workers))
	var met sync.WaitGroup
	for i, w := range f.workers {
		met.Go(func() {
			if failed[i] = w.meet(ctx, secure); failed[i] == nil {
				f.attend(w)
			}
		})
	}
	met.Wait()
	return errors.Join(failed...)
}

// attend keeps the connection alive and takes what comes from it.
func (f *fleet) attend(w *worker) {
	f.busy.Go(w.beat)
	f.busy.Go(func() { w.read(f.deliver, f.post) })
}

// ready waits until all agents have made their connections.
func (f *fleet) ready(ctx context.Context) error {
	for range f.workers {
		select {
		case e := <-f.events:
			if e.err == nil && e.message.Kind != kindReady {
				e.err = out(e.message)
			}
			if e.err != nil {
				return e.fail(e.err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// out is the error of a message that came in place of another.
func out(m *message) error {
	if m.Kind == kindFailed {
		return errors.New(m.Text)
	}
	return fmt.Errorf("it broke the protocol: %v out of place", m.Kind)
}
