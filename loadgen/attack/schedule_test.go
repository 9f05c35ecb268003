package attack

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

var schedules = []struct {
	name  string
	pacer vegeta.Pacer
	upTo  time.Duration
}{
	{"constant", vegeta.ConstantPacer{Freq: 1000, Per: time.Second}, 10 * time.Second},
	{"constant, no whole interval", vegeta.ConstantPacer{Freq: 150_000, Per: time.Second}, time.Second},
	{"constant, slow", vegeta.ConstantPacer{Freq: 7, Per: time.Minute}, time.Hour},
	{"linear", vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: 100, Per: time.Second}, Slope: 50}, 10 * time.Second},
	{"linear, falling", vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: 1000, Per: time.Second}, Slope: -90}, 10 * time.Second},
	{"linear, level", vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: 100, Per: time.Second}}, 10 * time.Second},
	{"sine", vegeta.SinePacer{Period: 4 * time.Second, Mean: vegeta.Rate{Freq: 1000, Per: time.Second}, Amp: vegeta.Rate{Freq: 900, Per: time.Second}}, 10 * time.Second},
	{"sine from the trough", vegeta.SinePacer{Period: time.Second, Mean: vegeta.Rate{Freq: 1000, Per: time.Second}, Amp: vegeta.Rate{Freq: 999, Per: time.Second}, StartAt: vegeta.Trough}, 3 * time.Second},
	{"stages from nothing to nothing", stagesOf(0, "2s:1000", "3s:1000", "5s:0"), 10 * time.Second},
	{"stages with a pause", stagesOf(100, "1s:333", "2s:0", "2s:0", "2s:77", "3s:2000"), 10 * time.Second},
}

// stagesOf are stages "TIME:RATE", from a rate on.
func stagesOf(start int, texts ...string) (s Stages) {
	s.Start = vegeta.Rate{Freq: start, Per: time.Second}
	for _, text := range texts {
		before, after, _ := strings.Cut(text, ":")
		d, err := time.ParseDuration(before)
		if err != nil {
			panic(err)
		}
		freq, err := strconv.Atoi(after)
		if err != nil {
			panic(err)
		}
		s.Stages = append(s.Stages, Stage{d, vegeta.Rate{Freq: freq, Per: time.Second}})
	}
	return s
}

// TestScheduleIsThePacers: when request n is due, vegeta's pacer has had a rate
// whose integral is n.
func TestScheduleIsThePacers(t *testing.T) {
	for _, tt := range schedules {
		t.Run(tt.name, func(t *testing.T) {
			s, err := NewSchedule(tt.pacer)
			if err != nil {
				t.Fatal(err)
			}
			const steps = 20_000
			step := tt.upTo / steps
			hits := 0.0
			for i := range steps {
				at := step * time.Duration(i)
				if n := math.Floor(hits); i%100 == 0 && math.Abs(s.Rate(at)-tt.pacer.Rate(at)) > 1e-6*s.Rate(at) {
					t.Fatalf("%v/s after %v requests, the pacer says %v/s", s.Rate(at), n, tt.pacer.Rate(at))
				}
				next := hits + (tt.pacer.Rate(at)+4*tt.pacer.Rate(at+step/2)+tt.pacer.Rate(at+step))/6*step.Seconds()
				if n := math.Ceil(hits + 1e-3); n < next-1e-3 { // request n is due within this step
					if due := s.Due(uint64(n)); due < at-time.Microsecond || due > at+step+time.Microsecond {
						t.Fatalf("request %v is due at %v, by the pacer between %v and %v", n, due, at, at+step)
					}
				}
				hits = next
			}
			if got := float64(s.Hits(tt.upTo)); math.Abs(got-hits) > 1.01 {
				t.Errorf("%v requests in %v, by the pacer %v", got, tt.upTo, hits)
			}
		})
	}
}

// TestScheduleHits: Hits and Due are inverse to each other.
func TestScheduleHits(t *testing.T) {
	for _, tt := range schedules {
		t.Run(tt.name, func(t *testing.T) {
			s, err := NewSchedule(tt.pacer)
			if err != nil {
				t.Fatal(err)
			}
			if due := s.Due(0); due != 0 {
				t.Errorf("the first request is due at %v", due)
			}
			count := s.Hits(tt.upTo)
			last := time.Duration(-1)
			for n := range min(count, 20_000) {
				due := s.Due(n)
				if due <= last {
					t.Fatalf("request %d is due at %v, the one before at %v", n, due, last)
				}
				last = due
				// Five millionths of a request are more than rounding costs.
				slack := max(seconds(5e-6/s.Rate(due)), 5)
				if before, after := s.Hits(due-slack), s.Hits(due+slack); before > n || after < n+1 {
					t.Fatalf("request %d is due at %v, but %d are due before and %d after that", n, due, before, after)
				}
			}
			if due := s.Due(count); due < tt.upTo-time.Microsecond {
				t.Errorf("%d requests are due before %v, but one more is at %v", count, tt.upTo, due)
			}
		})
	}
}

