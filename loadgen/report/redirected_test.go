package report

import (
	"slices"
	"testing"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// TestRedirected: a run of redirects is no run of what they lead to.
func TestRedirected(t *testing.T) {
	for _, tt := range []struct {
		why      string
		statuses map[int]uint64
		want     string
	}{
		{"a target that has moved", map[int]uint64{301: 50}, "50 of 50 answers are redirects, which are not followed: they count as successes."},
		{"some of several targets, by all ways to say so", map[int]uint64{200: 90, 302: 5, 303: 1, 307: 2, 308: 2}, "10 of 100 answers are redirects, which are not followed: they count as successes."},
		{"a hundredth has to be known", map[int]uint64{200: 99, 301: 1}, "1 of 100 answers are redirects, which are not followed: they count as successes."},
		{"a few among many need not", map[int]uint64{200: 999, 301: 1}, ""},
		{"304 is what a condition asks for", map[int]uint64{304: 50}, ""},
		{"errors lead nowhere", map[int]uint64{400: 25, 299: 25}, ""},
		{"no answer", nil, ""},
	} {
		r := &measure.Run{Total: measure.NewTally()}
		for status, n := range tt.statuses {
			end := exchange.Succeeded
			if status >= 400 {
				end = exchange.Declined
			}
			r.Total.Statuses[status] += n
			r.Total.Ends[end] += n
		}
		if got := redirected(r.Total); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.why, got, tt.want)
		}
		if tt.want != "" && !slices.Contains(notes(r), tt.want) {
			t.Errorf("%s: it is not among the notes: %q", tt.why, notes(r))
		}
	}
}
