package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

// chart is what report.js draws. Latencies are in milliseconds, rates per
// second, moments in seconds since the attack began.
type chart struct {
	ID      string `json:"id"`
	Title   string `json:"-"`
	Caption string `json:"-"`
	Label   string `json:"-"` // what it shows, for screen readers

	XUnit  string     `json:"x_unit"` // "time", "percentile", "rate" or "bar"
	YUnit  string     `json:"y_unit"` // "duration", "rate" or "count"
	Log    bool       `json:"log"`    // it is shown with a logarithmic axis at first
	X      []value    `json:"x"`
	Edges  []value    `json:"edges,omitempty"` // of bars: bar x is of the latencies from edge x to the next
	Stack  bool       `json:"stack,omitempty"` // each series stands on those behind it
	Series []series   `json:"series"`
	Bounds []boundary `json:"bounds"`
	Held   []bool     `json:"held,omitempty"` // for each x: the objectives were met
}

// series is a line of a chart. Style names its look in report.js and report.css.
type series struct {
	Name  string  `json:"name"`
	Style string  `json:"style"`
	Y     []value `json:"y"`
}

// boundary is a line across a chart: the bound of an objective, mostly.
type boundary struct {
	Text  string `json:"text"`
	Y     value  `json:"y"` // a gap: none across
	X     value  `json:"x"` // a gap: none upright; with Y, a mark where both meet
	State string `json:"state"`
}

// The states of a boundary.
const (
	met     = "met"
	missed  = "missed"
	neutral = "" // not judged
)

// value is a number of a chart; NaN, null in JSON, leaves a gap.
type value float64

// gap is no value.
var gap = value(math.NaN())

// MarshalJSON writes six digits: finer than a screen.
func (v value) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(v)) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(v), 'g', 6, 64), nil
}

func milliseconds(d time.Duration) value { return value(float64(d) / float64(time.Millisecond)) }

// wide reports whether latencies need a logarithmic axis to be distinguished.
func wide(low, high time.Duration) bool { return high > 10*low }

// runCharts are the charts of a run. Those over time are empty if there are
// no points.
func runCharts(r *measure.Run, objectives slo.Objectives, verdicts []slo.Verdict) []chart {
	var charts []chart
	if len(r.Points) > 0 {
		points := thin(r.Points, maxPoints,
			func(p measure.Point) float64 { return float64(p.Max) },
			func(p measure.Point) float64 { return float64(p.P99) },
			func(p measure.Point) float64 { return -float64(p.P50) },
			func(p measure.Point) float64 { return -p.Rate() },
			func(p measure.Point) float64 { return failedRate(p) })
		latency, rate := latencyChart(r, points), rateChart(r, points)
		statuses, errors := statusChart(r, points), errorChart(r, points)
		latency.Bounds = latencyBounds(objectives, verdicts, false)
		rate.Bounds = rateBounds(objectives, verdicts)
		if n := len(r.Points); n > len(points) {
			kept := fmt.Sprintf(" Of %s points the extremes are shown.", human.Count(uint64(n)))
			for _, c := range []*chart{&latency, &rate, &statuses, &errors} {
				c.Caption += kept
			}
		}
		charts = append(charts, latency, rate)
		if len(statuses.Series) > 1 {
			charts = append(charts, statuses)
		}
		if r.Total.Unsuccessful() > 0 {
			charts = append(charts, errors)
		}
	}
	if r.Total.Latency().Count() > 0 {
		c := percentileChart(r)
		c.Bounds = latencyBounds(objectives, verdicts, true)
		charts = append(charts, c, histogramChart(r))
	}
	return charts
}

func failedRate(p measure.Point) float64 {
	if p.Length <= 0 {
		return 0
	}
	return float64(p.Failed) / p.Length.Seconds()
}

// over makes the values of a line from points.
func over(points []measure.Point, of func(measure.Point) value) []value {
	all := make([]value, len(points))
	for i, p := range points {
		all[i] = of(p)
	}
	return all
}

// latencies are the values of a line of latencies. Spans in which nothing ended are
// gaps, and so are those that are too short: the few that came last are late by what
// they are.
func latencies(points []measure.Point, of func(measure.Point) time.Duration) []value {
	return over(points, func(p measure.Point) value {
		if p.Timed == 0 || p.Brief() {
			return gap
		}
		return milliseconds(of(p))
	})
}

// largest are the values of the line of the largest latencies, of every span.
func largest(points []measure.Point) []value {
	return over(points, func(p measure.Point) value {
		if p.Timed == 0 {
			return gap
		}
		return milliseconds(p.Max)
	})
}

func begins(points []measure.Point) []value {
	return over(points, func(p measure.Point) value { return value(p.Begin.Seconds()) })
}

func latencyChart(r *measure.Run, points []measure.Point) chart {
	response := r.Total.Latency()
	return chart{
		ID:      "latency",
		Title:   "Response time",
		Caption: "From the moment a request was due, of those that succeeded in each span, or had no answer in time.",
		Label: fmt.Sprintf("Response times over %s: mean %s, p99 %s, largest %s.",
			human.Duration(r.Duration), human.Duration(response.Mean()), human.Duration(response.Quantile(0.99)), human.Duration(response.Max())),
		XUnit: "time",
		YUnit: "duration",
		Log:   wide(response.Quantile(0.5), response.Max()),
		X:     begins(points),
		Series: []series{
			{"max", "max", largest(points)},
			{"p99.9", "p999", latencies(points, func(p measure.Point) time.Duration { return p.P999 })},
			{"p99", "p99", latencies(points, func(p measure.Point) time.Duration { return p.P99 })},
			{"mean", "mean", latencies(points, func(p measure.Point) time.Duration { return p.Mean })},
			{"p50", "p50", latencies(points, func(p measure.Point) time.Duration { return p.P50 })},
		},
	}
}

