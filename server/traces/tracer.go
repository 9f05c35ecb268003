package traces

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"

	sdkresource "go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// Limits of a span, which hold it below [SpanBytes].
const (
	maxText       = 256 // bytes of a text: what identifies a request to a person
	maxAttributes = 24
	maxEvents     = 8 // of which a fetch that is tried three times has eight
)

// Tracer is what all requests share: see the package comment. [New] makes one;
// nil has no traces.
type Tracer struct {
	current atomic.Pointer[Config] // nil: no traces
	tracer  trace.Tracer
	queue   *queue
	metrics *metrics.Hotpath
}

// New makes a Tracer without traces, until [Tracer.Set]. [Tracer.Close] ends it.
func New(version string, m *metrics.Hotpath, log *slog.Logger) *Tracer {
	t := &Tracer{queue: newQueue(m, log), metrics: m}
	host, _ := os.Hostname() // without a name there is no attribute
	about := sdkresource.NewSchemaless(
		semconv.ServiceName("hotpath"), semconv.ServiceVersion(version), semconv.HostName(host), semconv.ProcessPID(os.Getpid()),
	)
	t.tracer = sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(t.queue),
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // what is not traced has no span
		sdktrace.WithIDGenerator(generator{}),
		sdktrace.WithResource(about),
		sdktrace.WithRawSpanLimits(sdktrace.SpanLimits{
			AttributeValueLengthLimit: maxText, AttributeCountLimit: maxAttributes,
			EventCountLimit: maxEvents, LinkCountLimit: 1,
			AttributePerEventCountLimit: 4, AttributePerLinkCountLimit: 0,
		}),
	).Tracer("github.com/e0ac7cd4/hotpath/server/traces")
	return t
}

// Set changes which requests are traced, from here on, and the endpoint of spans,
// those that wait included.
func (t *Tracer) Set(c Config) {
	t.queue.collector.move(c.Endpoint)
	if c.Endpoint == "" {
		t.current.Store(nil)
		return
	}
	t.current.Store(&c)
}

// Close sends what waits, until ctx ends: the rest is lost, with an error.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if lost := t.queue.close(ctx); lost > 0 {
		return fmt.Errorf("sending the last traces: %w: %d spans are lost", context.Cause(ctx), lost)
	}
	return nil
}

func (t *Tracer) config() *Config {
	if t == nil {
		return nil
	}
	return t.current.Load()
}

// Share is the share of requests that chance has traced; 0 without traces.
func (t *Tracer) Share() float64 {
	if c := t.config(); c != nil {
		return c.Sample
	}
	return 0
}

// Begin decides whether a request of a client is traced; nil: it is not. fields are
// borrowed.
func (t *Tracer) Begin(from netip.Addr, fields []hpack.Field) *Request {
	c := t.config()
	if c == nil {
		return nil
	}
	return t.begin(c.decide(from, fields, rand.Float64()))
}

// Chosen is Begin for a request that chance has chosen already, with its
// traceparent or "": a trusted client's decides all the same.
func (t *Tracer) Chosen(from netip.Addr, traceparent string) *Request {
	c := t.config()
	if c == nil {
		return nil
	}
	return t.begin(c.decide(from, []hpack.Field{{Name: Traceparent, Value: traceparent}}, -1))
}

// Background decides whether what no request waits for is traced: by chance.
func (t *Tracer) Background() *Request {
	c := t.config()
	if c == nil {
		return nil
	}
	return t.begin(c.decide(netip.Addr{}, nil, rand.Float64()))
}

func (t *Tracer) begin(d decision) *Request {
	if !d.traced {
		return nil
	}
	own := trace.SpanContextConfig{TraceID: newTraceID(), SpanID: newSpanID(), TraceFlags: trace.FlagsSampled | trace.FlagsRandom}
	if d.parent.IsValid() {
		own.TraceID, own.TraceFlags, own.TraceState = d.parent.TraceID(), d.parent.TraceFlags(), d.parent.TraceState()
	}
	return &Request{tracer: t, own: trace.NewSpanContext(own), parent: d.parent, link: d.link}
}

// start starts a span with the given IDs, or with new ones if own is not valid.
func (t *Tracer) start(parent, own trace.SpanContext, name string, options ...trace.SpanStartOption) trace.Span {
	ctx := context.Background()
	if parent.IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, parent)
	}
	if own.IsValid() {
		ctx = context.WithValue(ctx, given{}, own)
	}
	_, span := t.tracer.Start(ctx, name, options...)
	return span
}

// generator makes the IDs of spans: those that were given in the context, which
// others have been told before the span begins, or random ones.
type generator struct{}

type given struct{}

// NewIDs implements sdktrace.IDGenerator.
func (generator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if own, ok := ctx.Value(given{}).(trace.SpanContext); ok {
		return own.TraceID(), own.SpanID()
	}
	return newTraceID(), newSpanID()
}

// NewSpanID implements sdktrace.IDGenerator.
func (generator) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if own, ok := ctx.Value(given{}).(trace.SpanContext); ok {
		return own.SpanID()
	}
	return newSpanID()
}

// An ID of zeros is none: of random ones one in 2⁶⁴ is.
func newSpanID() (id trace.SpanID) {
	binary.LittleEndian.PutUint64(id[:], max(1, rand.Uint64()))
	return id
}

func newTraceID() (id trace.TraceID) {
	binary.LittleEndian.PutUint64(id[:8], max(1, rand.Uint64()))
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	return id
}

// path is the path of a request target: a query may have secrets in it.
func path(target string) string {
	p, _, _ := strings.Cut(target, "?")
	return p
}

// since is the moment at which something that took d and began at t ended.
func since(t time.Time, d time.Duration) trace.SpanEndOption {
	return trace.WithTimestamp(t.Add(d))
}
