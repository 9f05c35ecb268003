package traces

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Names of spans and events.
const (
	fetchName      = "fetch"
	waitName       = "wait"
	revalidateName = "revalidate"

	eventTry       = "try"
	eventConnected = "connected"
	eventFirstByte = "first byte"
	eventAgain     = "again"
)

// Span is a part of a request's way. nil: the request is not traced.
type Span struct{ span trace.Span }

// NextFetch gives a fetch that is about to begin its place in the trace, so that
// requests which wait for it can name it. It is for [Request.Fetch].
func (r *Request) NextFetch() (own trace.SpanContext) {
	if r == nil {
		return own
	}
	return r.own.WithSpanID(newSpanID())
}

// Fetch begins the span of a fetch from an origin. own is from NextFetch, or not
// valid. remote is whether it is a request to another server.
func (r *Request) Fetch(own trace.SpanContext, remote bool, method, target, reason string) *Span {
	if r == nil {
		return nil
	}
	kind := trace.SpanKindInternal
	if remote {
		kind = trace.SpanKindClient
	}
	known, original := methodOf(method)
	attributes := []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(known), semconv.URLPath(clone(path(target))), attribute.String("hotpath.reason", reason),
	}
	if original != "" {
		attributes = append(attributes, semconv.HTTPRequestMethodOriginal(clone(original)))
	}
	return &Span{r.tracer.start(r.own, own, fetchName, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))}
}

// Wait begins the span of a wait for another request's fetch, which is linked if
// it is traced.
func (r *Request) Wait(fetch trace.SpanContext) *Span {
	if r == nil {
		return nil
	}
	var options []trace.SpanStartOption
	if fetch.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: fetch}))
	}
	return &Span{r.tracer.start(r.own, trace.SpanContext{}, waitName, options...)}
}

// Revalidate begins the span of a revalidation in the background, which has its
// own trace.
func (r *Request) Revalidate() *Span {
	if r == nil {
		return nil
	}
	return &Span{r.tracer.start(trace.SpanContext{}, r.own, revalidateName)}
}

// Try is that a server is asked, by its host and port, for the nth time from 1.
func (s *Span) Try(n int, authority string) {
	if s == nil {
		return
	}
	host, port := hostPort(authority)
	attributes := []attribute.KeyValue{semconv.ServerAddress(host)}
	if port != 0 {
		attributes = append(attributes, semconv.ServerPort(port))
	}
	s.span.SetAttributes(attributes...)
	if n > 1 {
		attributes = append(attributes, semconv.HTTPRequestResendCount(n-1))
	}
	s.span.AddEvent(eventTry, trace.WithAttributes(attributes...))
}

// Connected is that the request has a connection, to address.
func (s *Span) Connected(address string, reused bool) {
	if s != nil {
		s.span.AddEvent(eventConnected, trace.WithAttributes(
			semconv.NetworkPeerAddress(address), attribute.Bool("hotpath.reused", reused)))
	}
}

// FirstByte is that an answer begins.
func (s *Span) FirstByte() {
	if s != nil {
		s.span.AddEvent(eventFirstByte)
	}
}

// Again is that the origin is asked once more, because its answer was about
// something else.
func (s *Span) Again() {
	if s != nil {
		s.span.AddEvent(eventAgain)
	}
}

// Status is the status that came; 0 for none.
func (s *Span) Status(status int) {
	if s == nil || status == 0 {
		return
	}
	s.span.SetAttributes(semconv.HTTPResponseStatusCode(status))
}

// End ends the span. failure is the kind of error that it ended with, of a few;
// "" for none.
func (s *Span) End(failure string) {
	if s == nil {
		return
	}
	if failure != "" {
		s.span.SetStatus(codes.Error, "")
		s.span.SetAttributes(semconv.ErrorTypeKey.String(failure))
	}
	s.span.End(trace.WithTimestamp(time.Now()))
}
