package main

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/live"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// liveParts are what the live page looks at that there is not from the start, or not
// for good. It waits for none of them: a reload may be under way.
type liveParts struct {
	served *servedSites
	keeper atomic.Pointer[certs.Keeper]
}

// sites are those that are served now.
func (p *liveParts) sites() []live.Site {
	set := p.served.Load()
	if set == nil {
		return nil
	}
	all := make([]live.Site, len(set.all))
	for i, s := range set.all {
		all[i] = live.Site{Name: s.Name, Base: baseOf(s.Site), Tally: s.Tally}
		if s.proxy != nil {
			all[i].Upstreams = s.proxy.Status()
		}
	}
	return all
}

// baseOf is how a URL of a site begins, before what its keys have of it: with one of
// its hosts, and the part of the path that its origin does not get.
func baseOf(s *site.Site) string {
	host := "localhost" // of the default
	if len(s.Hosts) > 0 {
		host = s.Hosts[max(0, slices.IndexFunc(s.Hosts, func(h string) bool { return h[0] != '*' }))]
	}
	if pattern, ok := strings.CutPrefix(host, "*"); ok {
		host = "any" + pattern
	}
	if !s.Strip {
		return "https://" + host
	}
	return "https://" + host + strings.TrimSuffix(s.Path, "/")
}

// broken are the files of certificates and keys that cannot be used.
func (p *liveParts) broken() []certs.Broken {
	if k := p.keeper.Load(); k != nil {
		return k.Broken()
	}
	return nil
}

// shownOf is what of a configuration the live page shows.
func shownOf(cfg config.Config) (live.Shown, error) {
	s := live.Shown{Settings: cfg.Lines()}
	if cfg.CapacityFile != "" {
		c, err := config.ReadCapacity(cfg.CapacityFile)
		if err != nil {
			return s, fmt.Errorf("capacity-file %q: %w", cfg.CapacityFile, err)
		}
		s.Capacity = &c
	}
	return s, nil
}
