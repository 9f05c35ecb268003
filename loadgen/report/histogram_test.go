package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// of is a distribution of latencies.
func of(all ...time.Duration) *measure.Latency {
	l := measure.NewLatency()
	for _, d := range all {
		l.Record(d)
	}
	return l
}

// TestHistogram: each latency is in one bar, the one that it lies in, and the bars
// are of one width, or of one ratio if some are far out.
func TestHistogram(t *testing.T) {
	const ms = time.Millisecond
	if got := histogram(of(), 11); len(got) != 0 {
		t.Errorf("bars of nothing: %v", got)
	}
	if got := histogram(of(3*ms, 3*ms), 11); len(got) != 1 || got[0] != (bar{3 * ms, 3 * ms, 2}) {
		t.Errorf("what is all the same is one bar: %v", got)
	}
	even := histogram(of(10*ms, 10*ms+ms/2, 14*ms+ms/2, 18*ms+ms/2, 20*ms), 10)
	for i, want := range []uint64{2, 0, 0, 0, 1, 0, 0, 0, 1, 1} {
		if even[i].Count != want || even[i].Until-even[i].From != ms {
			t.Errorf("bar %d is %v, want %d and a width of 1ms", i, even[i], want)
		}
	}
	far := histogram(of(1*ms, 1*ms, 1*ms, 10*ms, 100*ms, 1000*ms), 3)
	for i, want := range []bar{{1 * ms, 10 * ms, 4}, {10 * ms, 100 * ms, 1}, {100 * ms, 1000 * ms, 1}} {
		if got := far[i]; got.Count != want.Count || (got.From-want.From).Abs() > 1000 || (got.Until-want.Until).Abs() > 1000 {
			t.Errorf("bar %d is %v, want %v", i, got, want)
		}
	}
	zero := histogram(of(0, ms, time.Second), 11)
	if sum := zero[0].Count + zero[10].Count; zero[0].From != 0 || sum < 2 {
		t.Errorf("what took no time at all is in the first bar: %v", zero)
	}
}

// TestHistogramText: bars are as long as their counts are, and what is not 0 is seen.
func TestHistogramText(t *testing.T) {
	total := measure.NewTally()
	for i := range 1200 {
		total.Success.Record(time.Duration(1+i%2) * time.Millisecond)
	}
	total.Success.Record(5 * time.Millisecond)
	var b bytes.Buffer
	histogramText(&b, total)
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 1+textBars || lines[0] != "Histogram:" || !strings.HasSuffix(lines[1], "  [600]  "+strings.Repeat("■", barWidth)) || !strings.HasSuffix(lines[4], "[  0]") || lines[11] != "  5.00ms  [  1]  ■" {
		t.Errorf("%s", b.String())
	}
}
