package attack

import (
	"context"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

var quiet = log.New(io.Discard, "", 0)

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

// TestCounts: what the server has seen is what the report says, to the last
// request.
func TestCounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   uint64
	}{
		{"constant rate", func(c *Config) { c.Pacer, c.Duration = perSecond(2000), time.Second }, 2000},
		{"rate with batches", func(c *Config) { c.Pacer, c.Duration = perSecond(12_000), 500*time.Millisecond }, 6000},
		{"number of requests at a rate", func(c *Config) { c.Pacer, c.Requests = perSecond(1000), 333 }, 333},
		{"slope", func(c *Config) {
			c.Pacer, c.Duration = vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: 100, Per: time.Second}, Slope: 1000}, time.Second
		}, 600},
		{"closed loop, requests", func(c *Config) { c.Requests = 1001 }, 1001},
		{"closed loop, fewer requests than connections", func(c *Config) { c.Requests = 3 }, 3},
		{"closed loop, duration", func(c *Config) { c.Duration = 300 * time.Millisecond }, 0},
		{"HTTP/1.1", func(c *Config) { c.HTTP1, c.Streams, c.Pacer, c.Duration = true, 1, perSecond(500), time.Second }, 500},
		{"HTTP/1.1, closed loop", func(c *Config) { c.HTTP1, c.Streams, c.Requests = true, 1, 1000 }, 1000},
		{"several targets", func(c *Config) {
			base := c.Targets[0].URL
			c.Targets = nil
			for i := range 40 {
				c.Targets = append(c.Targets, vegeta.Target{Method: "POST", URL: base + fmt.Sprint(i), Body: []byte(strings.Repeat("x", i*1000))})
			}
			c.Pacer, c.Duration = perSecond(1000), time.Second
		}, 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				hello(w, r)
			})
			cfg := s.config()
			tt.change(&cfg)
			r := attackWith(t, context.Background(), cfg)
			if got := uint64(s.requests.Load()); got != r.Total.Requests() || r.Total.Succeeded() != got {
				t.Errorf("the server has seen %d requests; %d are reported, %d with success: %v", got, r.Total.Requests(), r.Total.Succeeded(), r.Total.Errors)
			}
			if tt.want != 0 && r.Total.Requests() != tt.want {
				t.Errorf("%d requests, want %d", r.Total.Requests(), tt.want)
			}
			if got := s.conns.Load(); got != int64(cfg.Connections) {
				t.Errorf("%d connections, want %d", got, cfg.Connections)
			}
			if want := 5 * r.Total.Requests(); r.Total.BytesIn != want {
				t.Errorf("%d bytes came, want %d", r.Total.BytesIn, want)
			}
		})
	}
}

// TestOrigins: targets of several origins have connections of their own.
func TestOrigins(t *testing.T) {
	t.Parallel()
	a, b := serve(t, hello), serve(t, hello)
	cfg := a.config()
	cfg.CACert = append(cfg.CACert, b.ca()...)
	cfg.Targets = []vegeta.Target{
		{Method: "GET", URL: a.URL + "/1"}, {Method: "GET", URL: b.URL + "/2"}, {Method: "GET", URL: a.URL + "/3"},
	}
	cfg.Pacer, cfg.Duration = perSecond(900), time.Second
	r := attackWith(t, context.Background(), cfg)
	if r.Total.Succeeded() != 900 || a.requests.Load() != 600 || b.requests.Load() != 300 {
		t.Errorf("%d of %d succeeded; the servers have seen %d and %d: %v", r.Total.Succeeded(), r.Total.Requests(), a.requests.Load(), b.requests.Load(), r.Total.Errors)
	}
}

