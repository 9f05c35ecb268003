package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// exporter shows a run to Prometheus; nil is none. All that is counted of requests
// is added once a second, from the same tally that text, JSON and page are made
// of, and never while a scrape is gathered: each scrape is of one moment. Bytes on
// sockets alone are counted as they move.
type exporter struct {
	metrics  *metrics.Loadgen
	registry prometheus.Gatherer
	server   *http.Server
	ended    chan error // what ended serving

	mu       sync.Mutex    // held while intervals are added, and while metrics are gathered
	whole    bool          // no more is added
	gathered chan struct{} // closed when metrics were gathered that are whole
}

// Gather implements [prometheus.Gatherer].
func (x *exporter) Gather() ([]*dto.MetricFamily, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	families, err := x.registry.Gather()
	if x.whole {
		select {
		case <-x.gathered:
		default:
			close(x.gathered)
		}
	}
	return families, err
}

// startExporter serves metrics on an address, if there is one.
func startExporter(address string) (*exporter, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, usageError{fmt.Errorf("-metrics: %w", err)}
	}
	m := metrics.NewLoadgen(exchange.Kinds(), exchange.EndNames(), buildinfo.Version())
	mux := http.NewServeMux()
	x := &exporter{
		metrics: m, registry: metrics.NewRegistry(m), gathered: make(chan struct{}),
		server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}, ended: make(chan error, 1),
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(x, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	go func() { x.ended <- x.server.Serve(l) }()
	return x, nil
}

// stay waits for a scrape of the whole run, for that long at most, or until ctx
// ends.
func (x *exporter) stay(ctx context.Context, most time.Duration) {
	if x == nil || most == 0 {
		return
	}
	x.mu.Lock()
	x.whole = true
	x.mu.Unlock()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-x.gathered:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// stop waits for a scrape that is under way, and returns what ended serving before.
func (x *exporter) stop() error {
	if x == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = x.server.Shutdown(ctx) // what is left is cut off with the process
	if err := <-x.ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving metrics: %w", err)
	}
	return nil
}

// wireMetrics are the instruments of the sockets.
func (x *exporter) wireMetrics() wire.Metrics {
	if x == nil {
		return wire.Metrics{}
	}
	return wire.Metrics{
		Set:      x.metrics.Set,
		Received: x.metrics.ReceivedBytes,
		Sent:     x.metrics.SentBytes,
		Stalled:  func(metrics.Stripe) {}, // the requests that wait time out, and are counted so
	}
}

func (x *exporter) interval(i *measure.Interval) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.add(i.Tally)
	p := i.Point()
	x.metrics.Due.Add(0, i.Due)
	if !p.Brief() {
		x.metrics.SetRates(p.Asked, p.Rate())
	}
	x.metrics.InFlight.Set(i.InFlight)
}

// add counts what an interval did.
func (x *exporter) add(t *measure.Tally) {
	m := x.metrics
	for end, n := range t.Ends {
		m.Ends.Add(0, metrics.RequestEnd(end), n)
	}
	for kind := range exchange.Kinds() {
		m.Failures.Add(0, metrics.FailureKind(kind), t.Failed[kind])
	}
	for status, n := range t.Statuses[1:] {
		if n > 0 {
			m.Requests.Add(0, metrics.ClassOf(status+1), n)
		}
	}
	m.Waited.Add(0, t.Waited)
	m.Retries.Add(0, t.Retries)
	m.Connections.Add(0, t.Connections)
	m.ConnectionErrors.Add(0, t.BadConnections())
	for _, l := range []*measure.Latency{t.Success, t.Late, t.Failure} {
		l.Each(func(d time.Duration, n uint64) { m.Duration.ObserveN(0, d, n) })
	}
	t.Service.Each(func(d time.Duration, n uint64) { m.Service.ObserveN(0, d, n) })
}
