package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Counter is a count that only grows.
type Counter struct {
	desc  *prometheus.Desc
	cells cells
}

// NewCounter adds a counter to set. By Prometheus' rules its name ends in
// _total.
func NewCounter(set *Set, name, help string) *Counter {
	c := &Counter{desc: prometheus.NewDesc(name, help, nil, nil), cells: set.take(1)}
	set.add(name, c)
	return c
}

// Add counts n.
func (c *Counter) Add(s Stripe, n uint64) { c.cells.at(s, 0).Add(n) }

// Value returns the sum of all stripes.
func (c *Counter) Value() uint64 { return c.cells.sum(0) }

func (c *Counter) descriptor() *prometheus.Desc { return c.desc }

func (c *Counter) collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(c.Value()))
}

// Gauge is a level that many owners raise and lower. What is raised on one
// stripe may be lowered on another.
type Gauge struct {
	desc  *prometheus.Desc
	cells cells
}

// NewGauge adds a gauge to set.
func NewGauge(set *Set, name, help string) *Gauge {
	g := &Gauge{desc: prometheus.NewDesc(name, help, nil, nil), cells: set.take(1)}
	set.add(name, g)
	return g
}

// Add raises the gauge by n, or lowers it if n is negative.
func (g *Gauge) Add(s Stripe, n int64) { g.cells.at(s, 0).Add(uint64(n)) }

// Value returns the sum of all stripes.
func (g *Gauge) Value() int64 { return int64(g.cells.sum(0)) }

func (g *Gauge) descriptor() *prometheus.Desc { return g.desc }

func (g *Gauge) collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(g.Value()))
}

// Level is a gauge that one owner sets, now and then: it is not striped.
type Level struct {
	desc  *prometheus.Desc
	value atomic.Int64
}

// NewLevel adds a level to set.
func NewLevel(set *Set, name, help string) *Level {
	l := &Level{desc: prometheus.NewDesc(name, help, nil, nil)}
	set.add(name, l)
	return l
}

// Set makes v the level.
func (l *Level) Set(v int64) { l.value.Store(v) }

// Value returns the level.
func (l *Level) Value() int64 { return l.value.Load() }

func (l *Level) descriptor() *prometheus.Desc { return l.desc }

func (l *Level) collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(l.desc, prometheus.GaugeValue, float64(l.Value()))
}
