package capacity

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// upTo is a server that holds rates up to a threshold, always.
func upTo(threshold float64) Try {
	return func(_ context.Context, rate float64) (bool, error) { return rate <= threshold, nil }
}

// trace writes probes as "1000+ 2000-".
func trace(probes []Probe) string {
	var b strings.Builder
	for _, p := range probes {
		b.WriteString(strconv.FormatFloat(p.Rate, 'f', -1, 64))
		b.WriteString(map[bool]string{true: "+ ", false: "- "}[p.Held])
	}
	return strings.TrimSpace(b.String())
}

func TestSearch(t *testing.T) {
	tests := []struct {
		name string
		c    Config
		try  Try
		want string // the probes
		best float64
		miss float64
	}{
		{"up, then between", Config{Min: 1000, Precision: .1}, upTo(12_345),
			"1000+ 2000+ 4000+ 8000+ 16000- 11300+ 13400- 12300+ 13400- 12300+", 12_300, 13_400},
		{"the first is the best", Config{Min: 1000, Precision: 1}, upTo(1500), "1000+ 2000- 2000- 1000+", 1000, 2000},
		{"down, then between", Config{Start: 1000, Precision: .1}, upTo(150),
			"1000- 500- 250- 120+ 173- 144+ 158- 158- 144+", 144, 158},
		{"down to the floor", Config{Start: 10}, upTo(0), "10- 5- 2.5- 1.2- 1- 1-", 0, 1},
		{"the floor holds", Config{Start: 10, Precision: .5}, upTo(1), "10- 5- 2.5- 1.2- 1+ 1.2- 1+", 1, 1.2},
		{"up to the limit", Config{Min: 1000, Max: 5500}, upTo(1e9), "1000+ 2000+ 4000+ 5500+ 5500+", 5500, 0},
		{"only one rate", Config{Min: 1000, Max: 1000}, upTo(1e9), "1000+ 1000+", 1000, 0},
		{"the limit is missed", Config{Min: 1000, Max: 5500, Precision: .2}, upTo(5000),
			"1000+ 2000+ 4000+ 5500- 4700+ 5500- 4700+", 4700, 5500},
		{"three must agree, nothing wavers", Config{Min: 10, Precision: 1, Confirm: 3}, upTo(10),
			"10+ 20- 20- 20- 20- 20- 20- 10+ 10+ 10+", 10, 20},
		{"two near the limit agree, one on the way", Config{Min: 1000, Precision: .5, Confirm: 2}, upTo(4500),
			"1000+ 2000+ 4000+ 8000- 8000- 5700- 5700- 5700- 5700- 4000+ 4000+", 4000, 5700},
		{"no less than the lowest", Config{Min: 5000, Confirm: 2}, upTo(4999), "5000- 5000- 5000- 5000-", 0, 5000},
		{"down to the lowest", Config{Min: 100, Start: 1000, Confirm: 2}, upTo(99), "1000- 1000- 500- 500- 250- 250- 120- 120- 100- 100- 100- 100-", 0, 100},
		{"no limit", Config{Min: 3e8}, upTo(math.Inf(1)), "300000000+ 600000000+ 1000000000+ 1000000000+", 1e9, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.c.Confirm == 0 {
				tt.c.Confirm = 1
			}
			r, err := Search(t.Context(), tt.c, tt.try)
			if err != nil {
				t.Fatal(err)
			}
			if got := trace(r.Probes); got != tt.want {
				t.Errorf("probes\n%s, want\n%s", got, tt.want)
			}
			if r.Best != tt.best || r.Missed != tt.miss || r.Confirmed != (tt.best > 0) {
				t.Errorf("best %v, missed %v, confirmed %v; want %v, %v", r.Best, r.Missed, r.Confirmed, tt.best, tt.miss)
			}
		})
	}
}

// script answers in order; what comes after it is an error.
func script(answers string) Try {
	return func(_ context.Context, rate float64) (bool, error) {
		if answers == "" {
			return false, fmt.Errorf("asked once more")
		}
		held := answers[0] == '+'
		answers = answers[1:]
		return held, nil
	}
}

