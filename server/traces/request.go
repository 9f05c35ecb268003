package traces

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Request is a request that is traced. nil: it is not, and nothing comes of what
// is said of it. It is immutable.
type Request struct {
	tracer *Tracer
	own    trace.SpanContext // of the server span, which is made at the request's end
	parent trace.SpanContext // not valid: the trace begins here
	link   trace.SpanContext // not valid: none
}

// ID is the trace's; zero if the request is not traced.
func (r *Request) ID() (id [16]byte) {
	if r == nil {
		return id
	}
	return r.own.TraceID()
}

// RequestBytes is what AppendTo appends, in bytes.
const RequestBytes = 2*16 + 3*8 + 1

// AppendTo appends what the server span needs, for [Tracer.Take]. r is not nil.
func (r *Request) AppendTo(dst []byte) []byte {
	for _, c := range [...]trace.SpanContext{r.own, r.link} {
		id, span := c.TraceID(), c.SpanID()
		dst = append(append(dst, id[:]...), span[:]...)
	}
	span := r.parent.SpanID()
	return append(append(dst, span[:]...), byte(r.own.TraceFlags()))
}

// Take is the request that b begins with, from AppendTo.
func (t *Tracer) Take(b []byte) *Request {
	take := func() (c trace.SpanContextConfig) {
		b = b[copy(c.TraceID[:], b):]
		b = b[copy(c.SpanID[:], b):]
		return c
	}
	own, link := take(), take()
	parent := trace.SpanContextConfig{TraceID: own.TraceID, SpanID: trace.SpanID(b), Remote: true}
	own.TraceFlags = trace.TraceFlags(b[8])
	parent.TraceFlags = own.TraceFlags
	return &Request{tracer: t, own: trace.NewSpanContext(own), parent: trace.NewSpanContext(parent), link: trace.NewSpanContext(link)}
}

// Served is what came of a request. Its texts are borrowed.
type Served struct {
	Method, Host, Path, Agent string
	Protocol                  string     // "1.0", "1.1" or "2"
	Client                    netip.Addr // not valid: unknown
	Status                    int        // 0: no head was sent
	Bytes                     int64      // of the body
	Began                     time.Time
	Took                      time.Duration
	Cache, Reason             string // how the cache took part, and why; "" for no reason
	Aborted                   bool   // broken off before its end, by either side
}

// Serve makes the server span of a request that has ended.
func (r *Request) Serve(s *Served) {
	if r == nil {
		return
	}
	method, original := methodOf(s.Method)
	host, port := hostPort(s.Host)
	attributes := make([]attribute.KeyValue, 0, 16)
	attributes = append(attributes,
		semconv.HTTPRequestMethodKey.String(method),
		semconv.URLScheme("https"),
		semconv.URLPath(clone(path(s.Path))),
		semconv.NetworkProtocolVersion(s.Protocol),
		semconv.HTTPResponseBodySize(int(s.Bytes)),
		attribute.String("hotpath.cache", s.Cache),
	)
	if original != "" {
		attributes = append(attributes, semconv.HTTPRequestMethodOriginal(clone(original)))
	}
	if s.Reason != "" {
		attributes = append(attributes, attribute.String("hotpath.reason", s.Reason))
	}
	if host != "" {
		attributes = append(attributes, semconv.ServerAddress(clone(host)))
	}
	if port != 0 {
		attributes = append(attributes, semconv.ServerPort(port))
	}
	if s.Client.IsValid() {
		attributes = append(attributes, semconv.ClientAddress(s.Client.String()))
	}
	if s.Agent != "" {
		attributes = append(attributes, semconv.UserAgentOriginal(clone(s.Agent)))
	}
	if s.Status != 0 {
		attributes = append(attributes, semconv.HTTPResponseStatusCode(s.Status))
	}
	failure := ""
	switch {
	case s.Aborted:
		failure = "aborted"
	case s.Status >= 500:
		failure = strconv.Itoa(s.Status)
	}
	if failure != "" {
		attributes = append(attributes, semconv.ErrorTypeKey.String(failure))
	}
	options := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(s.Began), trace.WithAttributes(attributes...),
	}
	if r.link.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: r.link}))
	}
	span := r.tracer.start(r.parent, r.own, method, options...)
	if failure != "" {
		span.SetStatus(codes.Error, "")
	}
	span.End(since(s.Began, s.Took))
}

// clone is a text of at most maxText bytes, in memory of its own, and in UTF-8: one
// byte that is not would cost its whole batch, since protobuf refuses it.
func clone(s string) string {
	return strings.Clone(strings.ToValidUTF8(s[:min(len(s), maxText)], "?"))
}

// methodOf is a method that attributes have, and the original of one that is
// none of them: a client's words must not become names of spans.
func methodOf(method string) (known, original string) {
	for _, known := range [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"} {
		if method == known {
			return known, ""
		}
	}
	return "_OTHER", method
}

// hostPort takes an authority apart; 0 is no port.
func hostPort(authority string) (host string, port int) {
	host, text, err := net.SplitHostPort(authority)
	if err != nil {
		return authority, 0
	}
	n, _ := strconv.ParseUint(text, 10, 16) // 0 if it is none
	return host, int(n)
}
