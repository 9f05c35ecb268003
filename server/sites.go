package main

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/origin/proxy"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// newSites makes the sites of a configuration, and what ends them.
func newSites(cfg config.Config, budget *descriptors, log *slog.Logger) (t *site.Table, stop func(), err error) {
	var closers []func() error
	stop = func() {
		for _, c := range closers {
			if err := c(); err != nil {
				log.Warn("stopping a site", "err", err)
			}
		}
	}
	sites := make([]*site.Site, len(cfg.Sites))
	for i := range cfg.Sites {
		s, closer, err := newSite(cfg, &cfg.Sites[i], budget, log)
		if err != nil {
			stop()
			return nil, nil, err
		}
		sites[i] = s
		closers = append(closers, closer)
	}
	t, err = site.NewTable(sites...)
	if err != nil {
		stop()
		return nil, nil, err
	}
	return t, stop, nil
}

// newSite makes one site, and what ends it.
func newSite(cfg config.Config, c *config.Site, budget *descriptors, log *slog.Logger) (*site.Site, func() error, error) {
	s := &site.Site{
		Name:    siteName(c),
		Hosts:   c.Hosts,
		Default: c.Default,
		Query: site.Query{
			Drop:    c.CacheKey.Query == config.QueryDrop,
			Sorted:  c.CacheKey.Query == config.QuerySorted,
			Keep:    c.CacheKey.Keep,
			Without: c.CacheKey.Drop,
		},
		TrustedProxies: c.TrustedProxies,
		Rules: &rfc9111.Rules{
			HonorRequest:         c.Cache.HonorRequest,
			Freshness:            c.Cache.DefaultFresh,
			StatusFreshness:      c.Cache.Negative,
			Heuristic:            c.Cache.Heuristics,
			StaleWhileRevalidate: c.Cache.StaleWhileRevalidate,
			StaleIfError:         c.Cache.StaleIfError,
			StoreSetCookie:       c.Cache.StoreSetCookie,
		},
	}
	if c.Cache.CacheStatus {
		s.HitStatus = edge.HitStatus
	}
	if c.ClientCA != "" {
		var err error
		if s.Clients, err = certs.LoadAuthority(c.ClientCA, c.ClientAuth == config.ClientOptional); err != nil {
			return nil, nil, fmt.Errorf("site %s: %w", s.Name, err)
		}
	}
	switch {
	case len(c.Upstreams) > 0:
		p, err := proxy.New(proxyConfig(c, budget))
		if err != nil {
			return nil, nil, fmt.Errorf("site %s: %w", s.Name, err)
		}
		s.Origin = p
		return s, p.Close, nil
	case c.Root != "":
		s.Files = true
		roots, _ := parts(&cfg)
		reading := readingOf(&cfg, roots)
		d, err := origin.NewDirectory(c.Root, origin.DirectoryConfig{
			MaxStored: cfg.LargestStored(), MaxOpen: budget.open, MaxReading: reading, Log: log,
		})
		if err != nil {
			return nil, nil, fmt.Errorf("site %s: %w", s.Name, err)
		}
		s.Origin = d
		return s, d.Close, nil
	}
	d, err := origin.NewDemo()
	s.Files, s.Origin = true, d
	return s, func() error { return nil }, err
}

// siteName is what logs call a site.
func siteName(c *config.Site) string {
	switch {
	case len(c.Hosts) > 0:
		return c.Hosts[0]
	case len(c.Upstreams) > 0:
		return strings.Join(c.Upstreams, ",")
	case c.Root != "":
		return c.Root
	}
	return "demo"
}

func proxyConfig(c *config.Site, budget *descriptors) proxy.Config {
	return proxy.Config{
		Upstreams: c.Upstreams,
		Balance:   proxy.Balance(c.Balance),
		TLS:       proxy.TLS{CAFile: c.TLS.CA, ServerName: c.TLS.ServerName, InsecureSkipVerify: c.TLS.Insecure},
		Timeouts:  proxy.Timeouts{Dial: c.Timeouts.Dial, Head: c.Timeouts.Head, Idle: c.Timeouts.Idle},
		Health: proxy.Health{
			Path: c.Health.Path, Interval: c.Health.Interval, Timeout: c.Health.Timeout,
			Healthy: c.Health.Healthy, Unhealthy: c.Health.Unhealthy,
		},
		MaxRequests:    budget.upstream,
		Host:           c.Host,
		TrustedProxies: c.TrustedProxies,
	}
}