// What wavers at the ends is asked again, and the search goes on from there.
func TestSearchGoesBack(t *testing.T) {
	tests := []struct {
		name    string
		c       Config
		answers string
		want    string
		best    float64
		miss    float64
	}{
		{"the best fails", Config{Min: 100, Precision: .5}, "++-+" + "--" + "-+",
			"100+ 200+ 400- 280+ 400- 280- 280- 200+", 200, 280},
		{"the best fails, but not twice", Config{Min: 100, Precision: .5}, "++-+" + "--" + "+",
			"100+ 200+ 400- 280+ 400- 280- 280+", 280, 400},
		{"the best fails, and the one below", Config{Min: 100, Precision: .5}, "++--" + "--" + "--" + "+",
			"100+ 200+ 400- 280- 280- 200- 140- 140- 100+", 100, 140},
		{"all fail in the end", Config{Min: 4, Precision: 1}, "+--" + "-" + "---",
			"4+ 8- 8- 4- 2- 1- 1-", 0, 1},
		{"a stutter on the way up", Config{Min: 100, Precision: .5}, "+-+" + "+--" + "-+",
			"100+ 200- 140+ 200+ 400- 280- 280- 200+", 200, 280},
		{"a stutter at the start", Config{Min: 100, Precision: .5}, "-++" + "+--" + "-+",
			"100- 50+ 71+ 100+ 200- 140- 140- 100+", 100, 140},
		{"two of three agree", Config{Min: 100, Max: 100, Confirm: 2}, "+-++-+",
			"100+ 100- 100+ 100+ 100- 100+", 100, 0},
		{"two of three disagree", Config{Min: 1, Confirm: 2}, "-+---",
			"1- 1+ 1- 1- 1-", 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.c.Confirm == 0 {
				tt.c.Confirm = 1
			}
			if tt.c.Start == 0 {
				tt.c.Start, tt.c.Min = tt.c.Min, Floor
			}
			r, err := Search(t.Context(), tt.c, script(tt.answers))
			if err != nil {
				t.Error(err)
			}
			if got := trace(r.Probes); got != tt.want {
				t.Errorf("probes\n%s, want\n%s", got, tt.want)
			}
			if r.Best != tt.best || r.Missed != tt.miss {
				t.Errorf("best %v, missed %v; want %v, %v", r.Best, r.Missed, tt.best, tt.miss)
			}
		})
	}
}

// For a server with a sharp threshold the answer is within the precision, no
// rate is tried twice but the two ends, and tries are few.
func TestSearchSharp(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		c := Config{
			Start:     math.Pow(10, random.Float64()*6),
			Precision: math.Pow(10, -3*random.Float64()),
			Confirm:   1,
		}
		if random.IntN(2) == 0 {
			c.Start = math.Ceil(c.Start)
		}
		threshold := math.Pow(10, random.Float64()*9)
		r, err := Search(t.Context(), c, upTo(threshold))
		if err != nil {
			t.Fatal(err)
		}
		fail := func(format string, args ...any) {
			t.Errorf("%+v, threshold %v: %s\n%s", c, threshold, fmt.Sprintf(format, args...), trace(r.Probes))
		}
		if !r.Confirmed || r.Best > threshold || r.Best*(1+c.Precision) < threshold*(1-1e-9) && r.Best < Ceiling {
			fail("best %v", r.Best)
		}
		if r.Best < Ceiling && (r.Missed <= threshold || r.Missed > r.Best*(1+c.Precision)) {
			fail("missed %v", r.Missed)
		}
		tries := make(map[float64]int)
		for _, p := range r.Probes {
			tries[p.Rate]++
			want := 1
			if p.Rate == r.Best || p.Rate == r.Missed {
				want = 2
			}
			if tries[p.Rate] > want {
				fail("%v tried %d times", p.Rate, tries[p.Rate])
			}
		}
		doublings := math.Abs(math.Log2(threshold / c.Start))
		halvings := math.Log2(math.Ln2 / math.Log1p(c.Precision))
		if most := int(doublings+halvings) + 7; len(r.Probes) > most {
			fail("%d tries, want at most %d", len(r.Probes), most)
		}
	}
}

