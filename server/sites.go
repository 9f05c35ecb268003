package main

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/internal/yield"
	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/origin/proxy"
	"github.com/e0ac7cd4/hotpath/server/rules"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// served is a site of a configuration and what was made for it.
type served struct {
	*site.Site
	from  config.Site
	quota quota
	proxy *proxy.Proxy // nil: it has no upstream
	users *usersFile   // nil: everybody may see it
	close func() error // ends the origin
}

// siteSet is what a configuration serves. A set that follows another has those of
// its sites that are the same, with all that they are doing.
type siteSet struct {
	table *site.Table
	all   []*served
	fresh []*served // of all, those that the set before does not have
	gone  []*served // those of the set before that this one does not have
}

// newSites makes the sites of a configuration, which are to follow those of before,
// nil if there are none. Nothing of before changes until [siteSet.begin].
func newSites(cfg config.Config, budget *descriptors, before *siteSet, attempts *rules.Attempts, log *slog.Logger) (*siteSet, error) {
	set := new(siteSet)
	roots, _ := parts(&cfg)
	each := quota{open: budget.open, reading: readingOf(&cfg, max(1, roots)), requests: budget.upstream}
	left := before.byHost()
	pages := new(config.Pages)
	sites := make([]*site.Site, len(cfg.Sites))
	for i := range cfg.Sites {
		yield.InLoop()
		c := &cfg.Sites[i]
		m := maker{log: log, attempts: attempts, pages: pages, maxStored: cfg.LargestStored(), quota: each.of(c), before: left.take(c)}
		s, err := m.make(c)
		if err != nil {
			set.abandon(log)
			return nil, err
		}
		if s != m.before {
			set.fresh = append(set.fresh, s)
			if m.before != nil {
				set.gone = append(set.gone, m.before)
			}
		}
		set.all, sites[i] = append(set.all, s), s.Site
	}
	set.gone = append(set.gone, left.rest(before)...)
	var err error
	if set.table, err = site.NewTable(sites...); err != nil {
		set.abandon(log)
		return nil, err
	}
	return set, nil
}

// hostIndex has the sites of a set by each of their hosts, the default one by "",
// until they are taken.
type hostIndex struct {
	sites map[string]*served
	taken map[*served]bool
}

func (set *siteSet) byHost() hostIndex {
	x := hostIndex{make(map[string]*served), make(map[*served]bool)}
	if set == nil {
		return x
	}
	for _, s := range set.all {
		yield.InLoop()
		for _, host := range hostsOf(&s.from) {
			x.sites[host] = s
		}
	}
	return x
}

// hostsOf are the hosts of a site, each with its path.
func hostsOf(c *config.Site) (hosts []string) {
	if c.Default {
		hosts = append(hosts, c.Path)
	}
	for _, host := range c.Hosts {
		hosts = append(hosts, host+c.Path)
	}
	return hosts
}

// take returns the site whose place c takes: the first with one of its hosts that
// no other has taken; nil if there is none.
func (x hostIndex) take(c *config.Site) *served {
	for _, host := range hostsOf(c) {
		if s := x.sites[host]; s != nil && !x.taken[s] {
			x.taken[s] = true
			return s
		}
	}
	return nil
}

// rest are the sites of set that were not taken.
func (x hostIndex) rest(set *siteSet) (all []*served) {
	if set == nil {
		return nil
	}
	for _, s := range set.all {
		if !x.taken[s] {
			all = append(all, s)
		}
	}
	return all
}

// begin serves the set, by way of serve, and ends what it has not of the set
// before. A site that is gone is closed when the last of its exchanges has ended.
func (set *siteSet) begin(serve func(*site.Table), log *slog.Logger) {
	for _, s := range set.gone {
		if s.proxy != nil {
			s.proxy.EndChecks() // its successor's are about to start
		}
	}
	for _, s := range set.fresh {
		if s.proxy != nil {
			s.proxy.Check()
		}
	}
	serve(set.table)
	for _, s := range set.gone {
		s.Retire(func() { s.end(log) })
	}
	set.fresh, set.gone = nil, nil
}

// abandon ends what was made for a set that will not be served.
func (set *siteSet) abandon(log *slog.Logger) {
	for _, s := range set.fresh {
		s.end(log)
	}
}

// end ends all sites.
func (set *siteSet) end(log *slog.Logger) {
	for _, s := range set.all {
		s.end(log)
	}
}

func (s *served) end(log *slog.Logger) {
	if err := s.close(); err != nil {
		log.Warn("stopping a site", "site", s.Name, "err", err)
	}
}

// quota is what a site may use at once; 0 of what it has no use for.
type quota struct {
	open     int   // large files
	reading  int64 // bytes of files that are read
	requests int   // at each of its upstreams
}

