package attack

import (
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// TestUntil: an attack lasts no longer than its schedule has requests.
func TestUntil(t *testing.T) {
	line := func(rate int, slope float64) vegeta.Pacer {
		return vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: rate, Per: time.Second}, Slope: slope}
	}
	for _, tt := range []struct {
		why      string
		pacer    vegeta.Pacer
		duration time.Duration
		warmup   time.Duration
		want     time.Duration
		hits     uint64
		wrong    string
	}{
		{"100/s that fall by 50/s each second are 0 after two", line(100, -50), Forever, 0, 2 * time.Second, 100, ""},
		{"also if more time was asked for", line(100, -50), time.Minute, 0, 2 * time.Second, 100, ""},
		{"and behind a warm-up, which is at the first rate", line(100, -50), time.Minute, time.Second, 2 * time.Second, 100, ""},
		{"before that its duration ends it", line(100, -50), time.Second, 0, time.Second, 75, ""},
		{"a rise without an end of its own ends at the highest rate", line(1, 999_999_999), Forever, 0, time.Second, 500_000_001, ""},
		{"that is no matter for one that stays below", line(100, 50), time.Minute, 0, time.Minute, 96_000, ""},
		{"one that would not stay below within its duration is a mistake", line(100, 1e9), time.Minute, 0, 0, 0, "allowed are up to 1e+09/s"},
		{"as is one that begins at the highest rate", line(1_000_000_000, 1), Forever, 0, 0, 0, "allowed are up to 1e+09/s"},
		{"a constant rate has no end", vegeta.ConstantPacer{Freq: 1, Per: time.Second}, Forever, 0, Forever, 36_000_000, ""},
	} {
		cfg := Config{
			Targets: []vegeta.Target{{Method: "GET", URL: "http://127.0.0.1:1/"}}, Pacer: tt.pacer, HTTP1: true,
			Duration: tt.duration, Warmup: tt.warmup, Connections: 1, Streams: 1, Timeout: time.Second,
		}
		got, err := Planned(cfg, 0)
		if tt.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s: %v", tt.why, err)
			}
			continue
		}
		if err != nil || got.Duration != tt.want || got.Scheduled != tt.hits {
			t.Errorf("%s: %v, %d requests, %v; want %v, %d", tt.why, got.Duration, got.Scheduled, err, tt.want, tt.hits)
		}
	}
}
