package metrics_test

import (
	"fmt"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// Color is a label's value: an index into the label's Values.
type Color uint8

const (
	Red Color = iota
	Green
)

// A set of instruments of one's own: each goroutine that counts takes a stripe
// once, and every series is there from the beginning.
func Example() {
	set := metrics.NewSet(4)
	lamps := metrics.NewCounterVec[Color](set, "lamps_total", "Lamps made.", metrics.Label{Name: "color", Values: []string{"red", "green"}})
	lit := metrics.NewGauge(set, "lamps_lit", "Lamps that are lit.")

	stripe := set.Stripe() // for the life of a connection, say
	lamps.Add(stripe, Green, 3)
	lit.Add(stripe, 2)
	lit.Add(set.Stripe(), -1) // what one raised another may lower
	fmt.Println(lamps.Value(Red), "red,", lamps.Value(Green), "green,", lit.Value(), "lit")

	families, err := metrics.NewRegistry(set).Gather() // as a scrape does
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		if f.GetName() != "lamps_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			fmt.Printf("%s{color=%q} %g\n", f.GetName(), m.GetLabel()[0].GetValue(), m.GetCounter().GetValue())
		}
	}

	// Output:
	// 0 red, 3 green, 1 lit
	// lamps_total{color="green"} 3
	// lamps_total{color="red"} 0
}

// What was counted between two moments, without a scrape.
func ExampleDistribution() {
	set := metrics.NewSet(1)
	bounds := []time.Duration{time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond}
	waits := metrics.NewHistogramVec[Color](set, "waits_seconds", "Waits.", metrics.Label{Name: "color", Values: []string{"red", "green"}}, bounds)

	stripe := set.Stripe()
	waits.ObserveN(stripe, Red, time.Second, 1)
	earlier := waits.Distribution()
	waits.ObserveN(stripe, Red, 500*time.Microsecond, 50)
	waits.ObserveN(stripe, Green, 3*time.Millisecond, 50)

	d := waits.Distribution().Since(earlier)
	fmt.Printf("%d waits, mean %.2f ms, 75 %% within %.0f ms\n", d.Count(), 1000*d.Mean(), 1000*d.Quantile(0.75))
	fmt.Println("in each bucket, the last without a bound:", d.Counts)

	// Output:
	// 100 waits, mean 1.75 ms, 75 % within 3 ms
	// in each bucket, the last without a bound: [50 0 50 0]
}

// All of the server's instruments, on a registry that is not the global one.
func ExampleNewRegistry() {
	m := metrics.NewHotpath(metrics.Options{Stripes: 1})
	registry := metrics.NewRegistry(m)

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		switch f.GetName() {
		case "hotpath_requests_total", "go_goroutines":
			fmt.Println(f.GetName(), "from the start:", len(f.GetMetric()) > 0)
		}
	}

	// Output:
	// go_goroutines from the start: true
	// hotpath_requests_total from the start: true
}
