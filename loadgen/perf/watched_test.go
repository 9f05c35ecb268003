//go:build linux

package perf

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// scrapeInterval is that of dashboards/prometheus/prometheus.yml.
const scrapeInterval = 5 * time.Second

// scrape reads the metrics every scrapeInterval, until what it returns is called,
// which returns how long each took.
func (s *server) scrape() (stop func() []time.Duration) {
	done, took := make(chan struct{}), make(chan []time.Duration)
	go func() {
		var all []time.Duration
		tick := time.NewTicker(scrapeInterval)
		defer tick.Stop()
		for {
			began := time.Now()
			if _, err := s.get("/metrics"); err != nil {
				s.t.Error(err)
			}
			all = append(all, time.Since(began))
			select {
			case <-tick.C:
			case <-done:
				took <- all
				return
			}
		}
	}()
	return func() []time.Duration {
		close(done)
		return <-took
	}
}

// watch keeps the live page's stream open until the test ends.
func (s *server) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+"/live", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, resp.Body) // until it is cancelled
		_ = resp.Body.Close()
	}()
	s.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// TestOverhead is the server with everything on that an operator sees it by,
// metrics that are scraped, a sampled access log and the live page,
// beside one without an admin listener.
func TestOverhead(t *testing.T) {
	off := startServerWith(t, "off")
	on := startServer(t, "-access-log", "sampled", "-access-log-file", filepath.Join(t.TempDir(), "access.log"))
	on.watch()
	stop := on.scrape()
	costs, machine := compare(t, 5, map[string]*server{"off": off, "on": on})
	stop()
	if got := ratio(t, costs["on"], costs["off"]); got > mostOverhead {
		(&outcome{machine: machine}).miss(t, "with everything on a request takes %.3f times the processor time, the bar is %v", got, mostOverhead)
	}
}

// TestScrape keeps the promised rate, with scrapes and without in turn, and then
// goes as fast as it can.
func TestScrape(t *testing.T) {
	s := startServer(t)
	rate := promisedRate / sizes().divide
	var with, without, scrapes []time.Duration
	var last *outcome
	for range 5 {
		without = append(without, attack(t, s, rate, sizes().round, "-target", s.url+file).Latencies.P99)
		stop := s.scrape()
		last = attack(t, s, rate, sizes().round, "-target", s.url+file)
		scrapes = append(scrapes, stop()...)
		with = append(with, last.Latencies.P99)
	}
	for _, all := range [][]time.Duration{with, without, scrapes} {
		slices.Sort(all)
	}
	stop := s.scrape()
	full := s.load(t, "-target", s.url+file, "-duration", sizes().other.String())
	atFull := stop()
	slices.Sort(atFull)

	p99, plain := with[len(with)/2], without[len(without)/2]
	t.Logf("p99 with scrapes %v, without %v; scrapes took %v, and at full speed %v", with, without, scrapes, atFull)
	for _, s := range []struct {
		during *outcome
		took   []time.Duration
	}{{last, scrapes}, {full, atFull}} {
		if median := s.took[len(s.took)/2]; median > mostScrape {
			s.during.miss(t, "at %.0f requests/s a scrape took %v, the bar is %v", s.during.Rate, median, mostScrape)
		}
	}
	if p99 > plain+plain/4 {
		last.miss(t, "p99 was %v with scrapes and %v without, the bar is a quarter more", p99, plain)
	}
}
