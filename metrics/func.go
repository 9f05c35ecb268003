package metrics

import "github.com/prometheus/client_golang/prometheus"

// funcs reads its values at scrape: read(i) for each value i of the label, or
// read(0) if there is no label.
type funcs struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	values []string
	read   func(i int) float64
}

// NewCounterFunc adds a counter to set that read reports at each scrape. read
// must be safe to call from any goroutine and never go back.
func NewCounterFunc(set *Set, name, help string, read func() uint64) {
	newFuncs(set, name, help, prometheus.CounterValue, Label{}, func(int) float64 { return float64(read()) })
}

// NewCounterVecFunc is [NewCounterFunc] for each value of a label: read is
// called with each index of label.Values.
func NewCounterVecFunc[A ~uint8](set *Set, name, help string, label Label, read func(A) uint64) {
	newFuncs(set, name, help, prometheus.CounterValue, label, func(i int) float64 { return float64(read(A(i))) })
}

// NewGaugeFunc adds a gauge to set that read reports at each scrape. read must
// be safe to call from any goroutine.
func NewGaugeFunc(set *Set, name, help string, read func() int64) {
	newFuncs(set, name, help, prometheus.GaugeValue, Label{}, func(int) float64 { return float64(read()) })
}

// NewGaugeVecFunc is [NewGaugeFunc] for each value of a label: read is called with
// each index of label.Values.
func NewGaugeVecFunc[A ~uint8](set *Set, name, help string, label Label, read func(A) int64) {
	newFuncs(set, name, help, prometheus.GaugeValue, label, func(i int) float64 { return float64(read(A(i))) })
}

func newFuncs(set *Set, name, help string, kind prometheus.ValueType, label Label, read func(int) float64) {
	f := &funcs{kind: kind, values: label.Values, read: read}
	var names []string
	if label.Name != "" {
		names = []string{label.Name}
	}
	f.desc = prometheus.NewDesc(name, help, names, nil)
	set.add(name, f)
}

func (f *funcs) descriptor() *prometheus.Desc { return f.desc }

func (f *funcs) collect(ch chan<- prometheus.Metric) {
	if f.values == nil {
		ch <- prometheus.MustNewConstMetric(f.desc, f.kind, f.read(0))
		return
	}
	for i, value := range f.values {
		ch <- prometheus.MustNewConstMetric(f.desc, f.kind, f.read(i), value)
	}
}
