package access

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit/otlp"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// TestRates: whatever is chosen for the log, the share that is traced is the one
// that was asked for, and the log's stays what it was.
func TestRates(t *testing.T) {
	for _, mode := range []Mode{Off, Errors, Sampled, All} {
		for _, sample := range []int{1, 7, 100, 100_000} {
			for _, share := range []float64{0, 1e-9, 0.001, 0.1, 1} {
				r := newRates(mode, sample, share)
				chosen := 1 / r.every
				if got := chosen / r.trace; math.Abs(got-share) > 1e-12 {
					t.Errorf("%s, 1 in %d, %v: %v are traced", mode, sample, share, got)
				}
				if got := chosen / max(1, r.thin); mode == Sampled && math.Abs(got-1/float64(sample)) > 1e-12 {
					t.Errorf("1 in %d, traced %v: %v are logged", sample, share, got)
				}
				if r.every < 1 || r.hotThin < 1 || r.trace < 1 || math.IsNaN(r.meanGap) {
					t.Errorf("%s, 1 in %d, %v: %+v", mode, sample, share, r)
				}
			}
		}
	}
}

// traced is a Tracer that ends with the test.
func traced(t *testing.T, m *metrics.Hotpath, c traces.Config) *traces.Tracer {
	t.Helper()
	tracer := traces.New("test", m, slog.New(slog.DiscardHandler))
	tracer.Set(c)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := tracer.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return tracer
}

// TestTracedHits: of hits the share is traced, within turns and beyond, with any
// mode of the log; and none of those that have a handler, which were decided about
// when they began. A reload changes it.
func TestTracedHits(t *testing.T) {
	const each = 1000
	for _, mode := range []Mode{Off, Errors, Sampled, All} {
		t.Run(string(mode), func(t *testing.T) {
			c := otlp.Start(t)
			m := metrics.NewHotpath(metrics.Options{Stripes: 1})
			tracer := traced(t, m, traces.Config{Endpoint: c.URL, Sample: 0.25})
			s := start(t, Config{Mode: mode, Sample: 10, Traces: tracer})
			tap := s.Tap(HTTP11, 0, nil)
			handled := ok(200)
			handled.Handled = true
			for i := range each {
				if tap.Due(200) {
					tap.Hit(get("/hit"), ok(200))
				}
				tap.End(get("/large"), ok(200))
				tap.End(get("/handled"), handled)
				tap.Flush(time.Millisecond)
				if i%50 == 0 {
					time.Sleep(2 * time.Millisecond) // for the writer, and the collector
				}
			}
			tracer.Set(traces.Config{})
			s.TraceRate()
			off := s.Tap(HTTP11, 0, nil)
			for range each {
				if off.Due(200) {
					off.Hit(get("/off"), ok(200))
				}
			}
			off.Flush(time.Millisecond)
			tracer.Set(traces.Config{Endpoint: c.URL}) // what waits is sent
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			count := func() (n map[string]int) {
				n = make(map[string]int)
				for _, s := range c.Spans() {
					n[s.Attributes()["url.path"]]++
				}
				return n
			}
			c.Wait(t, 1, func(otlp.Span) bool { return true })
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := tracer.Close(ctx); err != nil {
				t.Fatal(err)
			}
			got, want := count(), 0.25*each
			for _, path := range []string{"/hit", "/large"} {
				if math.Abs(float64(got[path])-want) > 6*math.Sqrt(want*0.75) {
					t.Errorf("%d of %s are traced, want %v", got[path], path, want)
				}
			}
			if got["/handled"]+got["/off"] > 0 {
				t.Errorf("traced are %v", got)
			}
		})
	}
}

// TestTraceOfARecord: a hit that is chosen is in the trace of a trusted client, and
// none if that says so; an exchange is in the one that was decided.
func TestTraceOfARecord(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"
	c := otlp.Start(t)
	m := metrics.NewHotpath(metrics.Options{Stripes: 1})
	tracer := traced(t, m, traces.Config{Endpoint: c.URL, Sample: 1, Trust: client.Networks{netip.PrefixFrom(remote, 32)}})
	s := start(t, Config{Mode: Off, Traces: tracer})
	tap := s.Tap(HTTP2, 0, nil)
	request := func(path string, values ...string) *message.Request {
		r := &message.Request{Method: "GET", Authority: "test", Path: path, Client: remote}
		for _, v := range values {
			r.Fields = append(r.Fields, hpack.Field{Name: "traceparent", Value: v})
		}
		return r
	}
	for _, r := range []*message.Request{request("/in", parent+"1"), request("/not", parent+"0"), request("/two", parent+"1", parent+"1"), request("/none")} {
		if !tap.Due(200) {
			t.Fatal("with a share of 1 a hit is not chosen")
		}
		tap.Hit(AppendRequest(nil, r), ok(200))
	}
	kept := request("/kept", parent+"1")
	a := ok(500)
	a.Duration, a.Handled, a.Aborted, a.Trace = time.Second, true, true, tap.Trace(kept)
	tap.End(AppendRequest(nil, kept), a)
	tap.Flush(time.Millisecond)
	got := make(map[string]string)
	for _, s := range c.Wait(t, 4, func(otlp.Span) bool { return true }) {
		got[s.Attributes()["url.path"]] = fmt.Sprintf("%v %v %v %v", s.Parent() != "", s.Status.GetCode(), time.Duration(s.EndTimeUnixNano-s.StartTimeUnixNano), s.Attributes()["error.type"])
	}
	for path, want := range map[string]string{
		"/in": "true STATUS_CODE_UNSET 1ms ", "/not": "", "/two": "false STATUS_CODE_UNSET 1ms ", "/none": "false STATUS_CODE_UNSET 1ms ",
		"/kept": "true STATUS_CODE_ERROR 1s aborted",
	} {
		if got[path] != want {
			t.Errorf("%s: %q, want %q", path, got[path], want)
		}
	}
}
