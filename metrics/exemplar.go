package metrics

import (
	"encoding/hex"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TraceID is the ID of a trace, as W3C Trace Context has it.
type TraceID [16]byte

// exemplar is an event of a bucket whose trace can be looked at. It is immutable.
type exemplar struct {
	trace TraceID
	took  time.Duration
	at    time.Time
}

// exemplars are the last one of each bucket; nil slots have none. Few events have a
// trace, and none of those of a turn is named before the turn is over: so they stand
// beside the cells, and what is counted does not look at them.
type exemplars []atomic.Pointer[exemplar]

// Exemplify names the trace of an event that was, or is about to be, observed with
// label value a: the last one in its bucket is shown, in OpenMetrics alone.
func (v *HistogramVec[A]) Exemplify(a A, took time.Duration, trace TraceID, at time.Time) {
	v.buckets.exemplify(v.label.index(uint8(a)), took, trace, at)
}

func (b *buckets) exemplify(histogram int, took time.Duration, trace TraceID, at time.Time) {
	took = max(took, 0)
	b.exemplars[histogram*b.width+b.bucket(took)].Store(&exemplar{trace, took, at})
}

// withExemplars is m with those of a histogram.
func (b *buckets) withExemplars(m prometheus.Metric, histogram int) prometheus.Metric {
	var all []prometheus.Exemplar
	for i := range len(b.bounds) + 1 {
		if e := b.exemplars[histogram*b.width+i].Load(); e != nil {
			all = append(all, prometheus.Exemplar{
				Value: e.took.Seconds(), Timestamp: e.at, Labels: prometheus.Labels{"trace_id": hex.EncodeToString(e.trace[:])},
			})
		}
	}
	if len(all) == 0 {
		return m
	}
	return prometheus.MustNewMetricWithExemplars(m, all...)
}
