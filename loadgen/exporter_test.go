package main

import (
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// TestExporterKeepsRates: the few responses behind the end of what was due count, and
// are no rate: a last scrape has that of the last second, and the latencies of what
// succeeded.
func TestExporterKeepsRates(t *testing.T) {
	m := metrics.NewLoadgen(exchange.Kinds(), exchange.EndNames(), "test")
	x := &exporter{metrics: m, registry: metrics.NewRegistry(m), gathered: make(chan struct{})}
	span := func(length time.Duration, drain bool, answers int) *measure.Interval {
		i := &measure.Interval{Length: length, Drain: drain, Tally: measure.NewTally()}
		if !drain {
			i.Asked = 100
		}
		for range answers {
			i.Tally.Add(&exchange.Outcome{Ticket: exchange.Ticket{Request: new(exchange.Request)}, Sent: 1, First: 2, Ended: 3, Status: 200})
		}
		return i
	}
	first := span(time.Second, false, 97)
	first.Tally.Add(&exchange.Outcome{Ticket: exchange.Ticket{Request: new(exchange.Request)}, Sent: 1, First: 2, Ended: 3, Status: 503})
	x.interval(first)
	x.interval(span(20*time.Millisecond, true, 3))
	families, err := x.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, f := range families {
		for _, one := range f.Metric {
			got[f.GetName()] += one.GetGauge().GetValue() + one.GetCounter().GetValue() + float64(one.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"hotpath_loadgen_asked_rate": 100, "hotpath_loadgen_reached_rate": 97, "hotpath_loadgen_requests_total": 101,
		"hotpath_loadgen_request_duration_seconds": 100, // an answer that is an error is no latency
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}
