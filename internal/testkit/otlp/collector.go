// Package otlp is a scripted collector of traces: the other end of OTLP over HTTP.
package otlp

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector keeps the spans that it is sent.
type Collector struct {
	URL string // with the path for traces

	server *httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc // after the spans were kept; nil: 200
	spans  []Span
}

// Span is a span as it came.
type Span struct {
	*tracepb.Span
	Resource map[string]string
}

// Start starts a collector that ends with the test.
func Start(t testing.TB) *Collector {
	c := new(Collector)
	c.server = httptest.NewServer(http.HandlerFunc(c.serve))
	c.URL = c.server.URL + "/v1/traces"
	t.Cleanup(c.server.Close)
	return c
}

// Answer changes what the collector answers with.
func (c *Collector) Answer(h http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = h
}

func (c *Collector) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var data tracepb.TracesData
	if err == nil {
		err = proto.Unmarshal(body, &data)
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, fmt.Sprint("not OTLP: ", err), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	for _, resource := range data.ResourceSpans {
		about := attributes(resource.Resource.GetAttributes())
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, Span{s, about})
			}
		}
	}
	answer := c.answer
	c.mu.Unlock()
	if answer != nil {
		answer(w, r)
	}
}

// Spans are those that have come, by the order of their beginnings.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	spans := slices.Clone(c.spans)
	slices.SortStableFunc(spans, func(a, b Span) int {
		return int(int64(a.StartTimeUnixNano) - int64(b.StartTimeUnixNano))
	})
	return spans
}

// Wait waits until there are n spans for which want is true, and returns them.
func (c *Collector) Wait(t testing.TB, n int, want func(Span) bool) []Span {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		all := c.Spans()
		found := slices.DeleteFunc(slices.Clone(all), func(s Span) bool { return !want(s) })
		if len(found) >= n {
			return found
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d spans have come; all that have: %v", len(found), n, all)
		}
	}
}

// Attributes of the span.
func (s Span) Attributes() map[string]string { return attributes(s.Span.Attributes) }

// Trace, ID and Parent are in hexadecimal, as traceparent has them; Parent is "" for
// a root.
func (s Span) Trace() string  { return hex.EncodeToString(s.TraceId) }
func (s Span) ID() string     { return hex.EncodeToString(s.SpanId) }
func (s Span) Parent() string { return hex.EncodeToString(s.ParentSpanId) }

// Linked are the spans that it has links to.
func (s Span) Linked() (ids []string) {
	for _, l := range s.Links {
		ids = append(ids, hex.EncodeToString(l.SpanId))
	}
	return ids
}

// EventNames are its events, in their order.
func (s Span) EventNames() (names []string) {
	for _, e := range s.Events {
		names = append(names, e.Name)
	}
	return names
}

// String is for a test that fails.
func (s Span) String() string {
	return fmt.Sprintf("\n%s %s %s trace %s id %s parent %s linked %v events %v status %v %v",
		s.Name, s.Kind, time.Duration(s.EndTimeUnixNano-s.StartTimeUnixNano), s.Trace(), s.ID(), s.Parent(), s.Linked(), s.EventNames(), s.Status.GetCode(), s.Attributes())
}

func attributes(all []*commonpb.KeyValue) map[string]string {
	m := make(map[string]string, len(all))
	for _, a := range all {
		switch v := a.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			m[a.Key] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			m[a.Key] = fmt.Sprint(v.IntValue)
		case *commonpb.AnyValue_BoolValue:
			m[a.Key] = fmt.Sprint(v.BoolValue)
		default:
			m[a.Key] = fmt.Sprint(v)
		}
	}
	return m
}
