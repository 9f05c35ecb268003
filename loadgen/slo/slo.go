// Package slo holds the objectives of a run, such as
//
//	rate>=150000,mean<=3ms,p99<=10ms,errors<=0
//
// and judges a run by them. Values are immutable once parsed: any goroutine
// may read them.
package slo

import (
	"strconv"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// kind is what an objective is about.
type kind uint8

const (
	rate       kind = iota // successful requests per second
	answered               // requests with a whole response per second
	mean                   // of latencies
	least                  // of latencies
	most                   // of latencies
	percentile             // of latencies
	errorCount             // requests without success
	errorRatio             // their share of all
	success                // the share of the others
)

// kindNames are the metrics as one writes them; a percentile has its number
// behind the name.
var kindNames = [...]string{"rate", "answered", "mean", "min", "max", "p", "errors", "error-ratio", "success"}

// Metric is a figure of a run: comparable, and made by Parse alone.
type Metric struct {
	kind    kind
	service bool    // of service times, else of response times
	percent float64 // of a percentile: above 0, below 100
}

// String is the metric as one writes it: "rate", "p99.9", "service-mean".
func (m Metric) String() string {
	s := kindNames[m.kind]
	if m.kind == percentile {
		s += strconv.FormatFloat(m.percent, 'f', -1, 64)
	}
	if m.service {
		s = servicePrefix + s
	}
	return s
}

// latency reports whether the metric is a duration.
func (m Metric) latency() bool { return m.kind >= mean && m.kind <= percentile }

// quantile is the number of a percentile as a share.
func (m Metric) quantile() float64 { return shift(m.percent, -2) }

// shift moves the point in v's shortest decimal form to the right: 99.9 / 100
// is not 0.999, and 0.07 × 100 is not 7.
func shift(v float64, places int) float64 {
	shifted, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', -1, 64)+"e"+strconv.Itoa(places), 64)
	if err != nil {
		panic(err) // not of a finite number
	}
	return shifted
}

// Objective is a bound that a metric has to keep.
type Objective struct {
	Metric Metric
	Op     string // "<=", ">=", "<" or ">"

	// bound is in requests per second, in nanoseconds, a count or a share from
	// 0 to 1, by the metric.
	bound float64
}

// String is the objective as Parse reads it, without a loss: "p99<=10ms".
func (o Objective) String() string { return o.Metric.String() + o.Op + o.exact(o.bound) }

// Human is the objective for people: "rate >= 150,000/s".
func (o Objective) Human() string {
	bound := o.rounded(o.bound)
	if o.Metric.latency() {
		bound = human.Exact(time.Duration(o.bound)) // "10ms", as it was written, not "10.0ms"
	}
	return o.Metric.String() + " " + o.Op + " " + bound
}

// exact writes a value of the metric so that Parse reads the same.
func (o Objective) exact(v float64) string {
	switch o.Metric.kind {
	case rate, answered, errorCount:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case errorRatio, success:
		percent := strconv.FormatFloat(shift(v, 2), 'f', -1, 64) + "%"
		if same, err := parseShare(percent); err == nil && same == v {
			return percent
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return time.Duration(v).String()
}

// rounded writes a value of the metric for people.
func (o Objective) rounded(v float64) string {
	switch o.Metric.kind {
	case rate, answered:
		return human.Rate(v)
	case errorCount:
		return human.Count(uint64(v))
	case errorRatio, success:
		return human.Percent(v)
	}
	return human.Duration(time.Duration(v))
}

// Objectives are what a run is judged by, in the order they were given. They
// are a [flag.Value].
type Objectives []Objective

// String is what Parse reads, without a loss.
func (o Objectives) String() string {
	texts := make([]string, len(o))
	for i := range o {
		texts[i] = o[i].String()
	}
	return strings.Join(texts, ",")
}

// Set adds the objectives of s: a flag may be given more than once.
func (o *Objectives) Set(s string) error {
	more, err := Parse(s)
	if err != nil {
		return err
	}
	all := append((*o)[:len(*o):len(*o)], more...)
	if err := all.distinct(); err != nil {
		return err
	}
	*o = all
	return nil
}

// Latency is the bound of a latency.
type Latency struct {
	Objective Objective
	Bound     time.Duration
	Service   bool    // of service times, else of response times
	Quantile  float64 // above 0, below 1; 0: no percentile; 1: the largest
}

// Latencies are the objectives about latencies.
func (o Objectives) Latencies() []Latency {
	var all []Latency
	for _, one := range o {
		m := one.Metric
		if !m.latency() {
			continue
		}
		l := Latency{Objective: one, Bound: time.Duration(one.bound), Service: m.service}
		switch m.kind {
		case percentile:
			l.Quantile = m.quantile()
		case most:
			l.Quantile = 1
		}
		all = append(all, l)
	}
	return all
}

// Rate is the bound of a rate.
type Rate struct {
	Objective Objective
	Bound     float64 // successful requests per second
}

// Rates are the objectives about the rate.
func (o Objectives) Rates() []Rate {
	var all []Rate
	for _, one := range o {
		if one.Metric.kind == rate {
			all = append(all, Rate{one, one.bound})
		}
	}
	return all
}
