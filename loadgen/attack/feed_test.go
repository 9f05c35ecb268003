package attack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// collector is a server that notes the numbers of the paths that it was asked for.
type collector struct {
	mu  sync.Mutex
	got []int
}

func (c *collector) serve(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	c.mu.Lock()
	c.got = append(c.got, n)
	c.mu.Unlock()
	hello(w, r)
}

// once checks that each of so many was asked for once, and returns the order.
func (c *collector) once(t *testing.T, count int) []int {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	sorted := slices.Clone(c.got)
	slices.Sort(sorted)
	if len(sorted) != count || len(slices.Compact(sorted)) != count || count > 0 && sorted[count-1] != count-1 {
		t.Errorf("%d were asked for, want each of %d once", len(c.got), count)
	}
	return c.got
}

// feedOf puts so many targets into a feed, waiting between them.
func feedOf(t *testing.T, cfg *Config, count int, pause time.Duration) *Feed {
	t.Helper()
	f := NewFeed()
	url := cfg.Targets[0].URL
	go func() {
		defer f.Close()
		for n := range count {
			r, err := cfg.Request(n, &vegeta.Target{Method: "GET", URL: fmt.Sprint(url, n)})
			if err != nil {
				t.Error(err)
				return
			}
			if f.Put(t.Context(), r) != nil {
				return
			}
			time.Sleep(pause)
		}
	}()
	return f
}

// fedWith attacks with a feed and checks what holds for every attack.
func fedWith(t *testing.T, ctx context.Context, cfg Config, f *Feed) (s Summary, run *measure.Run) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	run = &measure.Run{Total: measure.NewTally()}
	var mu sync.Mutex
	outcomes := uint64(0)
	s, err := Run(ctx, cfg, Hooks{Feed: f, Interval: func(i *measure.Interval) { run.Add(i) }, Outcomes: func(all []exchange.Outcome) {
		mu.Lock()
		defer mu.Unlock()
		outcomes += uint64(len(all))
	}})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Pacer != nil && s.Scheduled != run.Total.Requests() || outcomes != run.Total.Requests() {
		t.Errorf("%d were due, %d have an outcome, %d are tallied", s.Scheduled, outcomes, run.Total.Requests())
	}
	return s, run
}

// TestFeed: each target is sent once, about in their order, and the attack ends
// with them.
func TestFeed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		why        string
		pacer      vegeta.Pacer
		http1      bool
		perRequest bool
		count      int
		lasts      time.Duration // 0: that is the server's
	}{
		{"closed loop", nil, false, false, 500, 0},
		{"closed loop, HTTP/1.1", nil, true, false, 500, 0},
		{"closed loop, a connection for each", nil, false, true, 50, 0},
		{"at a rate", perSecond(500), false, false, 500, time.Second},
		{"at a rate, HTTP/1.1", perSecond(500), true, false, 500, time.Second},
		{"at a rate, a connection for each", perSecond(50), true, true, 50, time.Second},
		{"at a low rate, of which most connections have a long time to wait", perSecond(4), false, false, 4, time.Second},
		{"no targets but the first", perSecond(100), false, false, 1, 10 * time.Millisecond},
		{"none", perSecond(100), false, false, 0, 0},
	} {
		t.Run(tt.why, func(t *testing.T) {
			t.Parallel()
			c := new(collector)
			s := serve(t, c.serve)
			cfg := s.config()
			cfg.Pacer, cfg.HTTP1, cfg.PerRequest, cfg.Duration = tt.pacer, tt.http1, tt.perRequest, Forever
			began := time.Now()
			sum, run := fedWith(t, t.Context(), cfg, feedOf(t, &cfg, tt.count, 0))
			order := c.once(t, tt.count)
			if run.Total.Succeeded() != uint64(tt.count) || !sum.Exhausted || sum.Interrupted {
				t.Errorf("%d of %d succeeded, exhausted %v, interrupted %v: %v", run.Total.Succeeded(), tt.count, sum.Exhausted, sum.Interrupted, run.Total.Errors)
			}
			if off := sum.Duration - tt.lasts; off < -50*time.Millisecond || tt.lasts != 0 && off > 3*time.Second {
				t.Errorf("requests were due for %v, want %v", sum.Duration, tt.lasts)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			if tt.pacer != nil && run.Total.Starved > uint64(tt.count/10) {
				t.Errorf("%d waited for their target, which was there", run.Total.Starved)
			}
			half, early := len(order)/2, 0
			for _, n := range order[:half] {
				if n < half {
					early++
				}
			}
			if early < half/2 {
				t.Errorf("of the first %d that were sent, %d are among the first %d that were put in", half, early, half)
			}
		})
	}
}

// TestFeedTooSlow: a rate that is higher than targets come is the limit of what
// they are read from: it is counted, requests are late from when they were due, and
// connections are not made more for it.
func TestFeedTooSlow(t *testing.T) {
	t.Parallel()
	c := new(collector)
	s := serve(t, c.serve)
	cfg := s.config()
	cfg.Pacer, cfg.Duration, cfg.MaxConnections = perSecond(200), Forever, 100
	sum, run := fedWith(t, t.Context(), cfg, feedOf(t, &cfg, 60, 20*time.Millisecond))
	c.once(t, 60)
	if run.Total.Succeeded() != 60 || run.Total.Starved < 40 || sum.Grown != 0 || run.Total.Waited > 5 { // a machine that stalls
		t.Errorf("%d of 60 succeeded, %d waited for a target, %d for a connection, grown by %d", run.Total.Succeeded(), run.Total.Starved, run.Total.Waited, sum.Grown)
	}
	// Target n comes after 20 ms × n, and was due after 5 ms × n.
	if last := run.Total.Success.Max(); last < 600*time.Millisecond {
		t.Errorf("the latest was %v late, want about 885ms", last)
	}
}

