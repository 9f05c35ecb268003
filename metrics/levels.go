package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Levels is a gauge with a label whose values are not known in advance. One owner
// sets all of it, now and then, and sees to it that they are few.
type Levels struct {
	desc   *prometheus.Desc
	values atomic.Pointer[map[string]int64]
}

// NewLevels adds levels to set.
func NewLevels(set *Set, name, help, label string) *Levels {
	l := &Levels{desc: prometheus.NewDesc(name, help, []string{label}, nil)}
	l.Set(nil)
	set.add(name, l)
	return l
}

// Set makes these the levels, by the label's value, which must be UTF-8. The map
// must not be changed afterwards.
func (l *Levels) Set(values map[string]int64) { l.values.Store(&values) }

// Values returns the levels.
func (l *Levels) Values() map[string]int64 { return *l.values.Load() }

func (l *Levels) descriptor() *prometheus.Desc { return l.desc }

func (l *Levels) collect(ch chan<- prometheus.Metric) {
	for label, v := range l.Values() {
		ch <- prometheus.MustNewConstMetric(l.desc, prometheus.GaugeValue, float64(v), label)
	}
}
