package fleet

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

func run(t *testing.T, ctx context.Context, workers []string, cfg attack.Config, hooks attack.Hooks) attack.Summary {
	t.Helper()
	s, err := Run(ctx, Options{Workers: workers, Token: token}, cfg, hooks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpenLoop(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	_, workers := startAgents(t, 3)
	const rate, seconds = 1500, 1
	cfg := target.config(rate, seconds*time.Second, 0)
	cfg.Warmup = 200 * time.Millisecond
	r := newRecord(cfg)
	hooks := r.hooks()
	var phases []string
	hooks.Phase = func(text string) { phases = append(phases, text) }
	s := run(t, t.Context(), workers, cfg, hooks)
	r.check(t, s)
	if s.Scheduled != rate*seconds || r.total.Requests() != s.Scheduled || r.total.Succeeded() != s.Scheduled {
		t.Errorf("%d scheduled, %d ended, %d succeeded of %d: %v", s.Scheduled, r.total.Requests(), r.total.Succeeded(), rate*seconds, r.total.Errors)
	}
	if hits := target.hits.Load(); hits != r.total.Requests()+s.Warmup || s.Warmup != rate/5 {
		t.Errorf("%d hits of %d requests and %d of the warm-up", hits, r.total.Requests(), s.Warmup)
	}
	if s.Duration != cfg.Duration || s.Interrupted {
		t.Errorf("%+v", s)
	}
	schedule, err := attack.NewSchedule(cfg.Pacer)
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(rate * seconds) {
		due, seen := r.seen[n]
		if want := cfg.Warmup + schedule.Due(n); !seen || due != want {
			t.Fatalf("request %d: seen %v, due at %v, not %v", n, seen, due, want)
		}
	}
	if len(r.seen) != rate*seconds {
		t.Errorf("%d outcomes", len(r.seen))
	}
	if got, want := strings.Join(phases, "; "), "reaching 3 agents; making 7 connections from 3 agents; warming up for 200ms"; got != want {
		t.Errorf("phases %q, want %q", got, want)
	}
}

// TestStages: agents send each request of stages once, at its moment.
func TestStages(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	_, workers := startAgents(t, 3)
	at := func(freq int) vegeta.Rate { return vegeta.Rate{Freq: freq, Per: time.Second} }
	stages := attack.Stages{Start: at(200), Stages: []attack.Stage{
		{Time: 500 * time.Millisecond, Rate: at(1000)}, // 300 requests
		{Rate: at(0)},
		{Time: 200 * time.Millisecond, Rate: at(0)},
		{Time: 200 * time.Millisecond, Rate: at(1000)}, // 100
	}}
	cfg := target.config(1, stages.Duration(), 0)
	cfg.Pacer = stages
	cfg.Warmup = 100 * time.Millisecond
	r := newRecord(cfg)
	s := run(t, t.Context(), workers, cfg, r.hooks())
	r.check(t, s)
	if s.Scheduled != 400 || r.total.Succeeded() != 400 || s.Warmup != 20 || len(r.seen) != 400 {
		t.Errorf("%d scheduled, %d succeeded, %d seen, %d of the warm-up; want 400, 400, 400, 20: %v", s.Scheduled, r.total.Succeeded(), len(r.seen), s.Warmup, r.total.Errors)
	}
	schedule, err := attack.NewSchedule(cfg.Pacer)
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(400) {
		if due, want := r.seen[n], cfg.Warmup+schedule.Due(n); due != want {
			t.Fatalf("request %d: due at %v, not %v", n, due, want)
		}
	}
}

func TestClosedLoop(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	_, workers := startAgents(t, 3)
	for range 2 { // agents serve one attack after the other
		const requests = 2003
		before := target.hits.Load()
		cfg := target.config(0, 0, requests)
		r := newRecord(cfg)
		s := run(t, t.Context(), workers, cfg, r.hooks())
		r.check(t, s)
		if hits := target.hits.Load() - before; hits != requests || r.total.Succeeded() != requests || len(r.seen) != requests {
			t.Errorf("%d hits, %d succeeded, %d outcomes of %d requests: %v", hits, r.total.Succeeded(), len(r.seen), requests, r.total.Errors)
		}
		for n := range uint64(requests) {
			if _, seen := r.seen[n]; !seen {
				t.Fatalf("no outcome has number %d", n)
			}
		}
		if s.Scheduled != 0 || s.Interrupted || s.Duration <= 0 {
			t.Errorf("%+v", s)
		}
	}
}

// TestHooksMissing is an attack without hooks.
func TestHooksMissing(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	_, workers := startAgents(t, 2)
	if s := run(t, t.Context(), workers, target.config(500, 0, 100), attack.Hooks{}); s.Scheduled != 100 || target.hits.Load() != 100 {
		t.Errorf("%d hits: %+v", target.hits.Load(), s)
	}
}

// when calls do once, when the target has been hit so often.
func (s *target) when(t *testing.T, hits uint64, do func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for s.hits.Load() < hits {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
		do()
	})
}

func TestAgentKilled(t *testing.T) {
	t.Parallel()
	const requests = 3000
	target := newTarget(t)
	machines, workers := startAgents(t, 3)
	target.when(t, requests/3, machines[1].kill)
	cfg := target.config(2000, 0, requests)
	r := newRecord(cfg)
	s := run(t, t.Context(), workers, cfg, r.hooks())
	r.check(t, s)
	lost := r.total.Failed[exchange.Lost]
	if s.Scheduled != requests || r.total.Requests() != requests || r.total.Succeeded()+lost != requests {
		t.Errorf("%d scheduled, %d ended, %d succeeded, %d lost: %v", s.Scheduled, r.total.Requests(), r.total.Succeeded(), lost, r.total.Errors)
	}
	planned, err := attack.Planned(share(cfg, 1, 3), 0)
	if err != nil {
		t.Fatal(err)
	}
	if lost == 0 || lost > planned.Scheduled || r.total.Errors["lost: agent "+workers[1]] != lost {
		t.Errorf("%d lost of %d: %v", lost, planned.Scheduled, r.total.Errors)
	}
	if r.due < requests-20 || r.due > requests {
		t.Errorf("the intervals had %d requests due of %d", r.due, requests)
	}
	if n := r.total.Response().Count(); n != requests-lost {
		t.Errorf("%d latencies of %d requests that ended", n, requests-lost)
	}
	if s.Duration < 1400*time.Millisecond || s.Duration > 1500*time.Millisecond || s.Interrupted {
		t.Errorf("%+v", s)
	}
}

func TestAllAgentsKilled(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	machines, workers := startAgents(t, 2)
	target.when(t, 200, func() {
		for _, m := range machines {
			m.kill()
		}
	})
	cfg := target.config(1000, time.Minute, 0)
	r := newRecord(cfg)
	began := time.Now()
	s := run(t, t.Context(), workers, cfg, r.hooks())
	r.check(t, s)
	if s.Scheduled != 60_000 || r.total.Requests() != 60_000 || s.Duration != time.Minute {
		t.Errorf("%d requests: %+v", r.total.Requests(), s)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("Run went on for %v", took)
	}
}

func TestClosedLoopAgentKilled(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	machines, workers := startAgents(t, 2)
	target.when(t, 100, machines[0].kill)
	cfg := target.config(0, 500*time.Millisecond, 0)
	r := newRecord(cfg)
	s := run(t, t.Context(), workers, cfg, r.hooks())
	r.check(t, s)
	if n := r.total.Failed[exchange.Lost]; n != 1 || r.total.Succeeded()+1 != r.total.Requests() || r.total.Succeeded() == 0 {
		t.Errorf("%d lost, %d succeeded of %d: %v", n, r.total.Succeeded(), r.total.Requests(), r.total.Errors)
	}
	for text := range r.total.Errors {
		if !strings.HasPrefix(text, "lost: agent "+workers[0]+" (a closed loop") {
			t.Errorf("error %q", text)
		}
	}
	if s.Scheduled != 0 || s.Duration != 500*time.Millisecond {
		t.Errorf("%+v", s)
	}
}

// TestInterrupted ends an attack early by the coordinator's ctx: nothing is
// lost.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	_, workers := startAgents(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	target.when(t, 100, cancel)
	cfg := target.config(300, time.Minute, 0)
	r := newRecord(cfg)
	s := run(t, ctx, workers, cfg, r.hooks())
	r.check(t, s)
	// Those that were due and not sent yet are interrupted.
	sent := r.total.Requests() - r.total.Failed[exchange.Interrupted]
	if hits := target.hits.Load(); sent != hits || r.total.Succeeded() != hits {
		t.Errorf("%d hits, %d sent, %d succeeded: %v", hits, sent, r.total.Succeeded(), r.total.Errors)
	}
	if r.total.Requests() != s.Scheduled || uint64(len(r.seen)) != s.Scheduled || !s.Interrupted {
		t.Errorf("%d requests, %d outcomes: %+v", r.total.Requests(), len(r.seen), s)
	}
}