// Rates have few digits, but for those that the caller gave.
func TestSearchRoundRates(t *testing.T) {
	c := Config{Min: 1234.5, Max: 98765.4}
	r, err := Search(t.Context(), c, upTo(45_678))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Probes[1:] {
		digits := strings.Trim(strconv.FormatFloat(p.Rate, 'f', -1, 64), "0")
		if p.Rate != c.Max && len(digits) > 3 {
			t.Errorf("%v has more than three digits", p.Rate)
		}
	}
}

// A result says between which rates tries disagreed.
func TestSearchNoise(t *testing.T) {
	for _, tt := range []struct {
		name      string
		answers   string
		want      string
		best      float64
		low, high float64
	}{
		{"none", "++" + "--" + "--" + "--" + "++", "100+ 200+ 400- 400- 280- 280- 280- 280- 200+ 200+", 200, 0, 0},
		{"the missed one held once", "++" + "--" + "-+-" + "--" + "++", "100+ 200+ 400- 400- 280- 280+ 280- 280- 280- 200+ 200+", 200, 200, 280},
		{"the best missed once", "++" + "--" + "--" + "--" + "+-+", "100+ 200+ 400- 400- 280- 280- 280- 280- 200+ 200- 200+", 200, 200, 280},
		{"far below, no matter", "-++" + "++" + "--" + "--" + "--" + "++", "100- 100+ 100+ 200+ 400+ 800- 800- 570- 570- 570- 570- 400+ 400+", 400, 0, 0},
		{"nothing held", "-+-" + "--", "100- 100+ 100- 100- 100-", 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Search(t.Context(), Config{Min: 100, Precision: .5}, script(tt.answers))
			if err != nil {
				t.Error(err)
			}
			if got := trace(r.Probes); got != tt.want {
				t.Errorf("probes\n%s, want\n%s", got, tt.want)
			}
			if r.Best != tt.best || r.Low != tt.low || r.High != tt.high {
				t.Errorf("best %v, noise from %v to %v; want %v, from %v to %v", r.Best, r.Low, r.High, tt.best, tt.low, tt.high)
			}
		})
	}
}

// TestSearchKeepsTheLowest: a machine that stutters sends no search below the
// lowest rate, and one stutter there is no verdict.
func TestSearchKeepsTheLowest(t *testing.T) {
	const searches = 1000
	nothing := 0
	for seed := range uint64(searches) {
		random := rand.New(rand.NewPCG(seed, 7))
		try := func(_ context.Context, rate float64) (bool, error) {
			return rate <= 20_000 && random.Float64() > .1, nil
		}
		r, err := Search(t.Context(), Config{Min: 5000}, try)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Probes {
			if p.Rate < 5000 {
				t.Fatalf("seed %d: %v/s was tried", seed, p.Rate)
			}
		}
		if r.Best == 0 {
			nothing++
		}
	}
	if nothing > searches/50 {
		t.Errorf("%d of %d searches found no rate, with one try in 10 that stutters", nothing, searches)
	}
}

// A server whose threshold moves by 5 %, on a machine that spoils one try in
// 20: two tries that agree find it.
func TestSearchNoisy(t *testing.T) {
	const threshold, searches = 150_000, 500
	var off, probes int
	var all []float64
	for seed := range uint64(searches) {
		random := rand.New(rand.NewPCG(seed, 5))
		try := func(_ context.Context, rate float64) (bool, error) {
			return rate <= threshold*(1+.05*random.NormFloat64()) && random.Float64() > .05, nil
		}
		r, err := Search(t.Context(), Config{Min: 1000}, try)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Probes) > 3*maxRates {
			t.Errorf("seed %d: %d tries", seed, len(r.Probes))
		}
		probes += len(r.Probes)
		all = append(all, r.Best)
		if math.Abs(r.Best/threshold-1) > .1 {
			off++
		}
	}
	slices.Sort(all)
	if median := all[searches/2]; math.Abs(median/threshold-1) > .02 {
		t.Errorf("the median answer is %v, want %v", median, threshold)
	}
	if off > searches/100 {
		t.Errorf("%d of %d answers are off by more than 10 %%", off, searches)
	}
	if mean := float64(probes) / searches; mean > 50 {
		t.Errorf("%v tries on average, want at most 50", mean)
	}
}

