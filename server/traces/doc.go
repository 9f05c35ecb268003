// Package traces makes OpenTelemetry spans of some requests and sends them to a
// collector, by OTLP over HTTP.
//
//	decide.go     which requests are traced, and what their trace begins with: pure
//	tracer.go     what all requests share, and what a reload changes
//	request.go    a request that is traced, and its server span
//	span.go       what happens on its way: a fetch, a wait, a revalidation
//	field.go      traceparent and tracestate, from clients and to upstreams
//	queue.go      spans that wait for the collector, and the one goroutine that sends them
//	collector.go  one request of OTLP
//
// # Which requests
//
// A client in [Config.Trust] decides by the sampled flag of its traceparent (W3C
// Trace Context §3.2.2.5). For all others chance does; a trace that a stranger is
// in is another one, to which the span has a link.
//
// # What it may cost
//
// A request that is not traced has no [Request]: nil, whose methods do nothing.
// Hits are chosen by package access, which draws in advance how many hits it is
// to the next one, and makes their spans on its writer's goroutine. Nothing here
// makes a request wait. Spans that find the queue full are dropped and counted;
// a collector that is down, slow or refuses costs the spans of a batch. The queue
// holds spans of at most 4 KiB each, and the most is in the sum of what the
// process may use.
//
// # Concurrency
//
// All methods are safe for concurrent use.
package traces
