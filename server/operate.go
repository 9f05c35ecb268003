package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/admin"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/handover"
	"github.com/e0ac7cd4/hotpath/server/live"
)

// adminStop is how long requests to the admin listener may take to end when
// everything else has: a profile under way is cut off.
const adminStop = time.Second

// watched is what the admin listener looks at.
type watched struct {
	metrics *metrics.Hotpath
	cache   func() metrics.CacheStats
	memory  func() metrics.MemoryStats
	clients func() metrics.LimitStats
	edge    *edge.Edge
	ready   func() error
	hotKeys func(n int) []access.HotKey
	journal *live.Journal
	running *running
	listen  func(name, address string) (net.Listener, error)
	log     *slog.Logger
}

// startAdmin starts the admin listener and the recorder behind its page, if
// they are wanted, and returns the address, what has the page show another
// configuration, and what stops both.
func startAdmin(cfg config.Config, o watched) (address string, page func(config.Config) (show func(), err error), stop func(), err error) {
	if cfg.Admin == "" {
		return "off", func(config.Config) (func(), error) { return func() {}, nil }, func() {}, nil
	}
	token, err := cfg.AdminToken()
	if err != nil {
		return "", nil, nil, err
	}
	shown, err := shownOf(cfg)
	if err != nil {
		return "", nil, nil, err
	}
	recorder, err := live.New(live.Config{
		Metrics: o.metrics, Cache: o.cache, Memory: o.memory, Clients: o.clients, Ready: o.ready, HotKeys: o.hotKeys,
		Sites: o.running.live.sites, Misses: o.edge.Misses, Slowest: o.edge.Slowest, Broken: o.running.live.broken,
		Journal: o.journal, Version: buildinfo.Version(), Shown: shown,
	})
	if err != nil {
		return "", nil, nil, err
	}
	l, err := o.listen(handover.Admin, cfg.Admin)
	if err != nil {
		return "", nil, nil, fmt.Errorf("opening the admin listener: %w", err)
	}
	server := admin.New(admin.Config{
		Metrics: metrics.NewRegistry(o.metrics), Ready: o.ready, Live: recorder, Token: token, Count: o.metrics, Log: o.log,
		Settings: o.running.settings,
		Cache:    &cacheControl{Edge: o.edge, journal: o.journal, log: o.log},
		Reload:   func() ([]string, error) { return o.running.reload("the admin listener") },
		Upgrade: func() ([]string, error) {
			return []string{"upgraded: a successor serves"}, o.running.upgrade("the admin listener")
		},
	})
	go func() {
		if err := server.Serve(l); err != nil {
			o.log.Error("the admin listener ended", "err", err)
		}
	}()
	record, stopRecorder := context.WithCancel(context.Background()) // draining is to be seen
	go func() {
		if err := recorder.Run(record); err != nil {
			o.log.Error("the recorder of the live page ended", "err", err)
		}
	}()
	page = func(cfg config.Config) (show func(), err error) {
		shown, err := shownOf(cfg)
		if err != nil {
			return nil, err
		}
		return recorder.Show(shown)
	}
	return l.Addr().String(), page, sync.OnceFunc(func() {
		stopRecorder() // and with it streams, which have no other end
		ctx, cancel := context.WithTimeout(context.Background(), adminStop)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			o.log.Warn("stopping the admin listener", "err", err)
		}
	}), nil
}
