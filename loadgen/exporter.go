package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// exporter shows a run to Prometheus; nil is none.
type exporter struct {
	metrics *metrics.Loadgen
	server  *http.Server
	ended   chan error // what ended serving
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
	m := metrics.NewLoadgen(exchange.Kinds(), buildinfo.Version())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.NewRegistry(m), promhttp.HandlerOpts{EnableOpenMetrics: true}))
	x := &exporter{metrics: m, server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}, ended: make(chan error, 1)}
	go func() { x.ended <- x.server.Serve(l) }()
	return x, nil
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
	p := i.Point()
	x.metrics.Due.Add(0, i.Due)
	if !p.Brief() {
		x.metrics.SetRates(p.Asked, p.Rate())
	}
	x.metrics.InFlight.Set(i.InFlight)
}

func (x *exporter) outcomes(batch []exchange.Outcome) {
	if x == nil {
		return
	}
	s := x.metrics.Stripe()
	for i := range batch {
		o := &batch[i]
		if o.Failure != nil {
			x.metrics.Failures.Add(s, metrics.FailureKind(o.Failure.Kind), 1)
		} else {
			x.metrics.Requests.Add(s, metrics.ClassOf(o.Status), 1)
		}
		x.metrics.Duration.ObserveN(s, o.Latency(), 1)
		if o.Sent > 0 {
			x.metrics.Service.ObserveN(s, o.Service(), 1)
		}
	}
}
