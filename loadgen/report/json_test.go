package report

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/compare"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// decode reads what write wrote, strictly one line.
func decode(t *testing.T, v any, write func(io.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b.Bytes(), []byte("\n")); n != 1 {
		t.Errorf("%d lines, want one", n)
	}
	if err := json.Unmarshal(b.Bytes(), v); err != nil {
		t.Fatalf("%v in\n%s", err, b.Bytes())
	}
}

// TestJSONIsVegetas gives the same requests to vegeta and compares what its
// type reads from our report with what it made of them itself.
func TestJSONIsVegetas(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(3, 4))
	var want vegeta.Metrics
	r := &measure.Run{Begin: begin, Total: measure.NewTally()}
	for i := range 2000 {
		o := answered(time.Duration(i)*time.Millisecond, random)
		o.BytesOut, o.BytesIn = 10, int64(i)
		result := vegeta.Result{Code: 200}
		switch i % 100 {
		case 7:
			o.Status = 404
			result.Code, result.Error = 404, "404 Not Found"
		case 8:
			o.Status, o.Failure = 0, &exchange.Failure{Kind: exchange.Timeout}
			result.Code, result.Error = 0, "timeout"
		}
		result.Timestamp, result.Latency = begin.Add(o.Due), o.Latency()
		result.BytesIn, result.BytesOut = uint64(o.BytesIn), uint64(o.BytesOut)
		r.Total.Add(&o)
		r.Duration = o.Due // vegeta's attack ends with the last request
		want.Add(&result)
	}
	want.Close()

	var got vegeta.Metrics
	decode(t, &got, func(w io.Writer) error { return JSON(w, r, nil) })
	for _, q := range []struct {
		name      string
		got, want *time.Duration
	}{
		{"50th", &got.Latencies.P50, &want.Latencies.P50},
		{"90th", &got.Latencies.P90, &want.Latencies.P90},
		{"95th", &got.Latencies.P95, &want.Latencies.P95},
		{"99th", &got.Latencies.P99, &want.Latencies.P99},
	} {
		if off := math.Abs(float64(*q.got)/float64(*q.want) - 1); off > 0.02 { // vegeta's are estimates
			t.Errorf("%s is %v, vegeta's %v", q.name, *q.got, *q.want)
		}
		*q.want = *q.got
	}
	// What Metrics keeps beside the report is not compared.
	theirs, err := json.Marshal(&want)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := json.Marshal(&got)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ours, theirs) {
		t.Errorf("ours as vegeta reads it:\n%s\nvegeta's own:\n%s", ours, theirs)
	}
}