// TestAgentStopped: an agent that is ended in order, in the middle of an attack,
// is missing like any other.
func TestAgentStopped(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	machines, workers := startAgents(t, 3)
	target.when(t, 100, machines[2].end)
	cfg := target.config(300, 2*time.Second, 0)
	r := newRecord(cfg)
	s := run(t, t.Context(), workers, cfg, r.hooks())
	r.check(t, s)
	if s.Scheduled != 600 || r.total.Requests() != 600 || s.Interrupted {
		t.Errorf("%d requests: %+v", r.total.Requests(), s)
	}
	if n := r.total.Failed[exchange.Lost]; n < 100 || n > 300 || r.total.Errors["lost: agent "+workers[2]] != n {
		t.Errorf("%d are lost, of a third less those before: %v", n, r.total.Errors)
	}
}

// TestInterruptedAtOnce ends an attack while the command to begin is being sent.
func TestInterruptedAtOnce(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	_, workers := startAgents(t, 3)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		cfg := target.config(1000, time.Minute, 0)
		r := newRecord(cfg)
		hooks := r.hooks()
		hooks.Begin = func(at time.Time) {
			r.begin = at
			cancel()
		}
		s := run(t, ctx, workers, cfg, hooks)
		r.check(t, s)
		if !s.Interrupted || s.Scheduled > 1 || r.total.Requests() != r.total.Failed[exchange.Interrupted] || target.hits.Load() > 0 {
			t.Errorf("%+v, %v", s, r.total.Errors)
		}
	}
}

