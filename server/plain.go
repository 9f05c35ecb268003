package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/acme"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/handover"
	"github.com/e0ac7cd4/hotpath/server/redirect"
)

// plainStop is how long redirects may take to end: each is one small packet.
const plainStop = time.Second

// startPlain starts the plain HTTP listener, if it is wanted, which redirects to
// the public one, and returns its address and what stops it.
func startPlain(cfg config.Config, public net.Addr, obtaining *acme.Manager, open func(name, address string) (net.Listener, error), m *metrics.Hotpath, log *slog.Logger) (address string, stop func(), err error) {
	if cfg.HTTPAddr == "" {
		return "off", func() {}, nil
	}
	l, err := open(handover.HTTP, cfg.HTTPAddr)
	if err != nil {
		return "", nil, fmt.Errorf("opening the plain HTTP listener: %w", err)
	}
	port := 443
	if a, ok := public.(*net.TCPAddr); ok {
		port = a.Port
	}
	server := redirect.New(redirect.Config{Port: port, Challenge: obtaining.ServeHTTP, Metrics: m, Log: log})
	go func() {
		if err := server.Serve(l); err != nil {
			log.Error("the plain HTTP listener ended", "err", err)
		}
	}()
	return l.Addr().String(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), plainStop)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			log.Warn("stopping the plain HTTP listener", "err", err)
		}
	}, nil
}
