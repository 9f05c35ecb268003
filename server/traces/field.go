package traces

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Names of the fields of W3C Trace Context.
const (
	Traceparent = "traceparent"
	tracestate  = "tracestate"
)

// maxParent is how long a traceparent is that is looked at: of later versions
// more may follow the 55 characters of version 00 (§3.2.4), which nothing here
// has use for.
const maxParent = 128

// parent is the span that the fields of a request name; not valid if they name
// none. With more than one traceparent there is no telling which is right.
func parent(fields []hpack.Field) trace.SpanContext {
	var text string
	var states []string
	for i := range fields {
		switch f := &fields[i]; f.Name {
		case Traceparent:
			if text != "" {
				return trace.SpanContext{}
			}
			text = f.Value
		case tracestate:
			states = append(states, f.Value)
		}
	}
	return parse(text, states)
}

// parse is strict, with the SDK's parser: lower-case digits, no ID of zeros, no
// version ff. A tracestate that is malformed is dropped alone (§3.3.1.5). What is
// returned shares no memory with the texts, which are borrowed.
func parse(traceparent string, states []string) trace.SpanContext {
	if traceparent == "" || len(traceparent) > maxParent {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{Traceparent: traceparent}
	if len(states) > 0 {
		carrier[tracestate] = strings.Clone(strings.Join(states, ","))
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier)
	return trace.SpanContextFromContext(ctx)
}

// Forward returns the fields for a request to an upstream, on behalf of a client
// and within span, nil if that is not traced. The caller's fields stay as they
// are.
//
//   - Traces are off, t is nil or the client is trusted and not traced: as they
//     came. There is no span of ours that could be the parent.
//   - A span: it is the parent. tracestate is of the trace: it goes with a trace
//     that goes on, and not with a new one.
//   - A stranger's that is sampled goes on as not sampled, or strangers would
//     choose what upstreams record. That changes the flag, so the parent-id is
//     another (§3.4); and it keeps the trace-id, which logs may have. One that is
//     malformed does not go on.
func (t *Tracer) Forward(span *Span, from netip.Addr, fields []hpack.Field) []hpack.Field {
	c := t.config()
	if c == nil {
		return fields
	}
	var names trace.SpanContext
	if span != nil {
		names = span.span.SpanContext()
	} else {
		names = parent(fields)
		switch {
		case c.Trust.Contain(from), names.IsValid() && !names.IsSampled():
			return fields
		case !names.IsValid() && !slices.ContainsFunc(fields, ofTrace):
			return fields
		case !names.IsValid():
			// An upstream may read it in another way: two of them, or more after
			// the flags.
			return slices.DeleteFunc(slices.Clone(fields), ofTrace)
		}
		names = names.WithSpanID(newSpanID()).WithTraceFlags(names.TraceFlags() &^ trace.FlagsSampled)
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), names), carrier)
	kept := make([]hpack.Field, 0, len(fields)+2)
	for _, f := range fields {
		if !ofTrace(f) {
			kept = append(kept, f)
		}
	}
	for _, name := range []string{Traceparent, tracestate} {
		if value := carrier[name]; value != "" {
			kept = append(kept, hpack.Field{Name: name, Value: value})
		}
	}
	return slices.Clip(kept)
}

func ofTrace(f hpack.Field) bool { return f.Name == Traceparent || f.Name == tracestate }
