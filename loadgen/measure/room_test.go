package measure

import (
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// TestCrowd: when requests that waited mean that there was too little room.
func TestCrowd(t *testing.T) {
	for _, tt := range []struct {
		why  string
		c    Crowd
		want bool
	}{
		{"none waited", Crowd{0, 50, 50, 8, 8}, false},
		{"no request at all", Crowd{}, false},
		{"fewer than one of a hundred, of any room", Crowd{9, 1000, 50, 20, 8}, false},
		{"one of a hundred, and more are needed than there is room for", Crowd{10, 1000, 50, 20, 8}, true},
		{"one of 50, and what is needed is half of what there is", Crowd{1, 50, 50, 4, 8}, true},
		{"one of 50, and there is room for eight where one is needed: a moment's stall", Crowd{1, 50, 50, 1, 8}, false},
		{"what is due in a tenth of a second, with ample room", Crowd{5, 50, 50, 1, 8}, false},
		{"more than that: slow answers hold the room though the mean is small", Crowd{6, 50, 50, 1, 8}, true},
		{"one of 20 at 5/s: a stall holds up one", Crowd{1, 20, 5, 1, 8}, false},
		{"one of a hundred of a long run, with ample room: more than a stall", Crowd{100, 10_000, 50, 1, 8}, true},
	} {
		if got := tt.c.Matters(); got != tt.want {
			t.Errorf("%s: %v", tt.why, got)
		}
	}
}

// TestNeeded: how many requests are in flight at once, of a rate that changes at its
// highest, and with the time in which each makes its connection.
func TestNeeded(t *testing.T) {
	spans := func(rates ...float64) (all []Point) {
		for i, rate := range rates {
			all = append(all, Point{Begin: time.Duration(i) * time.Second, Length: time.Second, Asked: rate})
		}
		return all
	}
	for _, tt := range []struct {
		why        string
		asked      float64
		points     []Point
		perRequest bool
		want       int
	}{
		{"a steady rate", 50, spans(50, 50), false, 150},
		{"a steady rate, whose seconds begin and end beside its requests", 50, spans(51, 49), false, 150},
		{"stages: the highest second, but for a request", 50, spans(11, 51, 101), false, 300},
		{"a span that is too short for a rate", 50, append(spans(50), Point{Length: time.Second / 10, Asked: 90}), false, 150},
		{"a closed loop", 0, spans(0, 0), false, 0},
		{"a connection for each request takes a second more", 50, nil, true, 200},
	} {
		r := &Run{Asked: tt.asked, Points: tt.points, PerRequest: tt.perRequest, Total: NewTally()}
		r.Total.Add(&exchange.Outcome{Sent: 1, Ended: 1 + 3*time.Second, Status: 200})
		r.Total.Dial.Record(time.Second / 2)
		r.Total.TLS.Record(time.Second / 2)
		// The mean is of a histogram, which is exact to three digits.
		if got := r.Needed(); got < tt.want || got > tt.want+tt.want/100 {
			t.Errorf("%s: %d, want %d", tt.why, got, tt.want)
		}
	}
}
