package hour

import (
	"math/rand/v2"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// generator is a load generator while a test runs.
type generator struct {
	m       *metrics.Loadgen
	random  *rand.Rand
	process process
}

func newGenerator(began time.Time) *generator {
	return &generator{
		m:       metrics.NewLoadgen(exchange.Kinds(), exchange.EndNames(), "1.0.0"),
		random:  rand.New(rand.NewPCG(9, 0)),
		process: process{start: began, descriptors: 20_000},
	}
}

// step is a scrape's interval of a test.
func (g *generator) step(t test) {
	m := g.m
	jitter := 0.99 + 0.02*g.random.Float64()
	perStep := func(perSecond float64) uint64 { return uint64(perSecond * Scrape.Seconds() * jitter) }
	reached := t.reached * min(jitter, t.asked/t.reached)
	failed := t.asked * t.failing
	m.SetRates(t.asked, reached)
	m.Due.Add(0, perStep(t.asked))
	m.Requests.Add(0, metrics.Class2xx, perStep(t.reached))
	m.Requests.Add(0, metrics.Class5xx, perStep(failed/4))
	m.Failures.Add(0, metrics.FailureKind(exchange.Timeout), perStep(failed/2))
	m.Failures.Add(0, metrics.FailureKind(exchange.Reset), perStep(failed/4))
	m.Ends.Add(0, metrics.RequestEnd(exchange.Succeeded), perStep(t.reached))
	m.Ends.Add(0, metrics.RequestEnd(exchange.Cut), perStep(failed/2))
	m.Ends.Add(0, metrics.RequestEnd(exchange.Broken), perStep(failed/4))
	m.Ends.Add(0, metrics.RequestEnd(exchange.Declined), perStep(failed/4))
	m.Waited.Add(0, perStep(t.asked-t.reached))
	m.Retries.Add(0, perStep(failed/50))
	m.Connections.Add(0, perStep(0.2+failed/100))
	m.ConnectionErrors.Add(0, perStep(failed/100))
	divide(g.random, perStep(t.reached), t.mean, func(d time.Duration, n uint64) { m.Duration.ObserveN(0, d, n) })
	divide(g.random, perStep(t.reached), t.mean*9/10, func(d time.Duration, n uint64) { m.Service.ObserveN(0, d, n) })
	m.InFlight.Set(int64(min(t.asked*t.mean.Seconds(), 8192)))
	m.ReceivedBytes.Add(0, perStep(t.reached*responses))
	m.SentBytes.Add(0, perStep(t.reached*80))
	g.process.step(g.random, t.reached, traffic{connections: 256})
}
