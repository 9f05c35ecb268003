package report

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// pointsOf are points of a second with these largest latencies, in ms.
func pointsOf(largest ...int) []measure.Point {
	points := make([]measure.Point, len(largest))
	for i, ms := range largest {
		points[i] = measure.Point{
			Begin: time.Duration(i) * time.Second, Length: time.Second, Requests: 100, Max: time.Duration(ms) * time.Millisecond,
		}
	}
	return points
}

func TestThin(t *testing.T) {
	largest := func(p measure.Point) float64 { return float64(p.Max) }
	fewest := func(p measure.Point) float64 { return -float64(p.Requests) }

	few := pointsOf(3, 1, 2)
	if got := thin(few, 3, largest); !reflect.DeepEqual(got, few) {
		t.Errorf("of as many points as there may be %d are left", len(got))
	}
	var kept []time.Duration
	for _, p := range thin(pointsOf(1, 5, 2, 9, 3, 3), 3, largest) {
		kept = append(kept, p.Begin/time.Second)
	}
	if want := []time.Duration{1, 3, 4}; !slices.Equal(kept, want) {
		t.Errorf("of 1, 5, 2, 9, 3, 3 those at %d are kept, want %d", kept, want)
	}

	many := make([]int, 36_000)
	for i := range many {
		many[i] = 1 + i*7919%50
	}
	many[12_345] = 900
	points := pointsOf(many...)
	points[30_001].Requests = 0
	got := thin(points, maxPoints, largest, fewest)
	if len(got) > maxPoints || len(got) < maxPoints/2 {
		t.Errorf("%d points are left", len(got))
	}
	peak, pause := false, false
	for i, p := range got {
		if i > 0 && p.Begin <= got[i-1].Begin {
			t.Fatalf("%v comes after %v", p.Begin, got[i-1].Begin)
		}
		peak = peak || p.Max == 900*time.Millisecond && p.Begin == 12_345*time.Second
		pause = pause || p.Requests == 0
	}
	if !peak || !pause {
		t.Errorf("the peak is kept: %v, the pause: %v", peak, pause)
	}
}

