package attack

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/pattern"
)

// TestPattern: what the server has seen is what the pattern's book says of the
// numbers, over any connections, with a warm-up and agents' shares, in both
// protocols and both loops.
func TestPattern(t *testing.T) {
	spec := pattern.Spec{
		Keys: 50, Popularity: pattern.Popularity{Kind: "zipf", Exponent: 1.1}, Seed: 7, Ranges: 0.2,
		Vary: []pattern.Vary{{Name: "X-Variant", Values: []string{"a", "b"}}},
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		shares int
		want   uint64
	}{
		{"a rate", func(c *Config) {
			c.Pacer, c.Duration, c.Warmup = perSecond(1000), 500*time.Millisecond, 100*time.Millisecond
		}, 1, 600},
		{"HTTP/1.1", func(c *Config) { c.HTTP1, c.Streams, c.Pacer, c.Requests = true, 1, perSecond(1000), 300 }, 1, 300},
		{"two machines", func(c *Config) { c.Pacer, c.Requests = perSecond(1000), 300 }, 2, 300},
		{"closed loop", func(c *Config) { c.Requests = 400 }, 1, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			got := make(map[string]int)
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				got[r.URL.Path+" "+r.Header.Get("X-Variant")+" "+r.Header.Get("Range")]++
				mu.Unlock()
				http.ServeContent(w, r, "", time.Time{}, strings.NewReader("hello"))
			})
			cfg := s.config()
			cfg.Targets[0].URL += "item/{n}"
			cfg.Pattern = spec
			tt.change(&cfg)
			for i := range tt.shares {
				share := cfg
				if tt.shares > 1 {
					share.First, share.Count = i*cfg.Connections/tt.shares, cfg.Connections/tt.shares
				}
				r := attackWith(t, t.Context(), share)
				if r.Total.Unsuccessful() > 0 {
					t.Errorf("errors: %v", r.Total.Errors)
				}
			}
			mu.Lock() // a handler may end after its answer has come
			defer mu.Unlock()
			sum := 0
			for _, n := range got {
				sum += n
			}
			if sum != int(tt.want) {
				t.Errorf("the server has seen %d requests, want %d", sum, tt.want)
			}
			book, err := pattern.New(cfg.Targets, cfg.Pattern)
			if err != nil {
				t.Fatal(err)
			}
			want := make(map[string]int)
			for n := range tt.want {
				r := book.Request(n)
				var path, variant, part string
				for _, f := range r.Fields {
					switch f.Name {
					case ":path":
						path = f.Value
					case "x-variant":
						variant = f.Value
					case "range":
						part = f.Value
					}
				}
				want[path+" "+variant+" "+part]++
			}
			// In a closed loop connections have as many requests each, and not the
			// first numbers of all.
			if cfg.Pacer == nil {
				return
			}
			for what, n := range want {
				if got[what] != n {
					t.Errorf("%s: the server has seen %d requests, want %d", what, got[what], n)
				}
			}
			if len(got) != len(want) {
				t.Errorf("the server has seen %d different requests, want %d", len(got), len(want))
			}
		})
	}
}

// TestConditionalRequests: after the first answer for a key the share of requests
// has its ETag, which the server answers with 304.
func TestConditionalRequests(t *testing.T) {
	for name, http1 := range map[string]bool{"HTTP/2": false, "HTTP/1.1": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", `"`+r.URL.Path+`"`)
				if r.Header.Get("If-None-Match") == `"`+r.URL.Path+`"` {
					w.WriteHeader(http.StatusNotModified)
					return
				} else if r.Header.Get("If-None-Match") != "" {
					w.WriteHeader(http.StatusBadRequest) // another one's
					return
				}
				_, _ = io.WriteString(w, "hello")
			})
			cfg := s.config()
			cfg.Targets[0].URL += "{n}"
			cfg.Pattern = pattern.Spec{Keys: 20, Conditional: 0.5}
			cfg.Pacer, cfg.Duration = perSecond(2000), 500*time.Millisecond
			if cfg.HTTP1 = http1; http1 {
				cfg.Streams = 1
			}
			r := attackWith(t, t.Context(), cfg)
			if n := r.Total.Statuses[304]; n < 400 || n > 550 || r.Total.Succeeded() != 1000 {
				t.Errorf("%d answers of 1000 are 304, want about 490: %v", n, r.Total.Errors)
			}
		})
	}
}

// TestPatternIsChecked: a spec that is wrong is no attack.
func TestPatternIsChecked(t *testing.T) {
	cfg := Config{
		Targets: []vegeta.Target{{Method: "GET", URL: "http://192.0.2.1/{n}"}}, Pattern: pattern.Spec{Keys: 5, Ranges: 0.1},
		Requests: 1, Connections: 1, Streams: 1, Timeout: time.Second,
	}
	if err := cfg.Check(); err != nil {
		t.Error(err)
	}
	cfg.Digest = exchange.DigestFirst
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "does not go with ranges") {
		t.Errorf("ranges with a digest: %v", err)
	}
	cfg.Digest, cfg.Pattern.Keys = "", 0
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "how many keys") {
		t.Errorf("no keys: %v", err)
	}
}
