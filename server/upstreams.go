package main

import (
	"slices"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/origin/proxy"
)

// shownUpstreams bounds the series of a scrape.
const shownUpstreams = 64

// servedSites are those that are served now, nil until there are any: for who looks at
// them from outside, a scrape and the live page, and waits for no reload.
type servedSites struct{ atomic.Pointer[siteSet] }

// upstreams are those of all sites.
func (p *servedSites) upstreams() []metrics.UpstreamStats {
	set := p.Load()
	if set == nil {
		return nil
	}
	var all []proxy.UpstreamStatus
	for _, s := range set.all {
		if s.proxy != nil {
			all = append(all, s.proxy.Status()...)
		}
	}
	return upstreamStats(all)
}

// upstreamStats sums up what several sites say of one URL: it is usable if it is so
// for all of them. Of more than can be shown those that are not usable come first,
// and then those of the first sites.
func upstreamStats(all []proxy.UpstreamStatus) []metrics.UpstreamStats {
	index := make(map[string]int)
	var stats []metrics.UpstreamStats
	for _, u := range all {
		i, known := index[u.URL]
		if !known {
			i = len(stats)
			index[u.URL] = i
			stats = append(stats, metrics.UpstreamStats{URL: u.URL, Usable: true})
		}
		s := &stats[i]
		s.Usable = s.Usable && (u.State == "up" || u.State == "starting")
		s.Fetches += u.Fetches
		s.Failures += u.Failures
	}
	if len(stats) <= shownUpstreams {
		return stats
	}
	slices.SortStableFunc(stats, func(a, b metrics.UpstreamStats) int {
		switch {
		case a.Usable == b.Usable:
			return 0
		case a.Usable:
			return 1
		}
		return -1
	})
	return stats[:shownUpstreams]
}
