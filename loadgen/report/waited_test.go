package report

import (
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// TestWaited: what is said of requests that waited for room: whose limit it is, and
// how many connections are enough for what was measured.
func TestWaited(t *testing.T) {
	const limit = ": that is the load generator's limit. "
	for _, tt := range []struct {
		why     string
		takes   time.Duration // 0: nothing is answered
		grown   int
		streams int
		waited  uint64 // of 100 requests
		want    string
	}{
		{"there was room", 10 * time.Millisecond, 0, 1, 0, ""},
		{"one waited where eight have room and one is needed", 10 * time.Millisecond, 0, 1, 1, ""},
		{"too few", 3 * time.Second, 0, 1, 80,
			"80 of 100 requests waited because all that may be in flight were (8 connections)" + limit + "Each has its place for 3.00s on average, so 50/s take 150: raise -connections."},
		{"enough on average: it says no number that is there already", 10 * time.Millisecond, 0, 1, 20,
			"20 of 100 requests waited because all that may be in flight were (8 connections)" + limit + "Each has its place for 10.0ms on average, so 50/s take 1, and more when many are due or slow together: raise -connections."},
		{"they have grown, not to what is needed", 3 * time.Second, 58, 1, 80,
			"80 of 100 requests waited because all that may be in flight were (66 connections)" + limit + "They were made more, 8 at first: give -connections 150 from the start, or more, and -max-connections if that is the limit."},
		{"they have grown beyond what is needed on average", 100 * time.Millisecond, 4, 1, 20,
			"20 of 100 requests waited because all that may be in flight were (12 connections)" + limit + "They were made more, 8 at first: give -connections 12 from the start, or more, and -max-connections if that is the limit."},
		{"each has several streams", 3 * time.Second, 4, 4, 80,
			"80 of 100 requests waited because all that may be in flight were (12 connections × 4 streams)" + limit + "They were made more, 8 at first: give -connections 38 from the start, or more, and -max-connections if that is the limit."},
		{"nothing was answered: that is no limit of the load generator", 0, 58, 1, 80,
			"80 of 100 requests waited because all that may be in flight were (66 connections): nothing was answered."},
	} {
		r := &measure.Run{Asked: 50, Duration: 2 * time.Second, Connections: 8, Grown: tt.grown, Streams: tt.streams, Protocol: "http/1.1", Total: measure.NewTally()}
		for range 100 {
			o := exchange.Outcome{Sent: 1, Ended: 1 + tt.takes, Status: 200}
			if tt.takes == 0 {
				o = exchange.Outcome{Ended: time.Second, Failure: exchange.NeverSent}
			}
			r.Total.Add(&o)
		}
		r.Total.Waited = tt.waited
		if got := waited(r); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.why, got, tt.want)
		}
		p := &Probe{Run: r}
		if got, want := p.Crowded(), tt.want != "" && tt.takes > 0; got != want {
			t.Errorf("%s: a search takes it for crowded: %v, want %v", tt.why, got, want)
		}
	}
}
