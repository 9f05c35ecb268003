package metrics

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Label is a label's name and all the values it can have. A value's index is
// the constant that names it in code.
type Label struct {
	Name   string
	Values []string
}

// index checks that v has a value: without that it would count in the
// neighbour's cell.
func (l *Label) index(v uint8) int {
	if int(v) >= len(l.Values) {
		l.unknown(v)
	}
	return int(v)
}

func (l *Label) unknown(v uint8) {
	panic(fmt.Sprintf("metrics: label %s has no value %d, only %q", l.Name, v, l.Values))
}

// CounterVec is a counter for each value of a label.
type CounterVec[A ~uint8] struct{ vec }

// NewCounterVec adds a counter for each of label's values to set.
func NewCounterVec[A ~uint8](set *Set, name, help string, label Label) *CounterVec[A] {
	v := &CounterVec[A]{newVec(set, name, help, prometheus.CounterValue, label)}
	set.add(name, v)
	return v
}

// Add counts n with label value a.
func (v *CounterVec[A]) Add(s Stripe, a A, n uint64) {
	v.cells.at(s, v.labels[0].index(uint8(a))).Add(n)
}

// Value returns the sum of all stripes for label value a.
func (v *CounterVec[A]) Value(a A) uint64 {
	return v.cells.sum(v.labels[0].index(uint8(a)))
}

// CounterVec2 is a counter for each pair of values of two labels.
type CounterVec2[A, B ~uint8] struct{ vec }

// NewCounterVec2 adds a counter for each pair of values of a and b to set.
func NewCounterVec2[A, B ~uint8](set *Set, name, help string, a, b Label) *CounterVec2[A, B] {
	v := &CounterVec2[A, B]{newVec(set, name, help, prometheus.CounterValue, a, b)}
	set.add(name, v)
	return v
}

// Add counts n with label values a and b.
func (v *CounterVec2[A, B]) Add(s Stripe, a A, b B, n uint64) {
	v.cells.at(s, v.index2(uint8(a), uint8(b))).Add(n)
}

// Value returns the sum of all stripes for label values a and b.
func (v *CounterVec2[A, B]) Value(a A, b B) uint64 {
	return v.cells.sum(v.index2(uint8(a), uint8(b)))
}

// CounterVec3 is a counter for each triple of values of three labels.
type CounterVec3[A, B, C ~uint8] struct{ vec }

// NewCounterVec3 adds a counter for each triple of values of a, b and c to set.
func NewCounterVec3[A, B, C ~uint8](set *Set, name, help string, a, b, c Label) *CounterVec3[A, B, C] {
	v := &CounterVec3[A, B, C]{newVec(set, name, help, prometheus.CounterValue, a, b, c)}
	set.add(name, v)
	return v
}

// Add counts n with label values a, b and c.
func (v *CounterVec3[A, B, C]) Add(s Stripe, a A, b B, c C, n uint64) {
	v.cells.at(s, v.index3(uint8(a), uint8(b), uint8(c))).Add(n)
}

// Value returns the sum of all stripes for label values a, b and c.
func (v *CounterVec3[A, B, C]) Value(a A, b B, c C) uint64 {
	return v.cells.sum(v.index3(uint8(a), uint8(b), uint8(c)))
}

// GaugeVec is a [Gauge] for each value of a label.
type GaugeVec[A ~uint8] struct{ vec }

// NewGaugeVec adds a gauge for each of label's values to set.
func NewGaugeVec[A ~uint8](set *Set, name, help string, label Label) *GaugeVec[A] {
	v := &GaugeVec[A]{newVec(set, name, help, prometheus.GaugeValue, label)}
	set.add(name, v)
	return v
}

// Add raises the gauge with label value a by n, or lowers it if n is
// negative.
func (v *GaugeVec[A]) Add(s Stripe, a A, n int64) {
	v.cells.at(s, v.labels[0].index(uint8(a))).Add(uint64(n))
}

// Value returns the sum of all stripes for label value a.
func (v *GaugeVec[A]) Value(a A) int64 {
	return int64(v.cells.sum(v.labels[0].index(uint8(a))))
}

// vec is a cell for each combination of its labels' values, the last label's
// value running fastest.
type vec struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	labels []Label
	cells  cells
	series [][]string // label values of each cell
}

func newVec(set *Set, name, help string, kind prometheus.ValueType, labels ...Label) vec {
	names := make([]string, len(labels))
	series := [][]string{nil}
	for i, l := range labels {
		names[i] = l.Name
		var longer [][]string
		for _, head := range series {
			for _, value := range l.Values {
				longer = append(longer, append(head[:i:i], value))
			}
		}
		series = longer
	}
	return vec{
		desc:   prometheus.NewDesc(name, help, names, nil),
		kind:   kind,
		labels: labels,
		cells:  set.take(len(series)),
		series: series,
	}
}

func (v *vec) index2(a, b uint8) int {
	return v.labels[0].index(a)*len(v.labels[1].Values) + v.labels[1].index(b)
}

func (v *vec) index3(a, b, c uint8) int {
	return v.index2(a, b)*len(v.labels[2].Values) + v.labels[2].index(c)
}

func (v *vec) descriptor() *prometheus.Desc { return v.desc }

func (v *vec) collect(ch chan<- prometheus.Metric) {
	for i, values := range v.series {
		n := v.cells.sum(i)
		value := float64(n)
		if v.kind == prometheus.GaugeValue {
			value = float64(int64(n))
		}
		ch <- prometheus.MustNewConstMetric(v.desc, v.kind, value, values...)
	}
}
