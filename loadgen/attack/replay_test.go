package attack

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/pattern"
)

// replayOf is one of requests a millisecond apart, by clients in turn, of targets in
// turn.
func replayOf(requests, targets, clients int) (r Replay) {
	for i := range requests {
		r.Moments = append(r.Moments, time.Duration(i)*time.Millisecond)
		r.Targets = append(r.Targets, uint32(i%targets))
		r.Clients = append(r.Clients, uint32(i%clients))
	}
	r.End = time.Duration(requests) * time.Millisecond
	return r
}

func TestReplaySchedule(t *testing.T) {
	r := replayOf(10, 1, 1)
	r.Moments[5] = r.Moments[4] // two at once
	s, err := NewSchedule(r)
	if err != nil {
		t.Fatal(err)
	}
	const ms = time.Millisecond
	for d, want := range map[time.Duration]uint64{0: 0, 1: 1, ms: 1, ms + 1: 2, 4 * ms: 4, 4*ms + 1: 6, 9*ms + 1: 10, time.Hour: 10} {
		if got := s.Hits(d); got != want {
			t.Errorf("%d requests before %v, want %d", got, d, want)
		}
	}
	if s.Due(0) != 0 || s.Due(5) != 4*ms || s.Due(9) != 9*ms || s.Due(10) != 10*ms || s.Due(11) != never {
		t.Errorf("due at %v, %v, %v, %v, %v", s.Due(0), s.Due(5), s.Due(9), s.Due(10), s.Due(11))
	}
	if got := s.Rate(5 * ms); got != 1000 {
		t.Errorf("%v/s, want 1000/s", got)
	}
	if wait, stop := r.Pace(3*ms, 9); wait != 6*ms || stop {
		t.Errorf("request 9 in %v, %v", wait, stop)
	}
	if _, stop := r.Pace(3*ms, 10); !stop {
		t.Error("request 10 is waited for")
	}
	r = Replay{Moments: []time.Duration{0, time.Second, time.Second + 1, 1999 * ms, 2 * time.Second, 5 * time.Second}}
	if got := r.Busiest(); got != 3 { // the three of [1s, 2s), and of (1s, 2s]
		t.Errorf("%d requests in the busiest second, want 3", got)
	}
}

// TestReplay: each request is sent once, at its moment, those of a client on one
// connection, over both protocols, and by two machines as by one.
func TestReplay(t *testing.T) {
	for name, shares := range map[string]int{"HTTP/2": 1, "HTTP/1.1": 1, "two machines": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			paths := make(map[string]int)
			connections := make(map[string]map[string]bool) // by client
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				paths[r.URL.Path]++
				_, client, _ := strings.Cut(r.URL.Path, "/client")
				if connections[client] == nil {
					connections[client] = make(map[string]bool)
				}
				connections[client][r.RemoteAddr] = true
			})
			const requests, clients = 420, 7 // 7 clients on 4 connections
			cfg := s.config()
			url := cfg.Targets[0].URL
			cfg.Targets = nil
			for i := range clients * 2 {
				cfg.Targets = append(cfg.Targets, vegeta.Target{Method: "GET", URL: fmt.Sprintf("%s%d/client%d", url, i, i%clients)})
			}
			cfg.Pacer, cfg.Requests = replayOf(requests, clients*2, clients), requests
			if name == "HTTP/1.1" {
				cfg.HTTP1, cfg.Streams = true, 1
			}
			seen := make(map[uint64]bool)
			for i := range shares {
				share := cfg
				if shares > 1 {
					share.First, share.Count = 2*i, 2
				}
				r := attackWith(t, t.Context(), share)
				for _, o := range r.outcomes {
					seen[o.Seq] = true
					if o.Due != time.Duration(o.Seq)*time.Millisecond || o.Request.Target != int(o.Seq)%(2*clients) {
						t.Fatalf("request %d is due at %v, for target %d", o.Seq, o.Due, o.Request.Target)
					}
				}
				if r.Summary.Duration != requests*time.Millisecond || r.Total.Unsuccessful() > 0 {
					t.Errorf("it is due in %v: %v", r.Summary.Duration, r.Total.Errors)
				}
			}
			mu.Lock() // a handler may end after its answer has come
			defer mu.Unlock()
			if len(seen) != requests || len(paths) != 2*clients {
				t.Errorf("%d requests, %d paths; want %d, %d", len(seen), len(paths), requests, 2*clients)
			}
			for path, n := range paths {
				if n != requests/clients/2 {
					t.Errorf("%s came %d times, want %d", path, n, requests/clients/2)
				}
			}
			for client, used := range connections {
				if len(used) != 1 {
					t.Errorf("client %s has used %d connections, want 1", client, len(used))
				}
			}
		})
	}
}

// TestReplayIsChecked: what does not go with a replay is named.
func TestReplayIsChecked(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"of a replay of 5":       func(c *Config) { c.Requests = 4 },
		"has no warm-up":         func(c *Config) { c.Warmup = time.Second },
		"no pattern goes":        func(c *Config) { c.Pattern = pattern.Spec{Conditional: 0.5} },
		"of 2 origins":           func(c *Config) { c.Targets[1].URL = "http://192.0.2.2/" },
		"is for target 1 of 1":   func(c *Config) { c.Targets = c.Targets[:1] },
		"are not in their order": func(c *Config) { c.Pacer.(Replay).Moments[2] = 0 },
	} {
		cfg := Config{
			Targets: []vegeta.Target{{Method: "GET", URL: "http://192.0.2.1/a"}, {Method: "GET", URL: "http://192.0.2.1/b"}},
			Pacer:   replayOf(5, 2, 2), Requests: 5, Connections: 2, Streams: 1, Timeout: time.Second,
		}
		if err := cfg.Check(); err != nil {
			t.Fatal(err)
		}
		change(&cfg)
		if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want something with %q", err, want)
		}
	}
}
