package attack

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// TestSplit: whatever is split, and how often, no request is lost and none is
// anybody's twice.
func TestSplit(t *testing.T) {
	const limit = 5000
	for _, positions := range [][]uint64{{0}, {0, 1}, {0, 1, 2, 3, 4, 5}} {
		owner := make(map[uint64]bool)
		var parts []*sequence
		take := func(s *sequence, most int) {
			for range most {
				n, _ := s.next()
				if owner[n] {
					t.Fatalf("request %d belongs to two connections", n)
				}
				owner[n] = true
			}
		}
		for lane := range 4 {
			s := newSequence(len(positions), positions, 4, lane)
			parts = append(parts, &s)
		}
		for round := range 6 {
			for _, s := range parts {
				take(s, 3+round)
				if other := s.split(); round%2 == 0 {
					parts = append(parts, &other)
				} else { // one that is split at once
					third := other.split()
					parts = append(parts, &other, &third)
				}
			}
			if len(parts) > 500 {
				break
			}
		}
		for _, s := range parts {
			for {
				before := *s
				if n, _ := s.next(); n >= limit {
					*s = before
					break
				}
				*s = before
				take(s, 1)
			}
		}
		for n := range uint64(limit) {
			if !owner[n] {
				t.Fatalf("%d targets: request %d belongs to nobody", len(positions), n)
			}
		}
	}
}

// TestGrowthHeld: when a connection asks for another one beside it.
func TestGrowthHeld(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		why    string
		answer time.Duration // the last one
		until  time.Duration // full from 0 until then, in steps of 10 ms
		want   bool
	}{
		{"full for a moment", 20 * ms, 240 * ms, false},
		{"full while the server answers", 20 * ms, 300 * ms, true},
		{"full while it says nothing: a pause", -1, 900 * ms, false},
		{"full while it says nothing for long", -1, 1100 * ms, true},
		{"a pause that ends: the backlog has its time", 900 * ms, 1100 * ms, false},
	} {
		asked := false
		g := growth{ask: func() { asked = true }}
		for now := 10 * ms; now <= tt.until; now += 10 * ms {
			last := -ms
			if tt.answer >= 0 && now > tt.answer {
				last = now
			}
			g.held(now, now, last)
		}
		if asked != tt.want {
			t.Errorf("%s: asked %v", tt.why, asked)
		}
		g.free()
		if g.full != 0 || g.answers != 0 {
			t.Errorf("%s: what was is kept when there is room", tt.why)
		}
	}
}

// TestFullLooks: of a server that is silent nothing comes, so the driver says when to
// look at a connection that is full: once, when another one is due, and not before.
func TestFullLooks(t *testing.T) {
	const ms = time.Millisecond
	d, _ := lone(t, Config{Pacer: perSecond(10), Duration: 10 * time.Second})
	d.timeout = time.Minute
	asked := 0
	d.growth.ask = func() { asked++ }
	d.Next(0)
	for _, tt := range []struct {
		why  string
		now  time.Duration
		last time.Duration // answer
		want time.Duration
		asks int
	}{
		{"the next request is not due", 10 * ms, 0, 1100 * ms, 0},
		{"it has been due for a while: the connection is full since then", 600 * ms, 0, 1100 * ms, 0},
		{"a second has passed: another one is asked for, and there is nothing to look for", 1100 * ms, 0, 0, 1},
	} {
		d.last = tt.last
		d.Rest(tt.now)
		if got := d.Full(); got != tt.want || asked != tt.asks {
			t.Errorf("%s: look at %v, want %v; %d asked for, want %d", tt.why, got, tt.want, asked, tt.asks)
		}
	}
	d.growth.ready.Store(&helper{}) // it could not be made
	if d.Rest(1200 * ms); d.Full() != 2200*ms || asked != 1 {
		t.Errorf("after one that could not be made: look at %v, want 2.2s", d.Full())
	}
	d.last = 1300 * ms
	d.Rest(1300 * ms) // full since 1.2 s
	if d.Rest(1310 * ms); d.Full() != 1550*ms {
		t.Errorf("an answer came at 1.3s: look at %v, want a quarter of a second later", d.Full())
	}
	if d.growth.ask = nil; d.Full() != 0 {
		t.Error("a turn is asked for though the number of connections is fixed")
	}
	d.growth.ask = func() {}
	if d.done = true; d.Full() != 0 {
		t.Error("a turn is asked for though nothing is left to send")
	}
}

