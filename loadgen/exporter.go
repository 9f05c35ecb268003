package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/remotewrite"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// exporter shows a run to Prometheus, which scrapes it, is sent it, or both; nil is
// none. All that is counted of requests
// is added once a second, from the same tally that text, JSON and page are made
// of, and never while a scrape is gathered: each scrape is of one moment. Bytes on
// sockets alone are counted as they move.
type exporter struct {
	metrics  *metrics.Loadgen
	registry prometheus.Gatherer
	server   *http.Server        // nil: it is not scraped
	ended    chan error          // what ended serving
	remote   *remotewrite.Sender // nil: it is not sent
	labels   []remotewrite.Label // of what is sent

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

// startExporter serves metrics on an address, and sends them, as far as that is asked
// for.
func (o *options) startExporter() (*exporter, error) {
	if o.metrics == "" && o.remoteWrite == "" {
		return nil, nil
	}
	m := metrics.NewLoadgen(exchange.Kinds(), exchange.EndNames(), buildinfo.Version())
	x := &exporter{metrics: m, registry: metrics.NewRegistry(m), gathered: make(chan struct{})}
	if o.metrics != "" {
		if err := x.serve(o.metrics); err != nil {
			return nil, err
		}
	}
	if o.remoteWrite != "" {
		var err error
		if x.remote, err = remotewrite.New(o.remoteWrite, o.remoteHeaders, "hotpath-loadgen/"+buildinfo.Version()); err != nil {
			return nil, errors.Join(usageError{err}, x.stop(io.Discard))
		}
		x.labels = remoteLabels(o.name)
	}
	return x, nil
}

// remoteLabels are the labels by which Prometheus tells what is sent apart: what a
// scrape would add, and the name of the run.
func remoteLabels(name string) []remotewrite.Label {
	labels := []remotewrite.Label{{Name: "job", Value: "loadgen"}}
	if host, err := os.Hostname(); err == nil && host != "" {
		labels = append(labels, remotewrite.Label{Name: "instance", Value: host})
	}
	if name != "" {
		labels = append(labels, remotewrite.Label{Name: "run", Value: name})
	}
	return labels
}

// serve has metrics scraped on an address.
func (x *exporter) serve(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return usageError{fmt.Errorf("-metrics: %w", err)}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(x, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	x.server, x.ended = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}, make(chan error, 1)
	go func() { x.ended <- x.server.Serve(l) }()
	return nil
}

// send has the metrics of this moment sent.
func (x *exporter) send() {
	if x.remote == nil {
		return
	}
	x.mu.Lock()
	families, err := x.registry.Gather()
	x.mu.Unlock()
	if err == nil { // our own instruments: a scrape would fail as well
		x.remote.Send(remotewrite.Append(nil, families, x.labels, time.Now()))
	}
}

// stay waits for a scrape of the whole run, for that long at most. The signal that
// ended the run does not end it: a second one ends the process.
func (x *exporter) stay(most time.Duration) {
	if x == nil || x.server == nil || most == 0 {
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
	}
}

// stop sends the metrics of the whole run, waits for a scrape that is under way, and
// returns what ended serving before. What could not be sent is a notice: it says
// nothing about what was measured.
func (x *exporter) stop(notices io.Writer) error {
	if x == nil {
		return nil
	}
	if x.remote != nil {
		x.send()
		if err := x.remote.Close(); err != nil {
			fmt.Fprintf(notices, "loadgen: -remote-write: %v\n", err)
		}
	}
	if x.server == nil {
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
	x.count(i)
	x.send()
}

// count adds an interval.
func (x *exporter) count(i *measure.Interval) {
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
	for _, l := range []*measure.Latency{t.Success, t.Late} { // as objectives are judged: how long others took to fail makes nothing faster
		l.Each(func(d time.Duration, n uint64) { m.Duration.ObserveN(0, d, n) })
	}
	t.Service.Each(func(d time.Duration, n uint64) { m.Service.ObserveN(0, d, n) })
}
