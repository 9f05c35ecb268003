package slo

import (
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// TestUnsaid: no objective is met if requests fail and none is about that, and the
// verdict says why.
func TestUnsaid(t *testing.T) {
	declined := func(status int) exchange.Outcome {
		return exchange.Outcome{Sent: 1, Ended: time.Millisecond, Status: status}
	}
	stopped := exchange.Outcome{Sent: 1, Ended: time.Second, Failure: exchange.WasStopped}
	const but = ", but 20 of 1,000 requests failed, and no objective is about that: add errors<=0, or as many as may fail"
	for _, tt := range []struct {
		why, objectives string
		failed          int // of a thousand
		failure         exchange.Outcome
		interrupted     bool
		met             bool
		got             string // of the first objective
	}{
		{"one in fifty is 503", "p99<=50ms", 20, declined(503), false, false, "10.0ms" + but},
		{"one in fifty is 404, which is no success either", "service-p99<=50ms", 20, declined(404), false, false, "10.0ms" + but},
		{"a rate says nothing of what failed beside it", "rate>=900", 20, declined(503), false, false, "980/s" + but},
		{"nor does that requests were answered", "answered>=900,p50<=1s", 20, declined(503), false, false, "1,000/s" + but},
		{"one in a hundred may fail: a 99th percentile is kept then", "p99<=50ms", 10, declined(503), false, true, "10.0ms"},
		{"a few more may not", "p99<=50ms", 11, declined(503), false, false,
			"10.0ms, but 11 of 1,000 requests failed, and no objective is about that: add errors<=0, or as many as may fail"},
		{"who names errors is taken at his word", "p99<=50ms,errors<=20", 20, declined(503), false, true, "10.0ms"},
		{"and who names their share", "p99<=50ms,error-ratio<=50%", 20, declined(503), false, true, "10.0ms"},
		{"and who names the share of successes", "p99<=50ms,success>=1%", 20, declined(503), false, true, "10.0ms"},
		{"what is missed anyway is said as it is", "p99<=5ms", 20, declined(503), false, false, "10.0ms"},
		{"requests in flight when it was interrupted are no failures", "p99<=50ms", 20, stopped, true, true, "10.0ms"},
		{"those of an agent that was lost are", "p99<=50ms", 20, stopped, false, false, "10.0ms" + but},
	} {
		r := &measure.Run{Duration: time.Second, Asked: 1000, Interrupted: tt.interrupted, Total: measure.NewTally()}
		for i := range 1000 {
			o := exchange.Outcome{Sent: 1, Ended: 10 * time.Millisecond, Status: 200}
			if i < tt.failed {
				o = tt.failure
			}
			r.Total.Add(&o)
		}
		o, err := Parse(tt.objectives)
		if err != nil {
			t.Fatal(err)
		}
		if v := o.Judge(r)[0]; v.Met != tt.met || v.Got != tt.got {
			t.Errorf("%s: %v", tt.why, v)
		}
	}
}
