//go:build linux

package perf

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// compare runs the load generator at full speed against each of some servers in
// turn, and returns the processor time that each took for a request, in each
// round. The text says what the machine did.
func compare(t *testing.T, rounds int, servers map[string]*server) (costs map[string][]time.Duration, machine string) {
	t.Helper()
	costs = make(map[string][]time.Duration)
	for range rounds {
		for name, s := range servers { // in no order: none is always the first
			o := s.load("-target", s.url+file, "-duration", sizes().round.String())
			if o.Success != 1 || o.Requests == 0 {
				t.Fatalf("%s: %.4f%% of %d requests succeeded: %v\n%s", name, 100*o.Success, o.Requests, o.Errors, o.machine)
			}
			cost := o.cpu / time.Duration(o.Requests)
			costs[name] = append(costs[name], cost)
			machine += fmt.Sprintf("%s: %v per request, %.0f/s; %s\n", name, cost, o.Rate, o.machine)
		}
	}
	t.Logf("processor time per request: %v", costs)
	return costs, machine
}

// ratio is the median of the rounds' ratios: what the machine does in a round it
// does to both.
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
	costs, machine := compare(t, 3, map[string]*server{"hotpath": startServer(t), "net/http": startNetHTTP(t)})
	if got := ratio(t, costs["net/http"], costs["hotpath"]); got < leastRatio {
		(&outcome{machine: machine}).miss(t, "net/http takes %.1f times as much processor time for a request as hotpath, the bar is %d", got, leastRatio)
	}
}
