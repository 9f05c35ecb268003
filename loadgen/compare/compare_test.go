package compare

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// made is a run whose spans have latencies around mean, and some that failed.
func made(seed uint64, spans int, mean time.Duration, failed uint64) *Run {
	random := rand.New(rand.NewPCG(seed, 7))
	r := &Run{
		Target: "https://127.0.0.1/", Targets: 1, Protocol: "h2", Pace: "1,000/s", AskedRate: 1000, Connections: 8, Streams: 32,
		Timeout: 30 * time.Second, Duration: time.Duration(spans) * time.Second, Success: 1 - float64(failed)/1000,
	}
	for i := range spans {
		about := func(d time.Duration) time.Duration {
			return time.Duration(float64(d) * math.Exp(0.1*random.NormFloat64()))
		}
		r.Points = append(r.Points, Point{
			Begin: time.Duration(i) * time.Second, Length: time.Second, Rate: float64(1000 - failed), Requests: 1000, Failed: failed,
			Mean: about(mean), P50: about(mean), P99: about(5 * mean), ServiceMean: about(mean),
		})
	}
	return r
}

// outcome is what became of a figure.
func outcome(c *Comparison, name string) Outcome {
	for _, f := range c.Figures {
		if f.Name == name {
			return f.Outcome
		}
	}
	return "none such"
}

func TestCompare(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		says    string
		a, b    *Run
		figure  string
		of      Outcome
		overall Outcome
	}{
		{"a run is as itself", made(1, 60, 2*ms, 0), made(1, 60, 2*ms, 0), "mean", Same, Same},
		{"two of one server are alike", made(1, 60, 2*ms, 0), made(2, 60, 2*ms, 0), "mean", Same, Same},
		{"a fifth slower is worse", made(1, 60, 2*ms, 0), made(2, 60, 2400*time.Microsecond, 0), "mean", Worse, Worse},
		{"a fifth faster is better", made(1, 60, 2400*time.Microsecond, 0), made(2, 60, 2*ms, 0), "p50", Better, Better},
		{"less than the least change is noise, however sure", made(1, 3600, 2*ms, 0), made(2, 3600, 2060*time.Microsecond, 0), "mean", Same, Same},
		{"errors are worse", made(1, 60, 2*ms, 0), made(2, 60, 2*ms, 5), "errors", Worse, Worse},
		{"no errors any more is better", made(1, 60, 2*ms, 5), made(2, 60, 2*ms, 0), "errors", Better, Better},
		{"half a rate is worse", made(1, 60, 2*ms, 0), made(2, 60, 2*ms, 500), "rate", Worse, Worse},
		{"nothing is said of few spans", made(1, MinSpans-1, 2*ms, 0), made(2, 60, 4*ms, 0), "mean", Unsaid, Unsaid},
		{"as many as are needed do", made(1, MinSpans, 2*ms, 0), made(2, MinSpans, 4*ms, 0), "p50", Worse, Worse},
		{"no latency is no sample", made(1, 60, 0, 1000), made(2, 60, 0, 1000), "mean", Unsaid, Same},
		{"no spans at all", &Run{}, &Run{}, "rate", Unsaid, Unsaid},
	} {
		c := Compare(tt.a, tt.b, Settings{Least: DefaultLeast})
		if got := outcome(c, tt.figure); got != tt.of || c.Outcome != tt.overall {
			t.Errorf("%s: %s %s, overall %s; want %s, %s", tt.says, tt.figure, got, c.Outcome, tt.of, tt.overall)
		}
	}
}

// TestFalseAlarms: of pairs of runs of one distribution, independent or with
// neighbours that resemble each other, about one in a hundred differs at most.
func TestFalseAlarms(t *testing.T) {
	for _, follow := range []float64{0, 0.5, 0.8} {
		random := rand.New(rand.NewPCG(3, 4))
		sample := func() []float64 {
			all := make([]float64, 60)
			last := random.NormFloat64()
			for i := range all {
				last = follow*last + math.Sqrt(1-follow*follow)*random.NormFloat64()
				all[i] = last
			}
			return all
		}
		const pairs = 3000
		differ := 0
		for range pairs {
			a, b := sample(), sample()
			if p, _ := mannWhitney(a, b); p <= Level || apart(a, b) {
				differ++
			}
		}
		if most := pairs * 3 / 100; differ > most {
			t.Errorf("neighbours that follow each other by %v: %d of %d pairs differ, want at most %d", follow, differ, pairs, most)
		}
	}
}

