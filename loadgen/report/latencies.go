package report

import (
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// percentiles are vegeta's latencies as JSON, whose keys are numbers also if there are
// none, and the tail.
type percentiles struct {
	vegeta.LatencyMetrics
	P999  *time.Duration `json:"99.9th"`
	P9999 *time.Duration `json:"99.99th"`
}

func newPercentiles(l *measure.Latency) percentiles {
	return percentiles{latencyMetrics(l), quantile(l, 0.999), quantile(l, 0.9999)}
}

// latencyDocument is a distribution of ours as JSON, with the same keys: null without a
// sample, as 0 would be the best that there is.
type latencyDocument struct {
	Total time.Duration  `json:"total"`
	Mean  *time.Duration `json:"mean"`
	P50   *time.Duration `json:"50th"`
	P90   *time.Duration `json:"90th"`
	P95   *time.Duration `json:"95th"`
	P99   *time.Duration `json:"99th"`
	Max   *time.Duration `json:"max"`
	Min   *time.Duration `json:"min"`
	P999  *time.Duration `json:"99.9th"`
	P9999 *time.Duration `json:"99.99th"`
}

func newLatencyDocument(l *measure.Latency) latencyDocument {
	n := l.Count()
	return latencyDocument{
		l.Sum(), sampled(l.Mean(), n), quantile(l, 0.5), quantile(l, 0.9), quantile(l, 0.95), quantile(l, 0.99),
		sampled(l.Max(), n), sampled(l.Min(), n), quantile(l, 0.999), quantile(l, 0.9999),
	}
}

func quantile(l *measure.Latency, q float64) *time.Duration {
	return sampled(l.Quantile(q), l.Count())
}

// sampled is a figure of n samples: nil of none.
func sampled(d time.Duration, n uint64) *time.Duration {
	if n == 0 {
		return nil
	}
	return &d
}
