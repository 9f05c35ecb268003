package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/handover"
	"github.com/e0ac7cd4/hotpath/server/listen"
	"github.com/e0ac7cd4/hotpath/server/live"
	"github.com/e0ac7cd4/hotpath/server/store"
	"github.com/e0ac7cd4/hotpath/server/stream"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

var (
	errStarting = errors.New("starting")
	errDraining = errors.New("draining")
)

// run serves until ctx ends, then drains. A nil error is a clean stop.
//
// Its listeners are h's: a successor may take them over, and it drains then too.
func run(ctx context.Context, src *source, cfg config.Config, h *handover.Handover, stderr io.Writer) error {
	journal, level := new(live.Journal), new(slog.LevelVar)
	level.Set(cfg.LogLevel)
	log := newLogger(cfg, stderr, level, journal)
	warnOf(cfg, log)
	stored, err := store.New(store.Config{Entries: cfg.CacheEntries, Bytes: cfg.CacheBytes, Shards: cfg.CacheShards})
	if err != nil {
		return fmt.Errorf("making the store: %w", err)
	}
	watchMemory(stored.Ledger(), log)
	stats := func() metrics.CacheStats { return cacheStats(stored.Cache()) }
	held := func() metrics.MemoryStats { return memoryStats(stored.Ledger(), stored.Cache().Bytes()) }
	clients := newLimits(cfg)
	seen, misses := new(servedSites), new(missedPaths)
	m := metrics.NewHotpath(metrics.Options{
		Version:     buildinfo.Version(),
		Cache:       stats,
		Reasons:     reasons(),
		Limits:      clients.Stats,
		Upstreams:   seen.upstreams,
		MissedPaths: misses.read,
		Memory:      held,
	})
	r := newRunning(src, cfg, h, m, seen, log, level, journal)
	defer onHangup(func() { _, _ = r.reload("SIGHUP") })() // it logs what comes of it
	defer onUpgrade(func() { _ = r.upgrade("SIGUSR2") })() // likewise
	tracer := traces.New(buildinfo.Version(), m, log)
	defer func() { _ = tracer.Close(ended()) }() // if this ends with an error; see below
	accessLog, err := newRecorder(cfg, tracer, m, log)
	if err != nil {
		return err
	}
	traced := tracing(tracer, accessLog)
	traced(cfg)
	defer accessLog.Close() // if this ends with an error; see below
	defer onReopen(accessLog.Reopen)()
	files, err := listen.RaiseFileLimit()
	if err != nil {
		return err
	}
	budget, err := divide(files, &cfg)
	if err != nil {
		return err
	}
	budget.warn(files, &cfg, log)
	m.PermitsConfigured.Set(int64(cfg.MaxConns))
	sites, err := newSites(cfg, &budget, nil, r.attempts, log)
	if err != nil {
		return err
	}
	r.files, r.budget, r.sites = files, budget, sites
	r.live.served.Store(sites)
	defer r.end()
	bounds := newBounds(cfg, &budget, stored.Ledger(), log)
	defer func() { bounds.end() }()

	var unready atomic.Pointer[error] // why; nil: ready
	unready.Store(&errStarting)
	ready := func() error {
		if why := unready.Load(); why != nil {
			return *why
		}
		return nil
	}
	e := edge.New(sites.table, stored, m, log, edge.Config{Fetches: budget.fetches, MaxStored: cfg.LargestStored(), Compressors: cfg.Compressors, Traces: tracer})
	misses.Store(e)
	open := func(name, address string) (net.Listener, error) { return h.Listen(ctx, name, address) }
	adminAddress, page, stopAdmin, err := startAdmin(cfg, watched{
		metrics: m, cache: stats, memory: held, clients: clients.Stats, edge: e, ready: ready, hotKeys: accessLog.Top,
		journal: journal, running: r, listen: open, log: log,
	})
	if err != nil {
		return err
	}
	defer stopAdmin()

	crew := new(stream.Crew)
	defer crew.Close()
	security, stopSecurity, err := newSecurity(cfg, e.Site, m, log)
	if err != nil {
		return err
	}
	defer stopSecurity()
	r.live.keeper.Store(security.keeper)
	maker := connMaker{e, stored.Ledger(), crew, accessLog, clients.Requests(m), m, log, wire.Options{
		Metrics:    wire.ServerMetrics(m),
		Handshakes: wire.NewGate(runtime.GOMAXPROCS(0)),
		Turns:      wire.NewTurns(runtime.GOMAXPROCS(0)),
		Budget:     backlogs{stored.Ledger()},
		PlainTLS:   !tlsBuffers(cfg, m, log),
	}}
	server := listen.New(listen.Config{
		TLS: security.config, Identify: security.identify, Metrics: m, Log: log,
		MaxConns: budget.conns, MaxHandshakes: cfg.MaxHandshakes,
		ProxyFrom: cfg.ProxyProtocolFrom, PerClient: clients.Connections(m),
		Conns: maker.conns(cfg),
	})
	l, err := open(handover.Public, cfg.Listen)
	if err == nil {
		l, err = wire.Adopt(l)
	}
	if err != nil {
		return fmt.Errorf("opening the public listener: %w", err)
	}
	quic := newQUICListener(server, l.Addr(), h.HasPredecessor, log)
	plainAddress, stopPlain, err := startPlain(cfg, l.Addr(), security.acme, open, m, log)
	if err != nil {
		return err
	}
	stopPlain = sync.OnceFunc(stopPlain)
	defer stopPlain()
	serveHTTP3, _, err := quic.prepare(cfg)
	if err != nil {
		return err
	}
	defer quic.stop(ended()) // if this ends with an error; see below
	sites.begin(e.SetSites, log)
	serveHTTP3()
	log.Info("serving", "url", "https://"+reachable(l.Addr()), "admin", adminAddress, "http", plainAddress, "http3", quic.shown(), "max-conns", budget.conns)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	security.obtain(cfg)
	r.start(takers{e, server, security.configure, maker.conns, quic.prepare, page, bounds.change, traced})
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	if cfg.FileWatch > 0 && cfg.File != "" {
		go newWatch(src).run(watching, cfg.FileWatch, func() { _, _ = r.reload("config-watch") }) // it logs what comes of it
	}
	go r.followUsers(watching, e.Forget, log)
	unready.Store(nil)
	if err := h.Ready(log); err != nil {
		return err
	}
	defer func() {
		if err := h.Close(); err != nil {
			log.Warn("stopping", "err", err)
		}
	}()

	succeeded := false
	select {
	case err := <-served:
		return acceptingEnded(err)
	case <-h.Succeeded():
		succeeded = true
		stopAdmin() // requests to it are for the successor
	case <-ctx.Done():
		if err := h.Stop(); err != nil {
			log.Warn("stopping", "err", err)
		}
	}
	unready.Store(&errDraining)
	stopWatching()
	cfg = r.drain()
	if succeeded {
		cfg.DrainDelay = 0 // connections are accepted all the time
	}
	m.Draining.Set(1)
	log.Info("draining", "delay", cfg.DrainDelay.String(), "timeout", cfg.DrainTimeout.String())
	security.obtain(config.Config{}) // nothing any more: a successor does it, or the next start
	if err := keepAccepting(cfg.DrainDelay, served); err != nil {
		return err
	}
	stopPlain()
	if err := server.StopAccepting(l); err != nil {
		return err
	}
	if err := <-served; err != nil {
		return err
	}
	drain, cancel := context.WithTimeoutCause(context.Background(), cfg.DrainTimeout, errors.New("drain-timeout has passed"))
	defer cancel()
	datagrams := drain
	if succeeded { // which waits for the socket
		var end context.CancelFunc
		datagrams, end = context.WithTimeoutCause(drain, handoverTime, errors.New("a successor needs the socket"))
		defer end()
	}
	var ending sync.WaitGroup
	ending.Go(func() { quic.stop(datagrams) })
	if err := server.Shutdown(drain); err != nil {
		log.Warn("stopping", "err", err) // what was to be done in time is done: exit 0
	}
	ending.Wait()
	if err := accessLog.Close(); err != nil {
		log.Warn("stopping", "err", err)
	}
	if err := tracer.Close(drain); err != nil { // with the spans that the access log's end made
		log.Warn("stopping", "err", err)
	}
	log.Info("stopped")
	return nil
}

// ended is a context that has ended: nothing is waited for.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// keepAccepting lets the public listener go on for delay: a balancer sees that
// readiness is gone before connections are refused.
func keepAccepting(delay time.Duration, served <-chan error) error {
	if delay == 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case err := <-served:
		return acceptingEnded(err)
	case <-timer.C:
		return nil
	}
}

func acceptingEnded(err error) error {
	return fmt.Errorf("accepting connections ended: %w", err)
}
