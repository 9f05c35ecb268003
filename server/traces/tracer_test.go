package traces

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/otlp"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// subject is a Tracer under test.
type subject struct {
	*Tracer
	m   *metrics.Hotpath
	log *testkit.LogBuffer
}

// start starts a Tracer, and ends it with the test.
func start(t *testing.T, c Config) subject {
	t.Helper()
	s := subject{m: metrics.NewHotpath(metrics.Options{Stripes: 1}), log: new(testkit.LogBuffer)}
	s.Tracer = New("1.2.3", s.m, slog.New(slog.NewTextHandler(s.log, nil)))
	s.Set(c)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Close(ctx)
	})
	return s
}

// serve makes a server span.
func (s subject) serve(path string) {
	s.Begin(stranger, nil).Serve(&Served{Method: "GET", Host: "a.example:8443", Path: path, Protocol: "2", Client: stranger, Status: 200, Began: time.Now(), Took: time.Millisecond, Cache: "hit"})
}

// counted waits until so many spans have an outcome.
func (s subject) counted(t *testing.T, outcome metrics.SpanOutcome, n uint64) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); s.m.TraceSpans.Value(outcome) < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("outcome %d: %d spans of %d\n%s", outcome, s.m.TraceSpans.Value(outcome), n, s.log)
		}
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// TestSpans: what a server span and its children have.
func TestSpans(t *testing.T) {
	c := otlp.Start(t)
	s := start(t, Config{Endpoint: c.URL, Sample: 0, Trust: trust})
	r := s.Begin(ours, fieldsOf("traceparent", sampled, "tracestate", "v=1"))
	fetch := r.Fetch(r.NextFetch(), true, "GET", "/a?secret=1", "miss")
	fetch.Try(1, "origin.example:8080")
	fetch.Connected("192.0.2.1:8080", true)
	fetch.FirstByte()
	fetch.Status(500)
	fetch.End("500")
	wait := r.Wait(fetch.span.SpanContext())
	wait.End("")
	r = s.Take(r.AppendTo(nil)) // as the access log's writer gets it
	r.Serve(&Served{
		Method: "BREW", Host: "[2001:db8::1]:8443", Path: "/a?secret=1", Agent: "\xff" + strings.Repeat("x", 1000), Protocol: "1.1",
		Client: ours, Status: 502, Bytes: 7, Began: time.Now(), Took: time.Second, Cache: "miss", Reason: "uri-miss",
	})
	if s.Begin(stranger, fieldsOf("traceparent", sampled)) != nil {
		t.Error("a stranger turns tracing on")
	}
	if err := s.Close(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	spans := c.Wait(t, 3, func(otlp.Span) bool { return true })
	slices.SortFunc(spans, func(a, b otlp.Span) int { return strings.Compare(a.Name, b.Name) })
	server, fetched, waited := spans[0], spans[1], spans[2]
	if server.Name != "_OTHER" || server.Trace() != id || server.Parent() != span || server.Kind.String() != "SPAN_KIND_SERVER" || server.Status.Code != 2 {
		t.Errorf("the server span is %v", server)
	}
	if got := time.Duration(server.EndTimeUnixNano - server.StartTimeUnixNano); got != time.Second {
		t.Errorf("it took %v", got)
	}
	for name, want := range map[string]string{
		"http.request.method": "_OTHER", "http.request.method_original": "BREW", "url.path": "/a", "url.scheme": "https",
		"server.address": "2001:db8::1", "server.port": "8443", "client.address": "10.0.0.7", "network.protocol.version": "1.1",
		"http.response.status_code": "502", "http.response.body.size": "7", "error.type": "502",
		"hotpath.cache": "miss", "hotpath.reason": "uri-miss", "user_agent.original": "?" + strings.Repeat("x", maxText-1), // protobuf has UTF-8 alone
	} {
		if got := server.Attributes()[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if server.Resource["service.name"] != "hotpath" || server.Resource["service.version"] != "1.2.3" {
		t.Errorf("the resource is %v", server.Resource)
	}
	if fetched.Name != "fetch" || fetched.Parent() != server.ID() || fetched.Trace() != id || fetched.Kind.String() != "SPAN_KIND_CLIENT" || fetched.Status.Code != 2 ||
		!slices.Equal(fetched.EventNames(), []string{"try", "connected", "first byte"}) {
		t.Errorf("the fetch is %v", fetched)
	}
	if a := fetched.Attributes(); a["url.path"] != "/a" || a["server.address"] != "origin.example" || a["server.port"] != "8080" || a["http.response.status_code"] != "500" {
		t.Errorf("the fetch has %v", a)
	}
	if waited.Name != "wait" || waited.Parent() != server.ID() || !slices.Equal(waited.Linked(), []string{fetched.ID()}) {
		t.Errorf("the wait is %v", waited)
	}
	for _, s := range spans {
		if text := s.String(); strings.Contains(text, "secret") {
			t.Errorf("a query is in %s", text)
		}
	}
}

// TestNotTraced: a request that is not traced has methods that do nothing, and a
// Tracer that is off begins none.
func TestNotTraced(t *testing.T) {
	var r *Request
	fetch := r.Fetch(r.NextFetch(), true, "GET", "/", "miss")
	fetch.Try(1, "a")
	fetch.Connected("a", false)
	fetch.FirstByte()
	fetch.Again()
	fetch.Status(200)
	fetch.End("")
	r.Wait(r.NextFetch()).End("")
	r.Revalidate().End("")
	r.Serve(nil)
	for name, tracer := range map[string]*Tracer{"nil": nil, "off": start(t, Config{Sample: 1, Trust: trust}).Tracer} {
		if tracer.Begin(ours, fieldsOf("traceparent", sampled)) != nil || tracer.Chosen(ours, sampled) != nil || tracer.Background() != nil {
			t.Errorf("%s: a request is traced", name)
		}
		if n := testing.AllocsPerRun(100, func() { tracer.Begin(ours, nil) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if (*Tracer)(nil).Close(t.Context()) != nil {
		t.Error("nil cannot be closed")
	}
}

// TestCollectorIsDown: whatever a collector does, no span waits longer than it
// may, each is counted once, and the log says so once a second.
func TestCollectorIsDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String() + "/v1/traces"
	l.Close()
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		says   string
	}{
		{"it is down", nil, "connection refused"},
		{"it refuses", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, "answers 429"},
		{"it leads elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, "answers 307"},
		{"it breaks off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			endpoint := closed
			if tt.answer != nil {
				c := otlp.Start(t)
				c.Answer(tt.answer)
				endpoint = c.URL
			}
			began := time.Now()
			s := start(t, Config{Endpoint: endpoint, Sample: 1})
			for range 3 * maxBatch {
				s.serve("/")
			}
			s.counted(t, metrics.SpanFailed, 3*maxBatch)
			if err := s.Close(within(t, 10*time.Second)); err != nil {
				t.Error(err)
			}
			if text := s.log.String(); !strings.Contains(text, tt.says) || strings.Count(text, "\n") > 1+int(time.Since(began).Seconds()) {
				t.Errorf("the log says %q", text)
			}
		})
	}
}

// TestCollectorIsSlow: one that does not answer costs a batch for sendTimeout, and
// what finds no room meanwhile is dropped at once. A stop does not wait for it.
func TestCollectorIsSlow(t *testing.T) {
	c := otlp.Start(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	c.Answer(func(http.ResponseWriter, *http.Request) { <-release })
	s := start(t, Config{Endpoint: c.URL, Sample: 1})
	for range maxBatch {
		s.serve("/")
	}
	c.Wait(t, maxBatch, func(otlp.Span) bool { return true }) // it has them, and says nothing
	began := time.Now()
	const more = 2 * maxWaiting
	for range more {
		s.serve("/")
	}
	if n := s.m.TraceSpans.Value(metrics.SpanDropped); n != more-maxWaiting {
		t.Errorf("%d spans were dropped, want %d", n, more-maxWaiting)
	}
	if took := time.Since(began); took > sendTimeout/2 {
		t.Errorf("it took %v", took)
	}
	err := s.Close(within(t, 100*time.Millisecond))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1024 spans are lost") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > sendTimeout {
		t.Errorf("the stop took %v", took)
	}
	if failed := s.m.TraceSpans.Value(metrics.SpanFailed); failed != maxBatch {
		t.Errorf("%d spans have failed, want %d", failed, maxBatch)
	}
}

// TestAnswerIsHuge: of an answer without end no more is read than a little.
func TestAnswerIsHuge(t *testing.T) {
	c := otlp.Start(t)
	written := make(chan int, 8)
	c.Answer(func(w http.ResponseWriter, _ *http.Request) {
		n := 0
		for piece := make([]byte, 64<<10); n < 1<<30; {
			k, err := w.Write(piece)
			if n += k; err != nil {
				break
			}
		}
		written <- n
	})
	s := start(t, Config{Endpoint: c.URL, Sample: 1})
	s.serve("/")
	s.counted(t, metrics.SpanExported, 1)
	if n := <-written; n > 64<<20 {
		t.Errorf("%d bytes were written", n)
	}
}

// TestSet: a reload changes the endpoint of spans, those that wait included, and whether
// there are any.
func TestSet(t *testing.T) {
	first, second := otlp.Start(t), otlp.Start(t)
	s := start(t, Config{Endpoint: first.URL, Sample: 1})
	s.serve("/first")
	first.Wait(t, 1, func(otlp.Span) bool { return true })
	s.Set(Config{Endpoint: second.URL, Sample: 1})
	s.serve("/second")
	second.Wait(t, 1, func(s otlp.Span) bool { return s.Attributes()["url.path"] == "/second" })
	s.Set(Config{})
	if s.Begin(stranger, nil) != nil {
		t.Error("a request is traced")
	}
	if n := len(first.Spans()); n != 1 {
		t.Errorf("the first collector has %d spans", n)
	}
}

// TestFlush: what waits at a stop is sent.
func TestFlush(t *testing.T) {
	c := otlp.Start(t)
	s := start(t, Config{Endpoint: c.URL, Sample: 1})
	for range maxBatch + 10 {
		s.serve("/")
	}
	if err := s.Close(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if n := len(c.Spans()); n != maxBatch+10 {
		t.Errorf("%d spans have come", n)
	}
	if n := s.m.TraceSpans.Value(metrics.SpanExported); n != maxBatch+10 {
		t.Errorf("%d spans count as exported", n)
	}
	s.serve("/late")
}