// of is the part of q that a site has use for.
func (q quota) of(c *config.Site) quota {
	switch {
	case len(c.Upstreams) > 0:
		return quota{requests: q.requests}
	case c.Root != "":
		return quota{open: q.open, reading: q.reading}
	}
	return quota{}
}

// maker makes a site.
type maker struct {
	log       *slog.Logger
	attempts  *rules.Attempts
	pages     *config.Pages // of all sites
	maxStored int64
	quota     quota
	before    *served // whose place the site takes; nil: no site's
}

// make makes a site; it is the one before if that is the same.
func (m *maker) make(c *config.Site) (*served, error) {
	old := m.before
	if old != nil && c.Same(&old.from) && !c.ReadsFiles() && m.quota == old.quota {
		return old, nil
	}
	s := &served{Site: newSite(c), from: *c, quota: m.quota, close: func() error { return nil }}
	if old != nil {
		s.Tally = old.Tally // its answers count on
		if c.StoresAs(&old.from) {
			s.Inherit(old.Site)
		}
	}
	if err := m.open(s, c); err != nil {
		return nil, fmt.Errorf("site %s: %w", s.Name, err)
	}
	return s, nil
}

// open reads the authority that clients must be certified by, and makes the origin
// of a site.
func (m *maker) open(s *served, c *config.Site) (err error) {
	if c.ClientCA != "" {
		if s.Clients, err = certs.LoadAuthority(c.ClientCA, c.ClientAuth == config.ClientOptional); err != nil {
			return err
		}
	}
	if err := m.rule(s, c); err != nil {
		return err
	}
	switch {
	case len(c.Upstreams) > 0:
		var before *proxy.Proxy
		if m.before != nil {
			before = m.before.proxy
		}
		p, err := proxy.Succeed(before, proxyConfig(c, m.quota.requests))
		if err != nil {
			return err
		}
		s.Origin, s.proxy, s.close = p, p, p.Close
	case c.Root != "":
		d, err := origin.NewDirectory(c.Root, origin.DirectoryConfig{
			MaxStored: m.maxStored, MaxOpen: m.quota.open, MaxReading: m.quota.reading, Precompressed: c.Precompressed, Log: m.log,
		})
		if err != nil {
			return err
		}
		s.Files, s.Origin, s.close = true, d, d.Close
	default:
		d, err := origin.NewDemo()
		if err != nil {
			return err
		}
		s.Files, s.Origin = true, d
	}
	return nil
}

// newSite is what a site is without its origin.
func newSite(c *config.Site) *site.Site {
	s := &site.Site{
		Name:    siteName(c),
		Hosts:   c.Hosts,
		Default: c.Default,
		Path:    c.Path,
		Strip:   c.Strip,
		Query: site.Query{
			Drop:    c.CacheKey.Query == config.QueryDrop,
			Sorted:  c.CacheKey.Query == config.QuerySorted,
			Keep:    c.CacheKey.Keep,
			Without: c.CacheKey.Drop,
		},
		Fields:         c.CacheKey.Fields,
		Cookies:        c.CacheKey.Cookies,
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
	s.MaxBody, s.RequestIDs, s.Coding = c.MaxBody, c.RequestID && len(c.Upstreams) > 0, c.Coding()
	if c.Cache.CacheStatus {
		s.HitStatus = edge.HitStatus
	}
	return s
}

// siteName is what logs call a site.
func siteName(c *config.Site) string {
	switch {
	case len(c.Hosts) > 0:
		return c.Hosts[0] + c.Path
	case len(c.Upstreams) > 0:
		return strings.Join(c.Upstreams, ",")
	case c.Root != "":
		return c.Root
	}
	return "demo"
}

func proxyConfig(c *config.Site, requests int) proxy.Config {
	return proxy.Config{
		Upstreams: c.Upstreams,
		Balance:   proxy.Balance(c.Balance),
		TLS:       proxy.TLS{CAFile: c.TLS.CA, ServerName: c.TLS.ServerName, InsecureSkipVerify: c.TLS.Insecure},
		Timeouts:  proxy.Timeouts{Dial: c.Timeouts.Dial, Head: c.Timeouts.Head, Idle: c.Timeouts.Idle, Pool: c.Timeouts.Pool, Queue: c.Timeouts.Wait},
		Health: proxy.Health{
			Path: c.Health.Path, Interval: c.Health.Interval, Timeout: c.Health.Timeout,
			Healthy: c.Health.Healthy, Unhealthy: c.Health.Unhealthy,
		},
		MaxRequests:    requests,
		Host:           c.Host,
		TrustedProxies: c.TrustedProxies,
	}
}
