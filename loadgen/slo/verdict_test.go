package slo

import (
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// hundred is a run of 100 requests in a second, one after the other: their
// response times are 1 to 100 ms, their service times half of that; the last
// two get 500.
func hundred() *measure.Run {
	r := &measure.Run{Duration: time.Second, Asked: 100, Total: measure.NewTally()}
	for i := 1; i <= 100; i++ {
		due := time.Duration(i) * 10 * time.Millisecond
		took := time.Duration(i) * time.Millisecond
		o := exchange.Outcome{Ticket: exchange.Ticket{Due: due}, Sent: due + took/2, Ended: due + took, Status: 200}
		if i > 98 {
			o.Status = 500
		}
		r.Total.Add(&o)
	}
	return r
}

// aboutFailures are o with one that says that all may fail, last.
func (o Objectives) aboutFailures(t *testing.T) Objectives {
	t.Helper()
	every, err := Parse("success>=0")
	if err != nil {
		t.Fatal(err)
	}
	return append(o, every...)
}

func TestJudge(t *testing.T) {
	tests := []struct {
		objective string
		got       string
		met       bool
	}{
		{"rate>=93", "93.6/s", true},    // 98 in 1.047 s: see measure.Run.Reached
		{"rate>=93.67", "93.6/s", true}, // within a thousandth
		{"rate>=94", "93.6/s", false},
		{"rate<93.54", "93.6/s", true},
		{"rate<93", "93.6/s", false},
		{"answered>=93", "93.5/s", true}, // 100 in 1.069 s
		{"answered>=95", "93.5/s", false},
		{"mean<=49.5ms", "49.5ms", true},
		{"mean<49.5ms", "49.5ms", false},
		{"mean>=49.5ms", "49.5ms", true},
		{"mean>49.5ms", "49.5ms", false},
		{"mean<=49.49ms", "49.5ms", false},
		{"min<=1ms", "1.00ms", true},
		{"min>=1.01ms", "1.00ms", false},
		{"max<=98ms", "98.0ms", true}, // those of 99 and 100 ms are no success
		{"max<98ms", "98.0ms", false},
		{"p99<=98.1ms", "97.1ms", true}, // the 98th of 98, in steps of a thousandth
		{"p50<=48ms", "49.0ms", false},
		{"p50<=50ms", "49.0ms", true},
		{"p99.9<98ms", "98.0ms", false},
		{"service-mean<=25.25ms", "25.2ms", true},
		{"service-max<=50ms", "50.0ms", true},
		{"service-min<0.5ms", "500µs", false},
		{"errors<=2", "2", true},
		{"errors<2", "2", false},
		{"errors<=1", "2", false},
		{"error-ratio<=2%", "2%", true},
		{"error-ratio<0.02", "2%", false},
		{"success>=98%", "98%", true},
		{"success>98%", "98%", false},
	}
	r := hundred()
	for _, tt := range tests {
		o, err := Parse(tt.objective)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := o.aboutFailures(t).Judge(r)[0], (Verdict{o[0], tt.got, tt.met}); got != want {
			t.Errorf("%s: %+v, want %+v", tt.objective, got, want)
		}
	}
}

// TestJudgeClose demands that a figure which rounds to its bound is distinguished
// from it.
func TestJudgeClose(t *testing.T) {
	r := &measure.Run{Duration: time.Second, Total: measure.NewTally()}
	r.Total.Add(&exchange.Outcome{Sent: 1, Ended: 10_004 * time.Microsecond, Status: 200})
	o, err := Parse("max<=10ms")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := o.Judge(r)[0].String(), "MISSED max <= 10ms  got 10.004ms"; got != want {
		t.Errorf("the verdict is %q, want %q", got, want)
	}
}

func TestJudgeNothing(t *testing.T) {
	every, err := Parse("rate>=0,mean<=1h,min>=0s,max<=1h,p99<=1h,service-p99<=1h,errors<=0,error-ratio<=1,success>=0")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range every.Judge(&measure.Run{Duration: time.Second, Total: measure.NewTally()}) {
		if v.Met || v.Got != "no request" {
			t.Errorf("without a request: %s", v)
		}
	}

	unsent := &measure.Run{Duration: time.Second, Total: measure.NewTally()}
	unsent.Total.Add(&exchange.Outcome{Ended: time.Second, Failure: &exchange.Failure{Kind: exchange.Connect}})
	for _, v := range every.Judge(unsent) {
		latency := v.Objective.Metric.latency()
		if met := !latency && v.Objective.Metric.kind != errorCount; v.Met != met {
			t.Errorf("with a request that was not sent: %s", v)
		}
		if latency && v.Got != "no success" {
			t.Errorf("with a request that was not sent: %s", v)
		}
	}
}

// TestJudgeFailures: what fails, or has no answer in time, meets no latency.
func TestJudgeFailures(t *testing.T) {
	const timeout = time.Second
	run := func(n int, outcome func(i int) exchange.Outcome) *measure.Run {
		r := &measure.Run{Duration: time.Second, Total: measure.NewTally()}
		for i := range n {
			o := outcome(i)
			r.Total.Add(&o)
		}
		return r
	}
	slow := exchange.Outcome{Sent: 1, Ended: 100 * time.Millisecond, Status: 200}
	for _, tt := range []struct {
		why, objective string
		outcome        func(i int) exchange.Outcome
		met            bool
	}{
		{"all are refused at once", "p99<=1s", func(int) exchange.Outcome {
			return exchange.Outcome{Ended: time.Microsecond, Failure: &exchange.Failure{Kind: exchange.Connect}}
		}, false},
		{"all are 404, at once", "p99<=1s", func(int) exchange.Outcome {
			return exchange.Outcome{Sent: 1, Ended: time.Millisecond, Status: 404}
		}, false},
		{"half are 503 at once: the others are not faster for it", "p50<=50ms", func(i int) exchange.Outcome {
			if i%2 == 0 {
				return exchange.Outcome{Sent: 1, Ended: time.Millisecond, Status: 503}
			}
			return slow
		}, false},
		{"most were cut 18 ms after they were sent: that is no service time", "service-mean<=90ms", func(i int) exchange.Outcome {
			if i%10 > 2 {
				return exchange.Outcome{Sent: timeout - 18*time.Millisecond, Ended: timeout, Failure: &exchange.Failure{Kind: exchange.Timeout}}
			}
			return slow
		}, false},
		{"two in a hundred have no answer: the 99th percentile is at least the timeout", "p99<1s", func(i int) exchange.Outcome {
			if i%50 == 0 {
				return exchange.Outcome{Ended: timeout, Failure: exchange.NeverSent}
			}
			return slow
		}, false},
		{"one in a thousand has none", "p99<=110ms", func(i int) exchange.Outcome {
			if i == 7 {
				return exchange.Outcome{Ended: timeout, Failure: exchange.NeverSent}
			}
			return slow
		}, true},
	} {
		o, err := Parse(tt.objective)
		if err != nil {
			t.Fatal(err)
		}
		if v := o.aboutFailures(t).Judge(run(1000, tt.outcome))[0]; v.Met != tt.met {
			t.Errorf("%s: %v", tt.why, v)
		}
	}
}

func TestAllMet(t *testing.T) {
	for _, tt := range []struct {
		verdicts []Verdict
		want     bool
	}{
		{nil, true}, {[]Verdict{{Met: true}}, true}, {[]Verdict{{Met: true}, {}, {Met: true}}, false},
	} {
		if got := AllMet(tt.verdicts); got != tt.want {
			t.Errorf("AllMet(%v) = %v", tt.verdicts, got)
		}
	}
}
