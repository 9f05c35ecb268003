package slo_test

import (
	"fmt"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

func Example() {
	objectives, err := slo.Parse("rate>=1k,mean<=3ms,p99<=10ms,errors<=0")
	if err != nil {
		fmt.Println(err)
		return
	}
	run := &measure.Run{Duration: time.Second, Asked: 1000, Total: measure.NewTally()}
	for i := range 1000 {
		due := time.Duration(i) * time.Millisecond
		run.Total.Add(&exchange.Outcome{
			Ticket: exchange.Ticket{Due: due}, Sent: due + 1, Ended: due + 2*time.Millisecond, Status: 200,
		})
	}
	fmt.Print(slo.Lines(objectives.Judge(run)))
	_, err = slo.Parse("p100<=1s")
	fmt.Println(err)
	// Output:
	// met    rate >= 1,000/s  got 1,000/s
	// met    mean <= 3ms      got 2.00ms
	// met    p99 <= 10ms      got 2.00ms
	// met    errors <= 0      got 0
	// objective "p100<=1s": "p100" is no metric: allowed are rate, answered, errors, error-ratio, success, and mean, min, max or a percentile such as p99.9, each also with service- before it
}
