package attack

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// witness is a server that identifies each request by its path, and records when
// it answers it. It is given the moment at which the first request was due;
// everything else it computes itself.
type witness struct {
	interval time.Duration
	mu       sync.Mutex
	answered map[int]time.Time
}

func (w *witness) answer(rw http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	w.answered[n] = time.Now()
	w.mu.Unlock()
	_, _ = rw.Write([]byte("hello"))
}

// latencies are the response times by the witness, in order.
func (w *witness) latencies(begin time.Time) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []time.Duration
	for n, at := range w.answered {
		all = append(all, at.Sub(begin.Add(time.Duration(n)*w.interval)))
	}
	slices.Sort(all)
	return all
}

// within is how far both may be apart, as a share. Between the two lie what the
// kernel and the scheduler take: a few milliseconds of 100 on a busy machine with two
// cores. A clock that starts at the wrong moment is off by far more.
const within = 0.05

// testimony attacks with a target for each request and compares the report with
// what the witness has seen.
// It returns what differs.
func testimony(t *testing.T, count, rate int, streams int, quantiles []float64, before func(int)) (r result, off []string) {
	t.Helper()
	w := &witness{interval: time.Second / time.Duration(rate), answered: make(map[int]time.Time)}
	s := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		before(n)
		w.answer(rw, r)
	})
	cfg := s.config()
	cfg.Targets = nil
	for n := range count {
		cfg.Targets = append(cfg.Targets, vegeta.Target{Method: "GET", URL: fmt.Sprintf("%s/%d", s.URL, n)})
	}
	cfg.Pacer, cfg.Requests, cfg.Connections, cfg.Streams = perSecond(rate), uint64(count), 4, streams
	r = attackWith(t, context.Background(), cfg)
	seen := w.latencies(r.Summary.Begin)
	if r.Total.Succeeded() != uint64(count) || len(seen) != count {
		t.Fatalf("%d of %d succeeded, the witness has seen %d: %v", r.Total.Succeeded(), count, len(seen), r.Total.Errors)
	}
	for _, q := range quantiles {
		got, want := r.Total.Response().Quantile(q), seen[min(int(math.Ceil(q*float64(count)))-1, count-1)]
		if share := math.Abs(float64(got)/float64(want) - 1); share > within {
			off = append(off, fmt.Sprintf("quantile %v is %v, the witness says %v: %.1f%% off", q, got, want, 100*share))
		}
	}
	return r, off
}

// agree needs a testimony in which nothing differs, of three: another program
// on the machine may hold up one, an error of ours differs in all.
func agree(t *testing.T, testify func() []string) {
	t.Helper()
	var off []string
	for range 3 {
		if off = testify(); len(off) == 0 {
			return
		}
	}
	t.Errorf("the last of three testimonies: %s", strings.Join(off, "; "))
}

// TestWitness: a server that takes a known time for each request measures the same
// percentiles as the report has.
func TestWitness(t *testing.T) {
	if raceEnabled {
		t.Skip("times are compared in the run without the race detector")
	}
	took := func(n int) time.Duration {
		switch n % 100 {
		case 99:
			return 800 * time.Millisecond
		case 98, 97, 96, 95:
			return 400 * time.Millisecond
		case 94, 93, 92, 91, 90, 89, 88, 87, 86, 85:
			return 200 * time.Millisecond
		}
		return 100 * time.Millisecond
	}
	agree(t, func() []string {
		r, off := testimony(t, 1000, 500, 250, []float64{0.1, 0.5, 0.8, 0.9, 0.97, 0.995}, func(n int) { time.Sleep(took(n)) })
		// The witness could be wrong in the same way: the known distribution is not.
		for q, want := range map[float64]time.Duration{0.5: 100 * time.Millisecond, 0.9: 200 * time.Millisecond, 0.97: 400 * time.Millisecond, 0.995: 800 * time.Millisecond} {
			if got := r.Total.Response().Quantile(q); got < want || got > want+want/10 {
				off = append(off, fmt.Sprintf("quantile %v is %v, the handler slept %v", q, got, want))
			}
		}
		return off
	})
}

// TestStall: a server that answers nothing for half a second, with too few
// streams to hold what is due meanwhile. A closed loop would report a handful of
// slow requests; here every one that was due is late by what was left of the
// stall.
func TestStall(t *testing.T) {
	if raceEnabled {
		t.Skip("times are compared in the run without the race detector")
	}
	const stall, count, rate = 500 * time.Millisecond, 2000, 1000
	agree(t, func() (off []string) {
		var began sync.Once
		end := make(chan struct{})
		r, off := testimony(t, count, rate, 2, []float64{0.9, 0.95, 0.99}, func(n int) {
			if n < 800 {
				return
			}
			began.Do(func() { time.AfterFunc(stall, func() { close(end) }) })
			<-end
		})
		if got := r.Total.Response().Max(); got < stall-50*time.Millisecond || got > stall+300*time.Millisecond {
			off = append(off, fmt.Sprintf("the longest latency is %v after a stall of %v", got, stall))
		}
		late := 0
		for _, o := range r.outcomes {
			if o.Latency() > stall/2 {
				late++
			}
		}
		// Those due in its first half: 250 ms at 1000/s.
		if late < 225 || late > 500 {
			off = append(off, fmt.Sprintf("%d requests were late by more than half of the stall, want about 250", late))
		}
		if service := r.Total.Service.Quantile(0.95); service > stall/4 {
			off = append(off, fmt.Sprintf("95%% of service times are up to %v: only the few requests in flight saw the stall", service))
		}
		return off
	})
}
