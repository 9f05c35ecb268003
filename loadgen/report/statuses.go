package report

import (
	"fmt"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// classes are what a request comes to, from the top of a chart to its bottom. They
// are always in this order, so that colour is not all that distinguishes them.
var classes = []struct {
	name, style string
	class       int // see measure.Code
	failure     bool
}{
	{"no response", "failed", 0, true},
	{"5xx", "5xx", 5, true},
	{"4xx", "4xx", 4, true},
	{"3xx", "3xx", 3, false},
	{"2xx", "2xx", 2, false},
}

// statusSeries are the classes that there are in a run, per second.
func statusSeries(points []measure.Point, failures bool) []series {
	var all []series
	for _, c := range classes {
		if failures && !c.failure {
			continue
		}
		any := false
		y := rates(points, func(p measure.Point) float64 {
			n := uint64(0)
			for _, code := range p.Codes {
				if code.Class() == c.class {
					n += code.Requests
				}
			}
			any = any || n > 0
			return float64(n) / p.Length.Seconds()
		})
		if any {
			all = append(all, series{c.name, c.style, y})
		}
	}
	return all
}

func statusChart(r *measure.Run, points []measure.Point) chart {
	return chart{
		ID:      "statuses",
		Title:   "Statuses",
		Caption: "What requests came to, per second, by the moment of their end.",
		Label:   fmt.Sprintf("Statuses over %s: %s of %s requests were answered.", human.Duration(r.Duration), human.Count(r.Total.Answered()), human.Count(r.Total.Requests())),
		XUnit:   "time",
		YUnit:   "rate",
		X:       begins(points),
		Series:  statusSeries(points, false),
		Stack:   true,
		Bounds:  []boundary{},
	}
}

// errorChart has a scale of its own, and so is a chart of its own: on the scale of
// the rate a percent is a line's width.
func errorChart(r *measure.Run, points []measure.Point) chart {
	return chart{
		ID:      "errors",
		Title:   "Errors",
		Caption: "Requests without success, per second.",
		Label:   fmt.Sprintf("Errors over %s: %s of %s requests.", human.Duration(r.Duration), human.Count(r.Total.Unsuccessful()), human.Count(r.Total.Requests())),
		XUnit:   "time",
		YUnit:   "rate",
		X:       begins(points),
		Series:  statusSeries(points, true),
		Stack:   true,
		Bounds:  []boundary{},
	}
}