// TestSilentServer: connections are made more while nothing is answered, whatever is
// spoken.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		why   string
		http1 bool
	}{
		{"HTTP/1.1", true}, {"HTTP/2", false},
	} {
		t.Run(tt.why, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			cfg := s.config()
			cfg.Pacer, cfg.Duration, cfg.Timeout, cfg.Streams = perSecond(50), 2*time.Second, 2*time.Second, 1
			cfg.MaxConnections, cfg.HTTP1 = 100, tt.http1
			r := attackWith(t, context.Background(), cfg)
			// Twice as many after each of four seconds.
			if n := r.Summary.Grown; n < 4 || n > 60 {
				t.Errorf("%d connections were made beside the four, want 28 or so", n)
			}
			if r.Total.Answered() != 0 || r.Total.Waited == 0 {
				t.Errorf("%d were answered, %d waited", r.Total.Answered(), r.Total.Waited)
			}
		})
	}
}

// slowly answers after 100 ms.
func slowly(w http.ResponseWriter, r *http.Request) {
	select {
	case <-time.After(100 * time.Millisecond):
	case <-r.Context().Done():
	}
}

// TestGrowth: connections are made until they suffice, no more than are allowed,
// and every request has its one outcome; over HTTP/2 too.
func TestGrowth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		why         string
		http1       bool
		most        int
		least, high int // connections beside the four
	}{
		{"HTTP/1.1", true, 100, 8, 96},
		{"HTTP/2, two streams each", false, 100, 3, 96},
		{"no more than are allowed", true, 7, 3, 3},
		{"fixed", true, 0, 0, 0},
	} {
		t.Run(tt.why, func(t *testing.T) {
			t.Parallel()
			s := serve(t, slowly)
			cfg := s.config()
			cfg.Pacer, cfg.Duration, cfg.Timeout = perSecond(150), 3*time.Second, 3*time.Second
			cfg.MaxConnections, cfg.HTTP1, cfg.Streams = tt.most, tt.http1, 2
			if tt.http1 {
				cfg.Streams = 1
			}
			r := attackWith(t, context.Background(), cfg)
			if n := r.Summary.Grown; n < tt.least || n > tt.high {
				t.Errorf("%d connections were made beside the four, want %d to %d", n, tt.least, tt.high)
			}
			if r.Total.Waited == 0 {
				t.Error("no request waited for room")
			}
			if tt.most == 100 && r.Total.Succeeded() != 450 {
				t.Errorf("%d of 450 succeeded: %v", r.Total.Succeeded(), r.Total.Errors)
			}
			if made := r.Total.Connections; tt.most == 100 && made != uint64(4+r.Summary.Grown) {
				t.Errorf("%d connections were made, %d are reported beside the four", made, r.Summary.Grown)
			}
		})
	}
}

// TestGrowthInterrupted: connections that are being made when the attack ends
// are closed with it. Goroutines that outlive it fail the package.
func TestGrowthInterrupted(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{250 * time.Millisecond, 400 * time.Millisecond, 700 * time.Millisecond} {
		s := serve(t, slowly)
		cfg := s.config()
		cfg.Pacer, cfg.Duration, cfg.MaxConnections, cfg.HTTP1, cfg.Streams = perSecond(400), time.Minute, 500, true, 1
		ctx, cancel := context.WithTimeout(context.Background(), after)
		r := attackWith(t, ctx, cfg)
		cancel()
		if !r.Summary.Interrupted || r.took > after+grace+time.Second {
			t.Errorf("after %v: interrupted %v, it took %v", after, r.Summary.Interrupted, r.took)
		}
	}
}