// TestWarmup: its requests are made and are in no figure.
func TestWarmup(t *testing.T) {
	t.Parallel()
	for name, pacer := range map[string]vegeta.Pacer{"open": perSecond(1000), "closed": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, hello)
			cfg := s.config()
			cfg.Pacer, cfg.Warmup, cfg.Duration = pacer, 400*time.Millisecond, 600*time.Millisecond
			r := attackWith(t, context.Background(), cfg)
			if got := uint64(s.requests.Load()); got != r.Total.Requests()+r.Summary.Warmup {
				t.Errorf("the server has seen %d requests, the report %d and %d of warm-up", got, r.Total.Requests(), r.Summary.Warmup)
			}
			if pacer != nil && (r.Summary.Warmup != 400 || r.Total.Requests() != 600) {
				t.Errorf("%d requests of warm-up and %d measured, want 400 and 600", r.Summary.Warmup, r.Total.Requests())
			}
			if r.Summary.Duration != cfg.Duration {
				t.Errorf("it lasted %v, want %v", r.Summary.Duration, cfg.Duration)
			}
		})
	}
}

// TestInterrupted: an attack that is ended early says what it has, soon.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"answers": hello,
		"hangs":   func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, handler)
			cfg := s.config()
			cfg.Pacer, cfg.Duration = perSecond(1000), time.Minute
			ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
			defer cancel()
			r := attackWith(t, ctx, cfg)
			if !r.Summary.Interrupted || r.took > 500*time.Millisecond+grace+time.Second {
				t.Errorf("interrupted: %v, after %v", r.Summary.Interrupted, r.took)
			}
			// The connections are made first.
			if n := r.Total.Requests(); n < 100 || n > 510 {
				t.Errorf("%d requests in half a second at 1000/s", n)
			}
			if r.Summary.Duration > time.Second {
				t.Errorf("requests were due for %v", r.Summary.Duration)
			}
		})
	}
}

func TestInterruptedClosedLoop(t *testing.T) {
	t.Parallel()
	s := serve(t, hello)
	cfg := s.config()
	cfg.Duration = time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if r := attackWith(t, ctx, cfg); !r.Summary.Interrupted || r.Total.Succeeded() == 0 || r.Total.Succeeded() != uint64(s.requests.Load()) {
		t.Errorf("interrupted: %v; %d succeeded, the server has seen %d", r.Summary.Interrupted, r.Total.Succeeded(), s.requests.Load())
	}
}

// TestWarmupWithoutWork: connections that have nothing to send in a closed loop
// do not wait for ever.
func TestWarmupWithoutWork(t *testing.T) {
	t.Parallel()
	s := serve(t, hello)
	cfg := s.config()
	cfg.Connections, cfg.Warmup, cfg.Requests = 8, 200*time.Millisecond, 3
	if r := attackWith(t, context.Background(), cfg); r.Total.Succeeded() != 3 {
		t.Errorf("%d of 3 succeeded", r.Total.Succeeded())
	}
}

// TestFewRequests: the duration of a number of requests is that of their rate.
func TestFewRequests(t *testing.T) {
	t.Parallel()
	s := serve(t, hello)
	cfg := s.config()
	cfg.Pacer, cfg.Requests = perSecond(10), 1
	if r := attackWith(t, context.Background(), cfg); r.Summary.Duration != 100*time.Millisecond {
		t.Errorf("one request at 10/s takes %v", r.Summary.Duration)
	}
}

