package metrics

import "github.com/prometheus/client_golang/prometheus"

// MissedPath is a path whose requests miss, as it is at a scrape.
type MissedPath struct {
	Site, Path string // UTF-8
	Misses     uint64 // of the last minutes
}

// missedPaths are the misses of each path that read returns: each once, and few.
type missedPaths struct {
	desc *prometheus.Desc
	read func() []MissedPath
}

func watchMissedPaths(set *Set, read func() []MissedPath) {
	const name = "hotpath_cache_path_misses"
	set.add(name, &missedPaths{prometheus.NewDesc(name, "Misses in the last five to ten minutes of the paths that miss most.", []string{"site", "path"}, nil), read})
}

func (p *missedPaths) descriptor() *prometheus.Desc { return p.desc }

func (p *missedPaths) collect(ch chan<- prometheus.Metric) {
	for _, one := range p.read() {
		ch <- prometheus.MustNewConstMetric(p.desc, prometheus.GaugeValue, float64(one.Misses), one.Site, one.Path)
	}
}
