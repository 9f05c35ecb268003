package metrics

import "github.com/prometheus/client_golang/prometheus"

// MissedPath is a path whose requests miss, as it is at a scrape.
type MissedPath struct {
	Site, Path string  // UTF-8
	Rate       float64 // misses/s
}

// missedPaths are the misses of each path that read returns: each once, and few.
type missedPaths struct {
	desc *prometheus.Desc
	read func() []MissedPath
}

func watchMissedPaths(set *Set, read func() []MissedPath) {
	const name = "hotpath_cache_path_misses_per_second"
	set.add(name, &missedPaths{prometheus.NewDesc(name, "Misses per second in the last whole five minutes, of paths that had a 64th of all or more.", []string{"site", "path"}, nil), read})
}

func (p *missedPaths) descriptor() *prometheus.Desc { return p.desc }

func (p *missedPaths) collect(ch chan<- prometheus.Metric) {
	for _, one := range p.read() {
		ch <- prometheus.MustNewConstMetric(p.desc, prometheus.GaugeValue, one.Rate, one.Site, one.Path)
	}
}
