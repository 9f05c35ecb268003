package traces

import (
	"net/netip"

	"go.opentelemetry.io/otel/trace"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/client"
)

// Config is what a reload may change.
type Config struct {
	// Endpoint is the URL of a collector, with /v1/traces at its end or
	// whatever else it has; "" means no traces.
	Endpoint string

	// Sample is the share of requests that are traced, from 0 to 1, of those
	// that no client in Trust decides about.
	Sample float64

	// Trust are the clients whose traceparent decides.
	Trust client.Networks
}

// decision is whether a request is traced, and what its trace begins with.
type decision struct {
	traced bool
	parent trace.SpanContext // not valid: the trace begins here
	link   trace.SpanContext // the span that a stranger names; not valid: none
}

// decide decides about a request. drawn is a random number from 0 to below 1.
func (c *Config) decide(from netip.Addr, fields []hpack.Field, drawn float64) decision {
	named := parent(fields)
	if named.IsValid() && c.Trust.Contain(from) {
		return decision{traced: named.IsSampled(), parent: named}
	}
	named = named.WithTraceState(trace.TraceState{}) // a link needs none, and a stranger's may be long
	return decision{traced: drawn < c.Sample, link: named}
}