// TestMannWhitney: the test is what its formulas are by hand.
func TestMannWhitney(t *testing.T) {
	// Ranks of a: 1, 2, 3, 4.5 with a tie; U = 10.5-10 = 0.5 of 16, mean 8,
	// variance 16/12·(9-6/56) = 11.857; z = (7.5-0.5)/3.443 = 2.033.
	a, b := []float64{1, 4, 2, 3}, []float64{8, 4, 7, 5}
	ra, rb, ties := ranks(a, b)
	if want := []float64{1, 4.5, 2, 3}; !equal(ra, want) || !equal(rb, []float64{8, 4.5, 7, 6}) || ties != 6 {
		t.Fatalf("ranks %v and %v, ties %v", ra, rb, ties)
	}
	if r := autocorrelation(ra); r != 0 {
		t.Errorf("values that alternate have autocorrelation %v, want none", r)
	}
	got, least := mannWhitney(a, b)
	if want := math.Erfc(2.0329 / math.Sqrt2); math.Abs(got-want) > 1e-3 {
		t.Errorf("p %v, want %v", got, want)
	}
	// Without ties the variance is 16/12·9 = 12; z = (8-0.5)/3.464 = 2.165.
	if want := math.Erfc(2.1651 / math.Sqrt2); math.Abs(least-want) > 1e-3 {
		t.Errorf("of four and four p is %v at least, want %v", least, want)
	}
	if got, _ := mannWhitney([]float64{5, 5, 5}, []float64{5, 5}); got != 1 {
		t.Errorf("equal values: p %v, want 1", got)
	}
	if got, least := mannWhitney([]float64{1, 3, 2, 4}, []float64{6, 8, 5, 7}); got != least {
		t.Errorf("p of separated values is %v, and %v at least", got, least)
	}
	if got := autocorrelation([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}); got < 0.6 || got > mostCorrelated {
		t.Errorf("a line has autocorrelation %v", got)
	}
}

func equal(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

func TestDifferences(t *testing.T) {
	a, b := made(1, 60, time.Millisecond, 0), made(2, 60, time.Millisecond, 0)
	if got := Compare(a, b, Settings{}).Settings; len(got) != 0 {
		t.Errorf("the same settings differ: %v", got)
	}
	b.Protocol, b.Streams, b.Interrupted, b.PerRequest = "http/1.1", 1, true, true
	var names []string
	for _, s := range Compare(a, b, Settings{}).Settings {
		names = append(names, s.Name)
	}
	if got, want := strings.Join(names, " "), "protocol duration connections streams"; got != want {
		t.Errorf("%s differ, want %s", got, want)
	}
}

// TestRead: what is no report of a run is refused by what it is.
func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "empty",
		"{":                             "byte 1 of 1",
		"[]":                            "no JSON report",
		`{"a":1}`:                       "points and judged_latencies are missing",
		`{"probes":[]}`:                 "loadgen capacity",
		`{"latencies":{},"requests":1}`: "as vegeta's reports are",
		`{"points":[{"begin":"x"}],"judged_latencies":{}}`:             "begin",
		`{"points":[{"requests":1,"failed":2}],"judged_latencies":{}}`: "point 1: 2 of 1 requests failed",
		`{"points":[{"length":-1}],"judged_latencies":{}}`:             "0 or more",
		`{"points":[{"rate":-1}],"judged_latencies":{}}`:               "0 or more",
		`{"points":[],"judged_latencies":{},"success":2}`:              "allowed are 0 to 1",
		`{"points":[],"judged_latencies":{}} {"points":[]}`:            "no JSON report",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"points":[{"length":1000000000,"rate":5,"requests":5,"mean":3}],"judged_latencies":{},"success":1}`)
	f.Add(`{"points":null,"judged_latencies":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, figure := range Compare(r, r, Settings{}).Figures {
			if figure.Outcome == Worse || figure.Outcome == Better {
				t.Errorf("a run differs from itself: %+v", figure)
			}
		}
	})
}
