package edge

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/server/missed"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// TestSlowest: a fetch counts with the time to the head of its answer, or to its
// failure, under its path; how long its content takes does not count.
func TestSlowest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, func(_ int, ctx context.Context, r *origin.Request, sink origin.Sink) error {
			switch r.Path {
			case "/fails":
				return errors.Join(pause(ctx, 3*time.Second), errors.New("it is down"))
			case "/slow?a=1":
				if err := pause(ctx, 2*time.Second); err != nil {
					return err
				}
			case "/long":
				if err := sink.Head(origin.Head{Status: 200, Length: 1}); err != nil {
					return err
				}
				if err := pause(ctx, 10*time.Second); err != nil {
					return err
				}
				_, err := sink.Write([]byte("a"))
				return errors.Join(err, sink.End(nil))
			}
			return give(sink, 200, "a", "cache-control", "max-age=60")
		})
		for _, path := range []string{"/fast", "/slow?a=1", "/slow?a=2", "/fails", "/long"} {
			r.get(path)
		}
		r.settle()
		top := r.Slowest(2)
		want := []missed.SlowPath{
			{Site: "test", Path: "example.com/fails", Longest: 3000, Mean: 3000, Fetches: 1},
			{Site: "test", Path: "example.com/slow", Longest: 2000, Mean: 1000, Fetches: 2},
		}
		if len(top) != 2 || top[0] != want[0] || top[1] != want[1] {
			t.Errorf("%+v, want %+v", top, want)
		}
		if all := r.Slowest(10); len(all) != 4 {
			t.Errorf("%d paths, want 4: %+v", len(all), all)
		}
	})
}

// TestHeaviest: what misses most in a whole period is named when it is over.
func TestHeaviest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, func(_ int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
			return give(sink, 200, "a", "cache-control", "no-store")
		})
		for range 600 {
			r.get("/never")
		}
		time.Sleep(5 * time.Minute)
		if all := r.Heaviest(); len(all) != 1 || all[0].Path != "example.com/never" || all[0].Rate < 1.9 || all[0].Rate > 2 {
			t.Errorf("%+v", all)
		}
	})
}