func TestValue(t *testing.T) {
	got, err := json.Marshal([]value{0, 2.414999, 149998, 1e9, gap})
	if want := `[0,2.415,149998,1e+09,null]`; err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

// find is the chart with that id.
func find(t *testing.T, charts []chart, id string) *chart {
	t.Helper()
	for i := range charts {
		if charts[i].ID == id {
			return &charts[i]
		}
	}
	t.Fatalf("no chart %s", id)
	return nil
}

// line is a series of a chart.
func line(t *testing.T, c *chart, name string) []value {
	t.Helper()
	for _, s := range c.Series {
		if s.Name == name {
			if len(s.Y) != len(c.X) {
				t.Errorf("%s of %s has %d values for %d places", name, c.ID, len(s.Y), len(c.X))
			}
			return s.Y
		}
	}
	t.Fatalf("no line %s in %s", name, c.ID)
	return nil
}

func TestRunCharts(t *testing.T) {
	r := stalled()
	r.Points[10].Requests, r.Points[10].Failed, r.Points[10].Timed = 0, 0, 0
	objectives, verdicts := judged(t, r, "rate>=149k,mean<=3ms,p99<=10ms,service-p99.9<=1s,max<1h,errors<=0")
	charts := runCharts(r, objectives, verdicts)
	latency, rate, curve := find(t, charts, "latency"), find(t, charts, "rate"), find(t, charts, "percentiles")

	if got, want := line(t, latency, "max")[30], milliseconds(r.Points[30].Max); got != want || latency.X[30] != 30 {
		t.Errorf("the largest at %v is %v, want %v", latency.X[30], got, want)
	}
	if got := line(t, latency, "p99")[10]; !math.IsNaN(float64(got)) {
		t.Errorf("if nothing ended, p99 is %v", got)
	}
	if got := line(t, rate, "succeeded")[10]; got != 0 {
		t.Errorf("if nothing ended, the rate is %v", got)
	}
	if got := line(t, rate, "asked")[0]; got != 150_000 {
		t.Errorf("asked for %v", got)
	}
	for _, id := range []string{"errors", "statuses"} {
		if got := line(t, find(t, charts, id), "no response")[30]; got != 1680 {
			t.Errorf("%s: %v without a response in the second of the stall", id, got)
		}
		if got := line(t, find(t, charts, id), "5xx")[31]; got != 540 {
			t.Errorf("%s: %v statuses of 5xx in the second after the stall", id, got)
		}
	}
	if n := len(find(t, charts, "errors").Series); n != 2 {
		t.Errorf("%d classes of errors: what succeeded is none", n)
	}
	if n := len(find(t, charts, "statuses").Series); n != 3 {
		t.Errorf("%d classes of statuses", n)
	}
	if !latency.Log || !curve.Log {
		t.Error("2 and 500 ms are on a linear axis")
	}

	bounds := func(c *chart) (texts []string) {
		for _, b := range c.Bounds {
			texts = append(texts, b.Text+" "+b.State)
		}
		return texts
	}
	if got, want := bounds(latency), []string{"mean ≤ 3ms missed", "p99 ≤ 10ms met", "max < 1h met"}; !reflect.DeepEqual(got, want) {
		t.Errorf("the bounds of latencies are %q, want %q", got, want)
	}
	if got, want := bounds(rate), []string{"rate ≥ 149,000/s met"}; !reflect.DeepEqual(got, want) {
		t.Errorf("the bounds of the rate are %q, want %q", got, want)
	}
	if got, want := bounds(curve), []string{"p99 ≤ 10ms met", "service-p99.9 ≤ 1s met", "max < 1h met"}; !reflect.DeepEqual(got, want) {
		t.Errorf("the bounds of percentiles are %q, want %q", got, want)
	}
	if x := curve.Bounds[1].X; math.Abs(float64(x)-3) > 1e-9 || curve.Bounds[1].Y != 1000 {
		t.Errorf("p99.9 ≤ 1s is marked at %v, %v", x, curve.Bounds[1].Y)
	}
	if got := runCharts(r, objectives, nil)[0].Bounds[0].State; got != neutral {
		t.Errorf("without verdicts, a bound is %q", got)
	}
}

// TestRateChart: behind the end nothing is asked, and a span too short for a rate has
// none, nor a mean; both would draw a slope that there was not. Its largest latency is
// in the chart: it may be that of the run.
func TestRateChart(t *testing.T) {
	r := shortLast()
	long := *r
	long.Points = slices.Clone(r.Points)
	long.Points[2].Length = time.Second // the server took so long to answer the last
	for _, tt := range []struct {
		what                  string
		run                   *measure.Run
		asked, answered, mean string
	}{
		{"the last responses came at once", r, "[1000 1000 NaN]", "[1000 1000 NaN]", "[1 1 NaN]"},
		{"they came within a second", &long, "[1000 1000 NaN]", "[1000 1000 15]", "[1 1 3]"},
	} {
		c := find(t, runCharts(tt.run, nil, nil), "rate")
		if got := fmt.Sprint(line(t, c, "asked")); got != tt.asked {
			t.Errorf("%s: asked is %s, want %s", tt.what, got, tt.asked)
		}
		if got := fmt.Sprint(line(t, c, "succeeded")); got != tt.answered {
			t.Errorf("%s: succeeded is %s, want %s", tt.what, got, tt.answered)
		}
		latency := find(t, runCharts(tt.run, nil, nil), "latency")
		if got := fmt.Sprint(line(t, latency, "mean")); got != tt.mean {
			t.Errorf("%s: the mean is %s, want %s", tt.what, got, tt.mean)
		}
		if got := fmt.Sprint(line(t, latency, "max")); got != "[2 2 4]" {
			t.Errorf("%s: the largest is %s", tt.what, got)
		}
	}
}

// TestPercentileCurve compares the curve with the distribution.
func TestPercentileCurve(t *testing.T) {
	r := stalled()
	c := find(t, runCharts(r, nil, nil), "percentiles")
	last := len(c.X) - 1
	for i, x := range c.X {
		if i > 0 && x <= c.X[i-1] {
			t.Fatalf("%v comes after %v", x, c.X[i-1])
		}
	}
	if got, want := c.X[last], math.Log10(float64(r.Total.Latency().Count())); math.Abs(float64(got)-want) > 1e-6 {
		t.Errorf("the curve ends at %v, want %v", got, want)
	}
	for name, l := range map[string]*measure.Latency{"response": r.Total.Latency(), "service": r.Total.Service} {
		y := line(t, c, name)
		if y[0] != milliseconds(l.Min()) || y[last] != milliseconds(l.Max()) {
			t.Errorf("%s goes from %v to %v, want %v to %v", name, y[0], y[last], l.Min(), l.Max())
		}
		at99 := int(math.Round(2 / percentileStep))
		if got, want := y[at99], milliseconds(l.Quantile(0.99)); math.Abs(float64(got/want-1)) > 0.001 {
			t.Errorf("%s has %v at 99 %%, want %v", name, got, want)
		}
	}
}

// TestRunChartsLittle demands no chart without data, and one of a single
// request.
func TestRunChartsLittle(t *testing.T) {
	r := &measure.Run{Total: measure.NewTally()}
	if got := runCharts(r, nil, nil); len(got) != 0 {
		t.Errorf("%d charts of nothing", len(got))
	}
	r.Total.Success.Record(time.Millisecond)
	c := runCharts(r, nil, nil)[0]
	if len(c.X) != 1 || line(t, &c, "response")[0] != 1 {
		t.Errorf("the curve of one request is %+v", c)
	}
	if y := line(t, &c, "service")[0]; !math.IsNaN(float64(y)) {
		t.Errorf("a request that was not sent has the service time %v", y)
	}
}