// TestInterruptedEarly: attacks that are ended before anything was sent, or
// while handshakes hang, count what was due until then.
func TestInterruptedEarly(t *testing.T) {
	t.Parallel()
	silent := "https://" + talk(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }) + "/"
	s := serve(t, hello)
	for _, tt := range []struct {
		name   string
		change func(*Config)
		after  time.Duration
		most   uint64 // requests that may have been due
	}{
		{"while connecting", func(c *Config) { c.Targets[0].URL = silent }, 100 * time.Millisecond, 1},
		{"while handshakes hang", func(c *Config) { c.Targets[0].URL, c.Timeout = silent, 400*time.Millisecond }, 700 * time.Millisecond, 310},
		{"while little is to do", func(c *Config) { c.Pacer, c.Duration = vegeta.ConstantPacer{Freq: 2, Per: time.Hour}, time.Hour }, 200 * time.Millisecond, 1},
		{"in the warm-up", func(c *Config) { c.Warmup = time.Minute }, 200 * time.Millisecond, 0},
		{"closed loop, while connecting", func(c *Config) { c.Targets[0].URL, c.Pacer = silent, nil }, 100 * time.Millisecond, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := s.config()
			cfg.Pacer, cfg.Duration = perSecond(1000), time.Minute
			tt.change(&cfg)
			ctx, cancel := context.WithTimeout(context.Background(), tt.after)
			defer cancel()
			r := attackWith(t, ctx, cfg)
			if !r.Summary.Interrupted || r.Total.Requests() > tt.most || r.took > tt.after+grace+time.Second {
				t.Errorf("interrupted: %v; %d requests, after %v: %v", r.Summary.Interrupted, r.Total.Requests(), r.took, r.Total.Errors)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	valid := func() Config {
		return Config{Targets: []vegeta.Target{{Method: "GET", URL: "https://localhost/"}}, Duration: time.Second, Connections: 1, Streams: 1, Timeout: time.Second}
	}
	c := valid()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*Config)
		want   string // in the error
	}{
		"no targets":         {func(c *Config) { c.Targets = nil }, "at least one"},
		"no end":             {func(c *Config) { c.Duration = 0 }, "one of the two"},
		"two ends":           {func(c *Config) { c.Requests = 5 }, "one of the two"},
		"no connection":      {func(c *Config) { c.Connections = 0 }, "allowed are 1 to"},
		"no stream":          {func(c *Config) { c.Streams = 0 }, "allowed are 1 to"},
		"no time":            {func(c *Config) { c.Timeout = 0 }, "allowed are 1ms to"},
		"negative warm-up":   {func(c *Config) { c.Warmup = -1 }, "allowed are 0 to"},
		"no such share":      {func(c *Config) { c.First, c.Count = 1, 1 }, "no such share"},
		"rate":               {func(c *Config) { c.Pacer = perSecond(-1) }, "more than 0"},
		"negative duration":  {func(c *Config) { c.Duration = -time.Second }, "more than 0"},
		"long duration":      {func(c *Config) { c.Duration = 100_000 * time.Hour }, "up to"},
		"many requests":      {func(c *Config) { c.Duration, c.Requests = 0, 1<<63 }, "up to"},
		"rate beyond clocks": {func(c *Config) { c.Pacer = vegeta.ConstantPacer{Freq: 2, Per: time.Nanosecond} }, "1e+09"},
		"slope beyond clocks": {func(c *Config) {
			c.Duration, c.Pacer = time.Hour, vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: 1, Per: time.Second}, Slope: 1e9}
		}, "1e+09"},
		"slope that is none": {func(c *Config) {
			c.Pacer = vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: 1, Per: time.Second}, Slope: math.NaN()}
		}, "gains NaN"},
		"scheme":           {func(c *Config) { c.Targets[0].URL = "ftp://localhost/" }, "https://"},
		"host":             {func(c *Config) { c.Targets[0].URL = "https:///x" }, "no host"},
		"user":             {func(c *Config) { c.Targets[0].URL = "https://a%3A:b@c/" }, "Basic authentication"},
		"method":           {func(c *Config) { c.Targets[0].Method = "G ET" }, "no method"},
		"connection field": {func(c *Config) { c.Targets[0].Header = http.Header{"Connection": {"close"}} }, "the connection's"},
		"field":            {func(c *Config) { c.Targets[0].Header = http.Header{"X": {"a\r\nb"}} }, "no header field"},
		"digest":           {func(c *Config) { c.Digest = "beef" }, "SHA-256"},
		"certificate":      {func(c *Config) { c.CACert = []byte("x") }, "PEM"},
		"too few for origins": {func(c *Config) {
			c.Targets = append(c.Targets, vegeta.Target{Method: "GET", URL: "https://elsewhere/"})
		}, "each needs one"},
	} {
		t.Run(name, func(t *testing.T) {
			c := valid()
			tt.change(&c)
			if err := c.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Check says %v, want something with %q", err, tt.want)
			}
			if _, err := Run(context.Background(), c, Hooks{}); err == nil {
				t.Error("Run takes it")
			}
		})
	}
}