// TestJSON compares our own keys with what is in the run.
func TestJSON(t *testing.T) {
	r := stalled()
	r.Name, r.Targets, r.Agents, r.Interrupted = "stall", 3, 2, true
	_, verdicts := judged(t, r, "p99<=10ms,errors<=0")
	var got map[string]any
	decode(t, &got, func(w io.Writer) error { return JSON(w, r, verdicts) })

	ns := func(d time.Duration) float64 { return float64(d) }
	response, service := r.Total.Response(), r.Total.Service
	succeeded, late, judgedTimes := got["succeeded_latencies"].(map[string]any), got["late_latencies"].(map[string]any), got["judged_latencies"].(map[string]any)
	latencies, services := got["latencies"].(map[string]any), got["service"].(map[string]any)
	points := got["points"].([]any)
	at30 := points[30].(map[string]any)
	var sentences []any
	for _, n := range notes(r) {
		sentences = append(sentences, n)
	}
	for _, tt := range []struct {
		key       string
		got, want any
	}{
		{"notes", got["notes"], sentences},
		{"latencies.99.9th", latencies["99.9th"], ns(response.Quantile(0.999))},
		{"latencies.99.99th", latencies["99.99th"], ns(response.Quantile(0.9999))},
		{"service.mean", services["mean"], ns(service.Mean())},
		{"service.max", services["max"], ns(service.Max())},
		{"service.99.9th", services["99.9th"], ns(service.Quantile(0.999))},
		{"succeeded_latencies.99th", succeeded["99th"], ns(r.Total.Success.Quantile(0.99))},
		{"late_latencies.min", late["min"], ns(r.Total.Late.Min())},
		{"judged_latencies.99th", judgedTimes["99th"], ns(r.Total.Latency().Quantile(0.99))},
		{"ends", got["ends"], map[string]any{"succeeded": 8_996_700.0, "declined": 1620.0, "broken": 1080.0, "cut": 600.0}},
		{"answered", got["answered"], 8_998_320.0},
		{"answered_rate", got["answered_rate"], r.Answered()},
		{"name", got["name"], "stall"},
		{"target", got["target"], r.Target},
		{"targets", got["targets"], 3.0},
		{"protocol", got["protocol"], "h2"},
		{"pace", got["pace"], "150,000/s"},
		{"asked_rate", got["asked_rate"], 150_000.0},
		{"connections", got["connections"], 8.0},
		{"streams", got["streams"], 32.0},
		{"agents", got["agents"], 2.0},
		{"timeout", got["timeout"], ns(30 * time.Second)},
		{"scheduled", got["scheduled"], 9e6},
		{"warmup_requests", got["warmup_requests"], 750_000.0},
		{"retries", got["retries"], 312.0},
		{"interrupted", got["interrupted"], true},
		{"failures", got["failures"], map[string]any{"reset": 1080.0, "timeout": 600.0}},
		{"error_counts", got["error_counts"], map[string]any{"503 Service Unavailable": 1620.0, "reset: REFUSED_STREAM": 1080.0, "timeout": 600.0}},
		{"slo", got["slo"], []any{
			map[string]any{"objective": "p99<=10ms", "got": "5.80ms", "met": true},
			map[string]any{"objective": "errors<=0", "got": "3,300", "met": false},
		}},
		{"points", len(points), 60},
		{"points[30].begin", at30["begin"], 30e9},
		{"points[30].length", at30["length"], 1e9},
		{"points[30].asked_rate", at30["asked_rate"], 150_000.0},
		{"points[30].rate", at30["rate"], r.Points[30].Rate()},
		{"points[30].failed", at30["failed"], 1680.0},
		{"points[30].in_flight", at30["in_flight"], 40.0},
		{"points[30].99.9th", at30["99.9th"], ns(r.Points[30].P999)},
		{"points[30].max", at30["max"], ns(r.Points[30].Max)},
		{"points[30].service_99th", at30["service_99th"], ns(r.Points[30].ServiceP99)},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s is %v, want %v", tt.key, tt.got, tt.want)
		}
	}
}

// TestJSONNothing demands lists and objects, not null, if there is nothing.
func TestJSONNothing(t *testing.T) {
	var got map[string]any
	decode(t, &got, func(w io.Writer) error { return JSON(w, &measure.Run{Total: measure.NewTally()}, nil) })
	for key, v := range got {
		if v == nil {
			t.Errorf("%s is null", key)
		}
	}
}

// TestJSONNoSample: a latency of ours without a sample is null, so that none is taken
// for the best that there is; vegeta's keys stay numbers.
func TestJSONNoSample(t *testing.T) {
	r := refused()
	var got struct {
		Latencies map[string]any
		Judged    map[string]any `json:"judged_latencies"`
		Failed    map[string]any `json:"failed_latencies"`
		Service   map[string]any
		Points    []map[string]any
	}
	decode(t, &got, func(w io.Writer) error { return JSON(w, r, nil) })
	for _, tt := range []struct {
		why       string
		got, want any
	}{
		{"no answer was whole", got.Service["mean"], nil},
		{"so none was the shortest", got.Service["min"], nil},
		{"a sum of nothing is nothing", got.Service["total"], 0.0},
		{"nothing succeeded, or was waited for", got.Judged["99.9th"], nil},
		{"what failed took its time", got.Failed["max"], 77e6},
		{"vegeta has failures in its own", got.Latencies["mean"], 77e6},
		{"a second without a success", got.Points[0]["99th"], nil},
		{"a second without an answer", got.Points[0]["service_mean"], nil},
		{"its counts are there", got.Points[0]["failed"], 50.0},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.why, tt.got, tt.want)
		}
	}

	empty := &measure.Run{Total: measure.NewTally()}
	decode(t, &got, func(w io.Writer) error { return JSON(w, empty, nil) })
	if got.Latencies["mean"] != 0.0 || got.Latencies["50th"] != 0.0 || got.Latencies["99.9th"] != nil {
		t.Errorf("of no request vegeta's keys are numbers, and ours null: %v", got.Latencies)
	}
	var theirs vegeta.Metrics
	decode(t, &theirs, func(w io.Writer) error { return JSON(w, empty, nil) })
	var b bytes.Buffer
	if err := JSON(&b, r, nil); err != nil {
		t.Fatal(err)
	}
	run, err := compare.Read(&b)
	if err != nil || run.Service.Mean != 0 || run.Points[0].Mean != 0 {
		t.Errorf("compare reads null as no latency: %+v, %v", run, err)
	}
}