func rateChart(r *measure.Run, points []measure.Point) chart {
	c := chart{
		ID:      "rate",
		Title:   "Rate",
		Caption: "Requests per second, by the moment of their answer.",
		Label: fmt.Sprintf("Rate over %s: %s succeeded, %s without success.",
			human.Duration(r.Duration), human.Rate(r.Reached()), human.Count(r.Total.Unsuccessful())),
		XUnit: "time",
		YUnit: "rate",
		X:     begins(points),
	}
	if r.Asked > 0 {
		c.Series = append(c.Series, series{"asked", "asked", over(points, func(p measure.Point) value {
			if p.Drain { // nothing was asked any more
				return gap
			}
			return value(p.Asked)
		})})
	}
	if r.Total.Ends[exchange.Declined] > 0 {
		c.Series = append(c.Series, series{"answered", "answered", rates(points, func(p measure.Point) float64 {
			return float64(p.Answered) / p.Length.Seconds()
		})})
	}
	c.Series = append(c.Series, series{"succeeded", "reached", rates(points, measure.Point.Rate)})
	return c
}

// rates are the values of a line of rates: spans that are too short to have one
// are gaps.
func rates(points []measure.Point, of func(measure.Point) float64) []value {
	return over(points, func(p measure.Point) value {
		if p.Brief() || p.Length <= 0 {
			return gap
		}
		return value(of(p))
	})
}

// percentileStep is the distance of the curve's values on its axis, on which
// every step of 1 is another nine: 50 for each.
const percentileStep = 0.02

func percentileChart(r *measure.Run) chart {
	response, service := r.Total.Latency(), r.Total.Service
	c := chart{
		ID:      "percentiles",
		Title:   "Percentiles",
		Caption: "Response times run from the moment a request was due, service times from when it was sent: what is between them is waiting.",
		Label: fmt.Sprintf("Percentiles of response and service times. Response: p50 %s, p99 %s, p99.9 %s. Service: p50 %s, p99 %s, p99.9 %s.",
			human.Duration(response.Quantile(0.5)), human.Duration(response.Quantile(0.99)), human.Duration(response.Quantile(0.999)),
			human.Duration(service.Quantile(0.5)), human.Duration(service.Quantile(0.99)), human.Duration(service.Quantile(0.999))),
		XUnit:  "percentile",
		YUnit:  "duration",
		Log:    wide(response.Quantile(0.5), response.Max()),
		Series: []series{{Name: "response", Style: "p99"}, {Name: "service", Style: "p50"}},
	}
	last := nines(1 - 1/float64(response.Count())) // beyond, there is one request
	for step := 0; ; step++ {
		x := min(float64(step)*percentileStep, last)
		q := 1 - math.Pow(10, -x)
		if x == last {
			q = 1
		}
		c.X = append(c.X, value(x))
		c.Series[0].Y = append(c.Series[0].Y, milliseconds(response.Quantile(q)))
		y := gap
		if service.Count() > 0 {
			y = milliseconds(service.Quantile(q))
		}
		c.Series[1].Y = append(c.Series[1].Y, y)
		if x == last {
			return c
		}
	}
}

// nines is where a quantile below 1 stands on the axis: 0.9 at 1, 0.99 at 2.
func nines(q float64) float64 { return -math.Log10(1 - q) }

// latencyBounds are the objectives about latencies: of response times alone, or
// on the axis of percentiles all but the mean of these, which has no place on it.
func latencyBounds(objectives slo.Objectives, verdicts []slo.Verdict, percentiles bool) []boundary {
	bounds := []boundary{}
	for _, l := range objectives.Latencies() {
		mean := l.Quantile == 0
		if percentiles && mean && !l.Service || l.Service && !percentiles {
			continue
		}
		b := boundary{Text: sign(l.Objective), Y: milliseconds(l.Bound), X: gap, State: state(l.Objective, verdicts)}
		if percentiles && l.Quantile > 0 && l.Quantile < 1 {
			b.X = value(nines(l.Quantile))
		}
		bounds = append(bounds, b)
	}
	return bounds
}

func rateBounds(objectives slo.Objectives, verdicts []slo.Verdict) []boundary {
	bounds := []boundary{}
	for _, r := range objectives.Rates() {
		bounds = append(bounds, boundary{Text: sign(r.Objective), Y: value(r.Bound), X: gap, State: state(r.Objective, verdicts)})
	}
	return bounds
}

// sign writes an objective with the signs of mathematics.
func sign(o slo.Objective) string {
	return strings.NewReplacer("<=", "≤", ">=", "≥").Replace(o.Human())
}

// state is what the verdict on an objective says.
func state(o slo.Objective, verdicts []slo.Verdict) string {
	for _, v := range verdicts {
		switch {
		case v.Objective != o:
		case v.Met:
			return met
		default:
			return missed
		}
	}
	return neutral
}
