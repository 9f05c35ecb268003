package live

import (
	"testing"
	"time"

	hotpath "github.com/e0ac7cd4/hotpath/metrics"
)

// TestWindow: a figure is of the last second if that had requests enough, else of as
// many as have, and never of a time that was busy when it is quiet now.
func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		name    string
		seconds []uint64 // requests in each, the last one is now
		want    int      // seconds of the window
		rate    float64
	}{
		{"busy", []uint64{1000, 1000, 900}, 1, 900},
		{"just enough", []uint64{0, 0, enough}, 1, enough},
		{"one each second", repeat([]uint64{1}, 60), 25, 1},
		{"one in five seconds", repeat([]uint64{1, 0, 0, 0, 0}, 12), 60, .2},
		{"one in a minute, just now", append(make([]uint64, 59), 1), 60, 1. / 60},
		{"the same half a minute later", append(append(make([]uint64, 29), 1), make([]uint64, 30)...), 60, 1. / 60},
		{"busy until a second ago", []uint64{1000, 1000, 0}, 1, 0},
		{"busy until some seconds ago", []uint64{1000, 1000, 0, 1, 0}, 3, 1. / 3},
		{"at the beginning", []uint64{3}, 1, 3},
		{"nothing at all", make([]uint64, 90), 60, 0},
	} {
		var w window
		now := totals{at: time.Unix(0, 0)}
		for _, n := range tt.seconds {
			w.add(now)
			now.at = now.at.Add(time.Second)
			now.results[hotpath.Hit] += n
		}
		from := w.earlier(now)
		seconds := now.at.Sub(from.at).Seconds()
		if rate := float64(now.requests()-from.requests()) / seconds; int(seconds) != tt.want || rate != tt.rate {
			t.Errorf("%s: %v/s over %v s, want %v over %d", tt.name, rate, seconds, tt.rate, tt.want)
		}
	}
}

func repeat(pattern []uint64, n int) (all []uint64) {
	for range n {
		all = append(all, pattern...)
	}
	return all
}
