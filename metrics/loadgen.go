package metrics

import (
	"math"
	"runtime"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// FailureKind is why a request of a load test has no response: the index of its
// name among those that NewLoadgen was given.
type FailureKind uint8

// RequestEnd is how far a request of a load test came: the index of its name among
// those that NewLoadgen was given.
type RequestEnd uint8

// Loadgen holds every instrument of the load generator. Its names stand beside
// the server's: hotpath_loadgen_request_duration_seconds is what clients see of
// hotpath_request_duration_seconds.
type Loadgen struct {
	*Set

	Requests         *CounterVec[Class]       // with a whole response, by its class
	Failures         *CounterVec[FailureKind] // without
	Ends             *CounterVec[RequestEnd]  // all
	Due              *Counter
	Waited           *Counter
	Retries          *Counter
	Connections      *Counter
	ConnectionErrors *Counter
	Duration         *Histogram
	Service          *Histogram
	InFlight         *Level
	ReceivedBytes    *Counter
	SentBytes        *Counter

	asked, reached atomic.Uint64 // bits of float64s: see SetRates
}

// SetRates sets what was asked and what was reached in the last second, per
// second.
func (m *Loadgen) SetRates(asked, reached float64) {
	m.asked.Store(math.Float64bits(asked))
	m.reached.Store(math.Float64bits(reached))
}

// NewLoadgen makes all instruments, at zero. kinds are the values of the label
// kind, ends those of the label end; version is hotpath's own.
func NewLoadgen(kinds, ends []string, version string) *Loadgen {
	set := NewSet(0)
	m := &Loadgen{
		Set: set,
		Requests: NewCounterVec[Class](set, "hotpath_loadgen_requests_total",
			"Requests of the load test that were answered, by the status class of the response.", classLabel),
		Failures: NewCounterVec[FailureKind](set, "hotpath_loadgen_failures_total",
			"Requests of the load test without a whole response, by what went wrong.", Label{"kind", kinds}),
		Ends: NewCounterVec[RequestEnd](set, "hotpath_loadgen_ends_total",
			"Requests of the load test that have ended, by how far they came.", Label{"end", ends}),
		Waited: NewCounter(set, "hotpath_loadgen_requests_waited_total",
			"Requests of the load test that were late because all that may be in flight on their connection was."),
		Retries: NewCounter(set, "hotpath_loadgen_retries_total",
			"Requests of the load test that were sent again because a server had not processed them."),
		Connections: NewCounter(set, "hotpath_loadgen_connections_total",
			"Connections of the load test that were made."),
		ConnectionErrors: NewCounter(set, "hotpath_loadgen_connection_errors_total",
			"Connections of the load test that could not be made, or ended otherwise than in order."),
		Due: NewCounter(set, "hotpath_loadgen_requests_due_total",
			"Requests of the load test that were due; none in a closed loop."),
		Duration: NewHistogram(set, "hotpath_loadgen_request_duration_seconds",
			"Response time of the load test's requests that succeeded, or had no answer in time, from the moment each was due.", durationBounds),
		Service: NewHistogram(set, "hotpath_loadgen_service_duration_seconds",
			"Service time of the load test's whole responses, from the moment each request was sent.", durationBounds),
		InFlight: NewLevel(set, "hotpath_loadgen_requests_in_flight",
			"Requests of the load test that were sent and have not ended."),
		ReceivedBytes: NewCounter(set, "hotpath_loadgen_received_bytes_total",
			"Bytes read from sockets, TLS included."),
		SentBytes: NewCounter(set, "hotpath_loadgen_sent_bytes_total",
			"Bytes written to sockets, TLS included."),
	}
	rate := func(bits *atomic.Uint64) func(int) float64 {
		return func(int) float64 { return math.Float64frombits(bits.Load()) }
	}
	newFuncs(set, "hotpath_loadgen_asked_rate", "Requests per second that were due in the last second; 0 in a closed loop.",
		prometheus.GaugeValue, Label{}, rate(&m.asked))
	newFuncs(set, "hotpath_loadgen_reached_rate", "Requests per second that succeeded in the last second.",
		prometheus.GaugeValue, Label{}, rate(&m.reached))
	newBuildInfo(set, version, runtime.Version())
	return m
}
