package wire

import "github.com/e0ac7cd4/hotpath/metrics"

// Metrics are the instruments that connections count on. All are required, but Cut
// only with a budget.
type Metrics struct {
	Set            *metrics.Set // hands each connection its stripe
	Received, Sent *metrics.Counter
	Stalled        func(metrics.Stripe) // a peer took less than Options.WriteQuantum within WriteTimeout
	Cut            func(metrics.Stripe) // there was no memory for what a peer does not read
}

// ServerMetrics are those of the server's instruments that belong to sockets.
func ServerMetrics(m *metrics.Hotpath) Metrics {
	return Metrics{
		Set:      m.Set,
		Received: m.ReceivedBytes,
		Sent:     m.SentBytes,
		Stalled:  func(s metrics.Stripe) { m.LimitBreaches.Add(s, metrics.LimitWriteTimeout, 1) },
		Cut:      func(s metrics.Stripe) { m.LimitBreaches.Add(s, metrics.LimitOutputMemory, 1) },
	}
}
