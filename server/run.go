package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/listen"
	"github.com/e0ac7cd4/hotpath/server/live"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/store"
	"github.com/e0ac7cd4/hotpath/server/stream"
)

var (
	errStarting = errors.New("starting")
	errDraining = errors.New("draining")
)

// run serves until ctx ends, then drains. A nil error is a clean stop.
func run(ctx context.Context, cfg config.Config, stderr io.Writer) error {
	journal := new(live.Journal)
	log := newLogger(cfg, stderr, journal)
	defer onHangup(log)()
	stored, err := store.New(store.Config{Entries: cfg.CacheEntries, Bytes: cfg.CacheBytes, Shards: cfg.CacheShards})
	if err != nil {
		return fmt.Errorf("making the store: %w", err)
	}
	watchMemory(stored.Ledger(), log)
	stats := func() metrics.CacheStats { return cacheStats(stored.Cache()) }
	clients := newLimits(cfg)
	m := metrics.NewHotpath(metrics.Options{
		Version: buildinfo.Version(),
		Cache:   stats,
		Reasons: reasons(),
		Limits:  clients.Stats,
		Memory:  func() metrics.MemoryStats { return memoryStats(stored.Ledger(), stored.Cache().Bytes()) },
	})
	m.ConfigLoaded.Set(time.Now().Unix())
	accessLog, err := newRecorder(cfg, m, log)
	if err != nil {
		return err
	}
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
	sites, stopSites, err := newSites(cfg, &budget, log)
	if err != nil {
		return err
	}
	defer stopSites()
	boundMemory(&cfg, &budget, log)
	defer memory.LimitGarbage(stored.Ledger())()

	var unready atomic.Pointer[error] // why; nil: ready
	unready.Store(&errStarting)
	ready := func() error {
		if why := unready.Load(); why != nil {
			return *why
		}
		return nil
	}
	adminAddress, stopAdmin, err := startAdmin(ctx, cfg, watched{metrics: m, cache: stats, ready: ready, hotKeys: accessLog.Top, journal: journal, log: log})
	if err != nil {
		return err
	}
	defer stopAdmin()

	crew := new(stream.Crew)
	defer crew.Close()
	e := edge.New(sites, stored, m, log, edge.Config{Fetches: budget.fetches, MaxStored: cfg.LargestStored()})
	security, stopSecurity, err := newSecurity(cfg, e.Site, m, log)
	if err != nil {
		return err
	}
	defer stopSecurity()
	server := newServer(cfg, budget.conns, security, e, stored.Ledger(), crew, accessLog, clients, m, log)
	l, err := listen.Listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	log.Info("serving", "url", "https://"+reachable(l.Addr()), "admin", adminAddress, "max-conns", budget.conns)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	unready.Store(nil)

	select {
	case err := <-served:
		return acceptingEnded(err)
	case <-ctx.Done():
	}
	unready.Store(&errDraining)
	m.Draining.Set(1)
	log.Info("draining", "delay", cfg.DrainDelay.String(), "timeout", cfg.DrainTimeout.String())
	if err := keepAccepting(cfg.DrainDelay, served); err != nil {
		return err
	}
	if err := server.StopAccepting(l); err != nil {
		return fmt.Errorf("closing the public listener: %w", err)
	}
	if err := <-served; err != nil {
		return err
	}
	drain, cancel := context.WithTimeoutCause(context.Background(), cfg.DrainTimeout, errors.New("drain-timeout has passed"))
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		log.Warn("stopping", "err", err) // what was to be done in time is done: exit 0
	}
	if err := accessLog.Close(); err != nil {
		log.Warn("stopping", "err", err)
	}
	log.Info("stopped")
	return nil
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
