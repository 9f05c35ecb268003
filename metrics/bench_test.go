package metrics

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Run with go test -bench . -cpu 1,2,4,8 ./metrics

// parallel runs op on every core with a stripe of its own.
func parallel(b *testing.B, name string, stripe func() Stripe, op func(Stripe)) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			s := stripe()
			for pb.Next() {
				op(s)
			}
		})
	})
}

func noStripe() Stripe { return 0 }

func BenchmarkCounter(b *testing.B) {
	m := NewHotpath(Options{})
	parallel(b, "hotpath", m.Stripe, func(s Stripe) { m.SentBytes.Add(s, 1) })
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "c"})
	parallel(b, "client_golang", noStripe, func(Stripe) { c.Inc() })
}

func BenchmarkCounterVec(b *testing.B) {
	m := NewHotpath(Options{})
	parallel(b, "hotpath", m.Stripe, func(s Stripe) { m.Requests.Add(s, H2, Class2xx, Hit, 1) })
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c"}, []string{"protocol", "class", "cache"})
	parallel(b, "client_golang", noStripe, func(Stripe) { v.WithLabelValues("h2", "2xx", "hit").Inc() })
}

func BenchmarkHistogram(b *testing.B) {
	const took = 400 * time.Microsecond
	m := NewHotpath(Options{})
	parallel(b, "hotpath", m.Stripe, func(s Stripe) { m.RequestDuration.ObserveN(s, Hit, took, 1) })
	var bounds []float64
	for _, d := range durationBounds {
		bounds = append(bounds, d.Seconds())
	}
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: bounds})
	parallel(b, "client_golang", noStripe, func(Stripe) { h.Observe(took.Seconds()) })
}

func BenchmarkScrape(b *testing.B) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(NewHotpath(Options{}))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := registry.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