// TestFeedPauses: requests for which no target comes in time fail as such, and the
// attack goes on when targets come again; its duration and a signal end it while it
// waits.
func TestFeedPauses(t *testing.T) {
	t.Parallel()
	for _, perRequest := range []bool{false, true} {
		t.Run(fmt.Sprint("a connection for each ", perRequest), func(t *testing.T) {
			t.Parallel()
			began := make(chan struct{})
			once := sync.OnceFunc(func() { close(began) })
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				once()
				hello(w, r)
			})
			cfg := s.config()
			cfg.Pacer, cfg.Duration, cfg.Timeout, cfg.PerRequest = perSecond(50), 3*time.Second, 500*time.Millisecond, perRequest
			f := NewFeed()
			put := func(from, to int) {
				for n := from; n < to; n++ {
					r, err := cfg.Request(n, &vegeta.Target{Method: "GET", URL: fmt.Sprint(cfg.Targets[0].URL, n)})
					if err != nil || f.Put(t.Context(), r) != nil {
						t.Error(err)
					}
				}
			}
			put(0, 25) // for half a second
			go func() {
				<-began
				time.Sleep(2 * time.Second)
				put(25, 150) // never closed: a pipe that stays open
			}()
			sum, run := fedWith(t, t.Context(), cfg, f)
			if sum.Exhausted || sum.Duration != cfg.Duration {
				t.Errorf("exhausted %v after %v", sum.Exhausted, sum.Duration)
			}
			never := run.Total.Errors["timeout: never sent, as no target was read in time"]
			// On a busy machine some of those that have a target are late too.
			if run.Total.Requests() != 150 || never < 20 || run.Total.Succeeded() < 40 || run.Total.Ends[exchange.Broken]+run.Total.Ends[exchange.Stopped] != 0 {
				t.Errorf("%d outcomes of 150, %d without a target, %d succeeded: %v", run.Total.Requests(), never, run.Total.Succeeded(), run.Total.Errors)
			}
		})
	}
	for _, pacer := range []vegeta.Pacer{nil, perSecond(100)} {
		s := serve(t, hello)
		cfg := s.config()
		cfg.Pacer, cfg.Duration = pacer, Forever
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		began := time.Now()
		sum, run := fedWith(t, ctx, cfg, NewFeed())
		cancel()
		if took := time.Since(began); took > 3*time.Second || !sum.Interrupted || run.Total.Succeeded() != 0 {
			t.Errorf("interrupted while it waited: %v, %+v", took, sum)
		}
		cfg.Duration = 300 * time.Millisecond
		began = time.Now()
		fedWith(t, t.Context(), cfg, NewFeed())
		if took := time.Since(began); took > cfg.Duration+cfg.Timeout+2*time.Second {
			t.Errorf("a duration without targets took %v", took)
		}
	}
}

// TestFeedWithoutServer: what cannot be sent fails with why, each target once.
func TestFeedWithoutServer(t *testing.T) {
	t.Parallel()
	for _, pacer := range []vegeta.Pacer{nil, perSecond(100)} {
		cfg := Config{
			Targets: []vegeta.Target{{Method: "GET", URL: "http://" + unused + "/"}}, Pacer: pacer, Duration: Forever,
			Connections: 2, Streams: 1, Timeout: time.Second,
		}
		_, run := fedWith(t, t.Context(), cfg, feedOf(t, &cfg, 20, 0))
		if run.Total.Failed[exchange.Connect] != 20 || run.Total.Requests() != 20 {
			t.Errorf("%v", run.Total.Errors)
		}
	}
}

// TestFeedIsBounded: by number and by bytes, and one is taken however large it is.
func TestFeedIsBounded(t *testing.T) {
	for _, tt := range []struct {
		why  string
		size int
		want int
	}{
		{"small ones", 1, maxHeld},
		{"large ones", maxHeldBytes / 4, 3}, // heads are counted too
		{"one that is larger than all may be", 2 * maxHeldBytes, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := NewFeed()
			r := &exchange.Request{Head: make([]byte, 10), Body: make([]byte, tt.size)}
			put := 0
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() {
				for {
					if err := f.Put(ctx, r); err != nil {
						ended <- err
						return
					}
					put++
				}
			}()
			synctest.Wait()
			if put != tt.want {
				t.Errorf("%s: %d are held, want %d", tt.why, put, tt.want)
			}
			if got, over := f.take(nil); got == nil || over {
				t.Errorf("%s: nothing is taken", tt.why)
			}
			synctest.Wait()
			if put != tt.want+1 {
				t.Errorf("%s: %d after one was taken, want %d", tt.why, put, tt.want+1)
			}
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", tt.why, err)
			}
			if f.Taken() != 1 {
				t.Errorf("%s: %d were taken", tt.why, f.Taken())
			}
		})
	}
}

// TestFeedIsRefused: with targets of several origins, or a digest for each.
func TestFeedIsRefused(t *testing.T) {
	for _, set := range []func(*Config){
		func(c *Config) {
			c.Targets = append(c.Targets, vegeta.Target{Method: "GET", URL: "https://b.example/"})
		},
		func(c *Config) { c.Digest = exchange.DigestFirst },
	} {
		cfg := Config{Targets: []vegeta.Target{{Method: "GET", URL: "https://a.example/"}}, Requests: 1, Connections: 2, Streams: 1, Timeout: time.Second}
		set(&cfg)
		if _, err := Run(t.Context(), cfg, Hooks{Feed: NewFeed()}); err == nil || !strings.Contains(err.Error(), "one origin") {
			t.Errorf("%v", err)
		}
	}
}
