package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"sync"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/listen"
)

// newSecurity makes the TLS of the public listener, which follows the files that
// it comes from until stop is called.
func newSecurity(cfg config.Config, m *metrics.Hotpath, log *slog.Logger) (security *tls.Config, stop func(), err error) {
	keeper, err := certs.New(certificateSources(cfg), m, log)
	if err != nil {
		return nil, nil, err
	}
	security = listen.TLSConfig(keeper.Certificate)
	if cfg.TicketKeysFile != "" {
		if err := keeper.Follow("ticket-keys-file", cfg.TicketKeysFile, func(name string) error {
			keys, err := config.ReadTicketKeys(name)
			if err == nil {
				security.SetSessionTicketKeys(keys)
			}
			return err
		}); err != nil {
			return nil, nil, err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { keeper.Run(ctx) })
	return security, func() {
		cancel()
		running.Wait()
	}, nil
}

// certificateSources are where a configuration has its certificates: the one
// outside of sites first, which is the default then, those of sites, and a
// directory.
func certificateSources(cfg config.Config) certs.Sources {
	s := certs.Sources{Dir: cfg.CertDir}
	if cfg.Cert != "" {
		s.Pairs = append(s.Pairs, certs.Listed{Pair: config.Pair{Cert: cfg.Cert, Key: cfg.Key}})
	}
	for i := range cfg.Sites {
		if site := &cfg.Sites[i]; site.Cert != "" {
			s.Pairs = append(s.Pairs, certs.Listed{Pair: config.Pair{Cert: site.Cert, Key: site.Key}, Hosts: site.Hosts})
		}
	}
	return s
}
