package main

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
)

func TestStagesFlag(t *testing.T) {
	var s stages
	if err := s.Set("10s:1k, 1m:300/1m,0s:0"); err != nil {
		t.Fatal(err)
	}
	want := []attack.Stage{
		{Time: 10 * time.Second, Rate: vegeta.Rate{Freq: 1000, Per: time.Second}},
		{Time: time.Minute, Rate: vegeta.Rate{Freq: 300, Per: time.Minute}},
		{Rate: vegeta.Rate{Per: time.Second}},
	}
	if len(s) != len(want) || s[0] != want[0] || s[1] != want[1] || s[2] != want[2] {
		t.Errorf("%+v, want %+v", s, want)
	}
	if got := s.String(); got != "10s:1000,1m0s:300/1m0s,0s:0" {
		t.Errorf("written %q", got)
	}
	o := options{rate: rate{50, time.Second}, stages: s}
	if got, want := o.pace(), "from 50/s, in 10s to 1,000/s, in 1m to 5/s, at once to 0/s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	o.stages = append(append(s, s...), s...)
	if got, want := o.pace(), " and 3 stages more"; !strings.HasSuffix(got, want) {
		t.Errorf("%q does not end in %q", got, want)
	}
}

// TestStages: each request of the stages is sent once, and the report's line of
// what was asked for follows them, at their mean rate.
func TestStages(t *testing.T) {
	url, cacert, requests := server(t)
	code, out, stderr := call(t, context.Background(), "", "-target", url, "-cacert", cacert, "-json", "-warmup", "100ms",
		"-rate", "100", "-stages", "1s:500,0s:50,1s:50")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var got struct {
		Scheduled uint64
		Asked     float64 `json:"asked_rate"`
		Pace      string
		Points    []struct {
			Asked float64 `json:"asked_rate"`
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if n := requests.Load(); n != 350+10 || got.Scheduled != 350 || math.Abs(got.Asked-175) > 1e-6 {
		t.Errorf("the server has %d requests, scheduled were %d, asked for %v/s; want 350 and 10 of the warm-up, 350, 175/s", n, got.Scheduled, got.Asked)
	}
	if len(got.Points) < 2 || math.Abs(got.Points[0].Asked-300) > 100 || math.Abs(got.Points[1].Asked-50) > 40 { // a busy machine's seconds are not whole
		t.Errorf("the seconds asked for %+v, want about 300/s and 50/s", got.Points)
	}
	if want := "from 100/s, in 1s to 500/s, at once to 50/s, in 1s to 50/s"; !strings.Contains(out, want) {
		t.Errorf("no %q in %s", want, out)
	}
}
