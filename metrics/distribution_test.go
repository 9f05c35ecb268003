package metrics

import (
	"math"
	"testing"
	"time"
)

// TestDistribution compares with values that Prometheus' histogram_quantile
// gives for the same buckets.
func TestDistribution(t *testing.T) {
	const ms = time.Millisecond
	label := Label{Name: "side", Values: []string{"peer", "us"}}
	type event struct {
		side Side
		took time.Duration
		n    uint64
	}
	tests := []struct {
		name           string
		events         []event
		mean, p50, p99 float64 // s
	}{
		{"none", nil, math.NaN(), math.NaN(), math.NaN()},
		{"first bucket", []event{{ByPeer, ms / 2, 10}}, .0005, .0005, .00099},
		{"on a bound", []event{{ByPeer, ms, 10}}, .001, .0005, .00099},
		{"second bucket", []event{{ByUs, 2 * ms, 4}}, .002, .002, .00298},
		{"both labels", []event{{ByPeer, ms, 50}, {ByUs, 3 * ms, 50}}, .002, .001, .00296},
		{"an empty bucket between", []event{{ByPeer, ms, 1}, {ByPeer, 5 * ms, 1}}, .003, .001, .00986},
		{"beyond all bounds", []event{{ByUs, time.Second, 3}}, 1, .01, .01},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := NewHistogramVec[Side](NewSet(4), "test_seconds", "A histogram.", label, []time.Duration{ms, 3 * ms, 10 * ms})
			h.ObserveN(0, ByPeer, 7*ms, 1000) // before: not to be seen
			before := h.Distribution()
			for i, e := range tt.events {
				h.ObserveN(Stripe(i), e.side, e.took, e.n)
			}
			d := h.Distribution().Since(before)
			for _, figure := range []struct {
				name      string
				got, want float64
			}{{"mean", d.Mean(), tt.mean}, {"p50", d.Quantile(.5), tt.p50}, {"p99", d.Quantile(.99), tt.p99}} {
				if math.Abs(figure.got-figure.want) > 1e-9 || math.IsNaN(figure.got) != math.IsNaN(figure.want) {
					t.Errorf("%s is %v s, want %v s", figure.name, figure.got, figure.want)
				}
			}
		})
	}
}