// TestConstantIsExact: whatever the rate and however long, the count is that of
// arithmetic.
func TestConstantIsExact(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, freq := range []int{1, 3, 7, 150_000, 999_983, 12_345_678} {
		s := constant{uint64(freq), uint64(time.Second)}
		want := uint64(freq) * uint64(year/time.Second)
		if got := s.Hits(year); got != want {
			t.Errorf("%d/s: %d requests in a year, want %d", freq, got, want)
		}
		if got := s.Due(want); got != year {
			t.Errorf("%d/s: request %d is due at %v", freq, want, got)
		}
	}
	if due := (constant{1, uint64(time.Hour)}).Due(math.MaxUint64); due != never {
		t.Errorf("a request in %v", due)
	}
}

func TestFallingRateEnds(t *testing.T) {
	s, err := NewSchedule(vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: 100, Per: time.Second}, Slope: -10})
	if err != nil {
		t.Fatal(err)
	}
	// 100/s that lose 10 each second are 500 requests in 10 s.
	if got := s.Hits(time.Hour); got != 500 {
		t.Errorf("%d requests, want 500", got)
	}
	if due := s.Due(501); due != never {
		t.Errorf("request 501 is due at %v", due)
	}
}

func TestScheduleRefuses(t *testing.T) {
	rate := vegeta.Rate{Freq: 10, Per: time.Second}
	for _, p := range []vegeta.Pacer{
		vegeta.ConstantPacer{},
		vegeta.ConstantPacer{Freq: -1, Per: time.Second},
		vegeta.LinearPacer{Slope: 3},
		vegeta.LinearPacer{StartAt: rate, Slope: math.NaN()},
		vegeta.SinePacer{Mean: rate, Amp: rate, Period: time.Second},
		vegeta.SinePacer{Mean: rate},
		struct{ vegeta.Pacer }{rate}, // another kind
		Stages{},
		Stages{Start: rate},
		stagesOf(-1, "1s:5"),
		stagesOf(5, "-1s:5"),
		stagesOf(5, "1s:-5"),
		stagesOf(5, "1s:2000000000"),
		stagesOf(5, "10000h:5", "1ns:5"),
		stagesOf(0, "1s:0", "1h:0"),
		stagesOf(0, "0s:5"),
		Replay{},
		Replay{Moments: []time.Duration{5}, Targets: []uint32{0}, Clients: []uint32{0}, End: 5},
		Replay{Moments: []time.Duration{5, 4}, Targets: []uint32{0, 0}, Clients: []uint32{0, 0}, End: 6},
		Replay{Moments: []time.Duration{-1}, Targets: []uint32{0}, Clients: []uint32{0}, End: 6},
		Replay{Moments: []time.Duration{1}, Targets: []uint32{0}, Clients: []uint32{0, 0}, End: 6},
		Replay{Moments: []time.Duration{1}, Targets: []uint32{0}, Clients: []uint32{0}, End: maxDuration + 1},
		Stages{Stages: make([]Stage, maxStages+1)},
	} {
		if s, err := NewSchedule(p); err == nil {
			t.Errorf("%+v has the schedule %+v", p, s)
		}
	}
}

func TestWarmed(t *testing.T) {
	w := withWarmup(constant{1000, uint64(time.Second)}, 500*time.Millisecond)
	if w.hits != 500 {
		t.Errorf("%d requests of warm-up, want 500", w.hits)
	}
	for n, want := range map[uint64]time.Duration{0: 0, 499: 499 * time.Millisecond, 500: 500 * time.Millisecond, 501: 501 * time.Millisecond} {
		if got := w.Due(n); (got - want).Abs() > time.Microsecond {
			t.Errorf("request %d is due at %v, want %v", n, got, want)
		}
	}
	if got := w.hitsBefore(600*time.Millisecond - 1); got != 600 {
		t.Errorf("%d requests before 600ms, want 600", got)
	}
}
