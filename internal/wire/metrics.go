package wire

import "github.com/e0ac7cd4/hotpath/metrics"

// Metrics are the instruments that connections count on. All are required.
type Metrics struct {
	Set            *metrics.Set // hands each connection its stripe
	Received, Sent *metrics.Counter
	Stalled        func(metrics.Stripe) // a peer took less than Options.WriteQuantum within WriteTimeout
}

// ServerMetrics are those of the server's instruments that belong to sockets.
func ServerMetrics(m *metrics.Hotpath) Metrics {
	return Metrics{
		Set:      m.Set,
		Received: m.ReceivedBytes,
		Sent:     m.SentBytes,
		Stalled:  func(s metrics.Stripe) { m.LimitBreaches.Add(s, metrics.LimitWriteTimeout, 1) },
	}
}