// TestAgentKilledBefore: an agent dies while all wait for the moment.
func TestAgentKilledBefore(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	machines, workers := startAgents(t, 2)
	cfg := target.config(1000, 0, 700)
	r := newRecord(cfg)
	hooks := r.hooks()
	hooks.Ready = func(context.Context) (time.Time, error) {
		machines[0].kill()
		return time.Now().Add(lead), nil
	}
	s := run(t, t.Context(), workers, cfg, hooks)
	r.check(t, s)
	if s.Scheduled != 700 || r.total.Failed[exchange.Lost] != 300 || r.total.Succeeded() != 400 || target.hits.Load() != 400 {
		t.Errorf("%+v, %d succeeded, %v", s, r.total.Succeeded(), r.total.Errors)
	}
}

// TestInterruptedBefore ends an attack before it begins: in whatever step, the
// agents are free afterwards.
func TestInterruptedBefore(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	_, workers := startAgents(t, 2)
	for _, step := range []string{"reaching", "making", "ready"} {
		t.Run(step, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cfg := target.config(1000, time.Second, 0)
			r := newRecord(cfg)
			hooks := r.hooks()
			hooks.Phase = func(text string) {
				if strings.HasPrefix(text, step) {
					cancel()
				}
			}
			hooks.Ready = func(ctx context.Context) (time.Time, error) {
				cancel()
				<-ctx.Done()
				return time.Time{}, ctx.Err()
			}
			s := run(t, ctx, workers, cfg, hooks)
			if !s.Interrupted || s.Scheduled != 0 || len(r.intervals) > 0 || !r.begin.IsZero() {
				t.Errorf("%+v, %d intervals", s, len(r.intervals))
			}
		})
	}
	if hits := target.hits.Load(); hits > 0 {
		t.Errorf("%d hits", hits)
	}
	if s := run(t, t.Context(), workers, target.config(1000, 0, 20), attack.Hooks{}); s.Scheduled != 20 || target.hits.Load() != 20 {
		t.Errorf("%d hits: %+v", target.hits.Load(), s)
	}
}

// TestCoordinatorKilled breaks the connections of a coordinator.
func TestCoordinatorKilled(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	_, workers := startAgents(t, 1)
	secure, err := identity(token)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(workers[0], target.config(500, time.Minute, 0))
	if err := w.meet(t.Context(), secure); err != nil {
		t.Fatal(err)
	}
	for _, m := range []message{
		{Kind: kindStart, Start: &start{Config: w.share}},
		{Kind: kindBegin},
	} {
		if err := w.link.send(m); err != nil {
			t.Fatal(err)
		}
	}
	killed := make(chan struct{})
	target.when(t, 200, func() {
		w.link.close()
		close(killed)
	})
	<-killed
	// The agent takes another attack when the first has ended: from then on
	// nothing but that one's requests come.
	var before uint64
	hooks := attack.Hooks{Ready: func(context.Context) (time.Time, error) {
		before = target.hits.Load()
		return time.Now(), nil
	}}
	run(t, t.Context(), workers, target.config(500, 0, 100), hooks)
	if n := target.hits.Load() - before; n != 100 {
		t.Errorf("%d hits of 100", n)
	}
}

// TestFeedIsOfOneMachine: targets that are read while they are sent are no agents'.
func TestFeedIsOfOneMachine(t *testing.T) {
	cfg := attack.Config{Targets: []vegeta.Target{{Method: "GET", URL: "http://127.0.0.1:1/"}}, Requests: 1, Connections: 1, Streams: 1, Timeout: time.Second}
	_, err := Run(t.Context(), Options{Workers: []string{"127.0.0.1:1"}, Token: NewToken()}, cfg, attack.Hooks{Feed: attack.NewFeed()})
	if err == nil || !strings.Contains(err.Error(), "are of one machine") {
		t.Errorf("%v", err)
	}
}
