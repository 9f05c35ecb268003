package h3

import (
	"testing"
	"time"
)

// TestFlightCounts: what was written counts for a while, and longer if it is sent
// again, but never more than the congestion window has been.
func TestFlightCounts(t *testing.T) {
	const window = 1 << 20
	type step struct {
		why     string
		written int64  // in this span
		window  int64  // during it
		again   uint64 // sent in it, beside what was written
		held    int64  // in it
		next    time.Duration
	}
	const answer, counted = 200 << 10, 200<<10 + flightStep
	for _, tt := range []struct {
		why   string
		steps []step
	}{
		{"an answer, and silence", []step{
			{"it is in flight", answer, window, 0, counted, flightTime},
			{"it may be lost yet", 0, 0, 0, counted, flightTime},
			{"nothing was sent again: it has arrived", 0, 0, 0, 0, flightTime},
		}},
		{"a window that shrinks", []step{
			{"the whole of it is in flight", 8 << 20, window, 0, window, flightTime},
			{"what was lost is still kept", 8 << 20, window / 8, 0, window, flightTime},
			{"what was in flight before has arrived", 8 << 20, window / 8, 0, window / 8, flightTime},
		}},
		{"a peer that acknowledges nothing", []step{
			{"it is in flight", answer, window, 0, counted, flightTime},
			{"it is sent again", 0, 0, 1200, counted, 2 * flightTime},
			{"and again, after twice the time", 0, 0, 1200, counted, 4 * flightTime},
			{"it is not", 0, 0, 0, counted, flightTime},
			{"so that it has arrived", 0, 0, 0, 0, flightTime},
		}},
		{"a connection that never rests", []step{
			{"much at first", 8 << 20, window, 0, window, flightTime},
			{"then some", 30 << 10, window, 0, window, flightTime},
			{"what was much is over", 30 << 10, window, 0, 60<<10 + flightStep, flightTime},
		}},
	} {
		t.Run(tt.why, func(t *testing.T) {
			var f flight
			sent := uint64(0)
			f.begin(sent)
			for _, s := range tt.steps {
				f.now.written += s.written
				f.now.window = max(f.now.window, s.window)
				f.count()
				held := f.held
				sent += uint64(s.written) + s.again
				f.turn(sent)
				if held != s.held || f.time != s.next {
					t.Errorf("%s: %d bytes count, and the next time is %v; want %d and %v", s.why, held, f.time, s.held, s.next)
				}
			}
		})
	}
}