// A server without any rule ends, too.
func TestSearchChaos(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 6))
		c := Config{Min: 1 + random.Float64()*1000, Precision: .001, Confirm: 1 + random.IntN(3)}
		chance := random.Float64()
		r, err := Search(t.Context(), c, func(context.Context, float64) (bool, error) { return random.Float64() < chance, nil })
		if err != nil {
			t.Fatal(err)
		}
		if most := maxRates * (2*c.Confirm - 1); len(r.Probes) > most {
			t.Errorf("%d tries, want at most %d", len(r.Probes), most)
		}
		if r.Best > 0 && r.Missed > 0 && r.Best >= r.Missed {
			t.Errorf("best %v is not below the missed %v", r.Best, r.Missed)
		}
	}
}

// Cancelling and errors leave what was known.
func TestSearchCutShort(t *testing.T) {
	broken := errors.New("no connection")
	for _, tt := range []struct {
		name string
		stop func(cancel func()) (bool, error) // the fifth try
		is   error
	}{
		{"the try says so", func(cancel func()) (bool, error) { cancel(); return false, context.Canceled }, context.Canceled},
		{"the try does not notice", func(cancel func()) (bool, error) { cancel(); return false, nil }, context.Canceled},
		{"the try fails", func(func()) (bool, error) { return true, broken }, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			tries := 0
			r, err := Search(ctx, Config{Min: 1000, Confirm: 1}, func(_ context.Context, rate float64) (bool, error) {
				if tries++; tries == 5 {
					return tt.stop(cancel)
				}
				return rate < 4000, nil
			})
			if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), "at 3360/s") {
				t.Errorf("error %v, want %v at 3360/s", err, tt.is)
			}
			if got, want := trace(r.Probes), "1000+ 2000+ 4000- 2830+"; got != want || r.Best != 2830 || r.Missed != 4000 || r.Confirmed {
				t.Errorf("probes %s, want %s; %+v", got, want, r)
			}
		})
	}
	t.Run("before the first try", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r, err := Search(ctx, Config{Min: 1}, func(context.Context, float64) (bool, error) { t.Error("tried"); return true, nil })
		if !errors.Is(err, context.Canceled) || len(r.Probes) > 0 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		c    Config
		want string // in the error
	}{
		{Config{Min: .9}, "the lowest rate is 0.9/s; allowed: from 1/s to 1000000000/s, or 0 for 1/s"},
		{Config{Min: math.NaN()}, "lowest rate is NaN/s"},
		{Config{Min: 2e9}, "lowest rate is 2e+09/s"},
		{Config{Min: 10, Max: 9}, "the highest rate is 9/s; allowed: from the lowest rate, 10/s, to 1000000000/s, or 0"},
		{Config{Min: 10, Start: 9}, "the first rate is 9/s; allowed: from the lowest, 10/s, to the highest, 1e+09/s"},
		{Config{Start: math.NaN()}, "the first rate is NaN/s"},
		{Config{Min: 10, Max: math.Inf(1)}, "highest rate is +Inf/s"},
		{Config{Min: 10, Max: math.NaN()}, "highest rate is NaN/s"},
		{Config{Min: 10, Precision: -.1}, "the precision is -0.1; allowed: a share above 0, up to 1"},
		{Config{Min: 10, Precision: 1.1}, "precision is 1.1"},
		{Config{Min: 10, Precision: math.NaN()}, "precision is NaN"},
		{Config{Min: 10, Confirm: -1}, "-1 tries are to confirm a rate; allowed: from 1 up"},
	} {
		_, err := Search(t.Context(), tt.c, func(context.Context, float64) (bool, error) { t.Error("tried"); return true, nil })
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.c, err, tt.want)
		}
	}
}
