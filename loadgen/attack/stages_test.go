package attack

import (
	"math"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// TestStagesAreExact: how many are due is the area under the lines, whatever the
// rates, and no request is before or behind its stage.
func TestStagesAreExact(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stages Stages
		want   []uint64 // in all at the end of each stage
	}{
		{"up, level, down", stagesOf(0, "10s:1000", "60s:1000", "10s:0"), []uint64{5000, 65_000, 70_000}},
		{"as k6's users write it", stagesOf(0, "10s:1000", "1m:5000", "10s:0"), []uint64{5000, 185_000, 210_000}},
		{"from a rate", stagesOf(500, "10s:1000"), []uint64{7500}},
		{"jumps", stagesOf(0, "0s:1000", "3s:1000", "0s:10", "2s:10"), []uint64{0, 3000, 3000, 3020}},
		{"a half request is whole", stagesOf(0, "1s:1", "1s:0"), []uint64{1, 1}},
		{"a pause", stagesOf(10, "1s:10", "0s:0", "1h:0", "0s:10", "1s:10"), []uint64{10, 10, 10, 10, 20}},
		{"hours of a high rate", stagesOf(0, "1h:1000000", "10h:1000000", "1h:0"), []uint64{1.8e9, 37.8e9, 39.6e9}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := NewSchedule(tt.stages)
			if err != nil {
				t.Fatal(err)
			}
			end := time.Duration(0)
			for i, stage := range tt.stages.Stages {
				end += stage.Time
				if got := s.Hits(end); got != tt.want[i] {
					t.Errorf("%d requests until stage %d ends, want %d", got, i+1, tt.want[i])
				}
				if tt.want[i] > 0 {
					if due := s.Due(tt.want[i] - 1); due >= end {
						t.Errorf("the last request of stage %d is due at %v, after it", i+1, due)
					}
				}
				if due := s.Due(tt.want[i]); due < end-time.Microsecond {
					t.Errorf("the first request behind stage %d is due at %v, within it", i+1, due)
				}
			}
			last := tt.want[len(tt.want)-1]
			if got := s.Hits(time.Duration(math.MaxInt64)); got != last {
				t.Errorf("%d requests in all, want %d", got, last)
			}
			if due := s.Due(last); due != never {
				t.Errorf("request %d is due at %v: the stages are over", last, due)
			}
			if got := tt.stages.Duration(); got != end {
				t.Errorf("they take %v, want %v", got, end)
			}
		})
	}
}

// TestStagesRate: the rate is on the line at each moment, behind a jump at its
// moment, and 0 outside.
func TestStagesRate(t *testing.T) {
	s := stagesOf(100, "10s:200", "0s:1000", "10s:0")
	for d, want := range map[time.Duration]float64{
		-1: 0, 0: 100, 5 * time.Second: 150, 10 * time.Second: 1000, 15 * time.Second: 500, 20 * time.Second: 0, time.Hour: 0,
	} {
		if got := s.Rate(d); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v/s at %v, want %v/s", got, d, want)
		}
	}
	if got := s.Highest(); got != 1000 {
		t.Errorf("the highest rate is %v/s, want 1000/s", got)
	}
	if got := stagesOf(0, "0s:7", "1s:7").Rate(0); got != 7 {
		t.Errorf("%v/s at first, want that behind the jump, 7/s", got)
	}
	if wait, stop := s.Pace(4*time.Second, 1500); wait != 6*time.Second || stop {
		t.Errorf("after 4s and 1500 requests: %v, %v; want 6s more", wait, stop)
	}
	if _, stop := s.Pace(time.Second, 6500); !stop {
		t.Error("request 6500 of 0 to 6499 is waited for")
	}
}

// TestStagesAreShared: the connections' shares of the requests are all of them,
// none twice, beside a warm-up at the first rate.
func TestStagesAreShared(t *testing.T) {
	stages := stagesOf(400, "500ms:800", "250ms:0", "250ms:0", "0s:500", "200ms:500")
	cfg := Config{
		Targets: []vegeta.Target{{Method: "GET", URL: "http://192.0.2.1/"}},
		Pacer:   stages, Duration: stages.Duration(), Warmup: 100 * time.Millisecond,
		Connections: 7, Streams: 3, Timeout: time.Second,
	}
	planned, err := Planned(cfg, 0)
	if err != nil {
		t.Fatal(err)
	}
	if planned.Scheduled != 500 || planned.Duration != 1200*time.Millisecond {
		t.Errorf("%d requests in %v, want 300 + 100 + 100 in 1.2s", planned.Scheduled, planned.Duration)
	}
	sum := uint64(0)
	for first := range cfg.Connections {
		share := cfg
		share.First, share.Count = first, 1
		one, err := Planned(share, 0)
		if err != nil {
			t.Fatal(err)
		}
		sum += one.Scheduled
	}
	if sum != planned.Scheduled {
		t.Errorf("the connections have %d requests, all together %d", sum, planned.Scheduled)
	}
	cfg.Pacer = stagesOf(0, "1s:10")
	if err := cfg.Check(); err == nil {
		t.Error("a warm-up at no rate passes")
	}
}
