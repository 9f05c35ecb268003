package metrics

import "github.com/prometheus/client_golang/prometheus"

// UpstreamStats is what an upstream reports at a scrape. The counts never go back
// while its configuration stays.
type UpstreamStats struct {
	URL               string // UTF-8
	Usable            bool
	Fetches, Failures uint64
}

// watchUpstreams names the instruments that read the upstreams at scrape. read
// returns each URL once.
func watchUpstreams(set *Set, read func() []UpstreamStats) {
	newUpstreams(set, "hotpath_upstream_usable", "1 while fetches may go to an upstream, 0 while checks or failures speak against it.",
		prometheus.GaugeValue, read, func(u UpstreamStats) float64 {
			if u.Usable {
				return 1
			}
			return 0
		})
	newUpstreams(set, "hotpath_upstream_fetches_total", "Fetches from an upstream, those that were tried again and checks included.",
		prometheus.CounterValue, read, func(u UpstreamStats) float64 { return float64(u.Fetches) })
	newUpstreams(set, "hotpath_upstream_failures_total", "Fetches that failed by an upstream's fault.",
		prometheus.CounterValue, read, func(u UpstreamStats) float64 { return float64(u.Failures) })
}

// upstreams is a value of each upstream that there is.
type upstreams struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	read  func() []UpstreamStats
	value func(UpstreamStats) float64
}

func newUpstreams(set *Set, name, help string, kind prometheus.ValueType, read func() []UpstreamStats, value func(UpstreamStats) float64) {
	set.add(name, &upstreams{prometheus.NewDesc(name, help, []string{"upstream"}, nil), kind, read, value})
}

func (u *upstreams) descriptor() *prometheus.Desc { return u.desc }

func (u *upstreams) collect(ch chan<- prometheus.Metric) {
	for _, s := range u.read() {
		ch <- prometheus.MustNewConstMetric(u.desc, u.kind, u.value(s), s.URL)
	}
}
