//go:build linux

package perf

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// compare has the load generator go at full speed against all of some servers at
// the same time, and returns the processor time that each took for a request, in
// each round. What the machine does to one it does to the other, within
// milliseconds: rounds in turn differ by a fifth here, and such ratios by 2 %.
// The text says what the machine did.
func compare(t *testing.T, rounds int, servers map[string]*server) (costs map[string][]time.Duration, machine string) {
	t.Helper()
	costs = make(map[string][]time.Duration)
	var mu sync.Mutex // of both results
	for range rounds {
		t.Run("round", func(t *testing.T) {
			for name, s := range servers {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					o := s.load(t, "-target", s.url+file, "-duration", sizes().round.String())
					if o.Success != 1 || o.Requests == 0 {
						t.Fatalf("%.4f%% of %d requests succeeded: %v\n%s", 100*o.Success, o.Requests, o.Errors, o.machine)
					}
					cost := o.cpu / time.Duration(o.Requests)
					mu.Lock()
					defer mu.Unlock()
					costs[name] = append(costs[name], cost)
					machine += fmt.Sprintf("%s: %v per request, %.0f/s; %s\n", name, cost, o.Rate, o.machine)
				})
			}
		})
	}
	if t.Failed() {
		t.FailNow() // there is not a figure for each round
	}
	t.Logf("processor time per request: %v", costs)
	return costs, machine
}

// ratio is the median of the rounds' ratios.
func ratio(t *testing.T, over, under []time.Duration) float64 {
	t.Helper()
	all := make([]float64, len(over))
	for i := range all {
		all[i] = float64(over[i]) / float64(under[i])
	}
	slices.Sort(all)
	t.Logf("ratio %.3f, of %.3f", all[len(all)/2], all)
	return all[len(all)/2]
}

// TestRatio is hotpath beside net/http.
func TestRatio(t *testing.T) {
	costs, machine := compare(t, 3, map[string]*server{"hotpath": startServer(t), "nethttp": startNetHTTP(t)})
	if got := ratio(t, costs["nethttp"], costs["hotpath"]); got < leastRatio {
		(&outcome{machine: machine}).miss(t, "net/http takes %.1f times as much processor time for a request as hotpath, the bar is %d", got, leastRatio)
	}
}
