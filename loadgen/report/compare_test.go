package report

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/loadgen/ci"
	"github.com/e0ac7cd4/hotpath/loadgen/compare"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// read is a run as compare reads it from its JSON report.
func read(t *testing.T, r *measure.Run) *compare.Run {
	t.Helper()
	var b bytes.Buffer
	if err := JSON(&b, r, nil); err != nil {
		t.Fatal(err)
	}
	got, err := compare.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// slower is steady with a tenth more of service time, and HTTP/1.1.
func slower() *measure.Run {
	r := fixture(150_000, 45, func(at time.Duration, random *rand.Rand) []exchange.Outcome {
		outcomes := steadySecond(150_000)(at, random)
		for i := range outcomes {
			outcomes[i].Ended += outcomes[i].Service() / 10
		}
		return outcomes
	})
	r.Protocol, r.Streams = "http/1.1", 1
	return r
}

// TestCompareReads: what compare reads of a JSON report is what the run has.
func TestCompareReads(t *testing.T) {
	r := stalled()
	got := read(t, r)
	if got.Target != r.Target || got.Requests != r.Total.Requests() || got.ReachedRate != r.Reached() || got.Success != r.Success() ||
		got.Judged.P99 != r.Total.Latency().Quantile(0.99) || got.Judged.Max != r.Total.Latency().Max() || got.Service.Mean != r.Total.Service.Mean() ||
		got.AskedRate != r.Asked || got.Connections != r.Connections || got.Streams != r.Streams || got.Timeout != r.Timeout || got.Duration != r.Duration || got.Pace != r.Pace {
		t.Errorf("read %+v", got)
	}
	for i, p := range r.Points {
		q := got.Points[i]
		if q.Begin != p.Begin || q.Length != p.Length || q.Rate != p.Rate() || q.Requests != p.Requests || q.Failed != p.Failed || q.Mean != p.Mean || q.P50 != p.P50 || q.P99 != p.P99 || q.ServiceMean != p.ServiceMean {
			t.Fatalf("point %d: read %+v of %+v", i, q, p)
		}
	}
}

// comparison is of a run and a slower one.
func comparison(t *testing.T) *compare.Comparison {
	return compare.Compare(read(t, steady()), read(t, slower()), compare.Settings{NameA: "main.json", NameB: "change-<b>.json", Least: compare.DefaultLeast})
}

func TestCompareText(t *testing.T) {
	var b strings.Builder
	if err := CompareText(&b, comparison(t)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"A: main.json: https://127.0.0.1:8443/, h2, 8 connections × 32 streams, 150,000/s, 1m\n",
		"protocol (h2 and http/1.1), duration (1m0s and 45s), streams (32 and 1)",
		"B is worse in mean, p50, p99, service mean.\n", "within noise\n", "not judged\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// TestCompareOwnLimits: of a run that the load generator may have limited it is said.
func TestCompareOwnLimits(t *testing.T) {
	for _, tt := range []struct {
		spoil func(*measure.Run)
		want  string
	}{
		{func(*measure.Run) {}, ""},
		{func(r *measure.Run) { r.Busy = 0.95 }, "In B the load generator used 95% of its cores: it may be what was measured."},
		{func(r *measure.Run) { r.Points[3].Busy = 0.95 }, "In B the load generator used 95% of its cores in its busiest second: it may be what was measured."},
		{func(r *measure.Run) { r.Asked = 200_000 }, "In B the rate was not reached: asked for 200,000/s, 150,000/s were answered."},
		{func(r *measure.Run) { r.Total.Waited = 90_000 }, "In B 90,000 of 9,000,000 requests waited because all that may be in flight were: that is the load generator's limit."},
		{func(r *measure.Run) { r.Total.Waited = 80_000 }, ""},
		{func(r *measure.Run) { r.Total.Starved = 3 }, "In B 3 of 9,000,000 requests waited for their targets to be read: that is not the server's limit."},
	} {
		b := steady()
		tt.spoil(b)
		c := compare.Compare(read(t, steady()), read(t, b), compare.Settings{})
		c.Settings = nil
		if got := strings.Join(compareNotes(c), "\n"); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// TestCompareHTML: the page has what the text has, and its charts both runs.
func TestCompareHTML(t *testing.T) {
	c := comparison(t)
	p := parse(t, func(w io.Writer) error { return CompareHTML(w, c) })
	p.checkWhole()
	if row := p.row("mean"); !strings.HasSuffix(row, "worse") {
		t.Errorf("the row of the mean is %q", row)
	}
	p.row("streams")
	for _, want := range []string{"B is worse in mean, p50, p99, service mean.", "change-&lt;b&gt;.json"} {
		if !strings.Contains(p.source, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, ch := range compareCharts(c) {
		if n := len(ch.X); n != 60 || len(ch.Series[0].Y) != n || len(ch.Series[1].Y) != n {
			t.Errorf("%s: %d moments, %d and %d values", ch.ID, n, len(ch.Series[0].Y), len(ch.Series[1].Y))
		}
	}
	empty := compare.Compare(&compare.Run{}, &compare.Run{}, compare.Settings{})
	p = parse(t, func(w io.Writer) error { return CompareHTML(w, empty) })
	p.checkWhole()
	if !strings.Contains(p.source, "Nothing can be said") {
		t.Error("a page of runs without seconds does not say so")
	}
}

// drifting is a run of eleven seconds whose latencies rise from one to another.
func drifting(from, to time.Duration, rate float64) *compare.Run {
	r := &compare.Run{Success: 1}
	for i := range 11 {
		d := from + (to-from)*time.Duration(i)/10
		r.Points = append(r.Points, compare.Point{
			Begin: time.Duration(i) * time.Second, Length: time.Second, Requests: 1000, Rate: rate, Mean: d, P50: d,
		})
	}
	return r
}

// TestCompareUndecided: what could not be decided is nowhere said to be as before.
func TestCompareUndecided(t *testing.T) {
	const ms = time.Millisecond
	a := drifting(11*ms, 12*ms, 1000)
	for _, tt := range []struct {
		says   string
		b      *compare.Run
		result string
		errors int // of the suite
		failed int
		mark   string
	}{
		{"undecided", drifting(14*ms, 15*ms, 1000), "Nothing can be said of mean, p50: changed", 2, 0, "### ❔"},
		{"better beside it", drifting(14*ms, 15*ms, 2000), "B is better in rate. Nothing can be said of mean, p50: changed", 2, 0, "### ❔"},
		{"worse beside it", drifting(14*ms, 15*ms, 500), "B is worse in rate. Nothing can be said of mean, p50: changed", 2, 1, "### ❌"},
		{"far apart", drifting(140*ms, 150*ms, 1000), "B is worse in mean, p50.", 0, 2, "### ❌"},
		{"as before", drifting(11*ms, 12*ms, 1000), "No change beyond noise.", 0, 0, "### ✅"},
		{"too few seconds for anything", &compare.Run{}, "Nothing can be said: a run needs 10 whole seconds at least, A has 11, B has 0.", 6, 0, "### ❔"},
	} {
		c := compare.Compare(a, tt.b, compare.Settings{Least: compare.DefaultLeast})
		if got := CompareResult(c); !strings.HasPrefix(got, tt.result) {
			t.Errorf("%s: the result is %q, want %q", tt.says, got, tt.result)
		}
		suite := CompareSuite(c)
		undecided := 0
		for _, one := range suite.Cases {
			if one.Undecided != "" {
				undecided++
			}
		}
		if undecided != tt.errors || suite.Failed() != tt.failed {
			t.Errorf("%s: %d undecided, %d failed, want %d, %d", tt.says, undecided, suite.Failed(), tt.errors, tt.failed)
		}
		var b strings.Builder
		if err := ci.Summary(&b, suite); err != nil || !strings.HasPrefix(b.String(), tt.mark) {
			t.Errorf("%s: %v, want the mark %s in\n%s", tt.says, err, tt.mark, b.String())
		}
		p := parse(t, func(w io.Writer) error { return CompareHTML(w, c) })
		p.checkWhole()
		want := met
		if tt.failed > 0 {
			want = missed
		} else if tt.errors > 0 {
			want = neutral
		}
		if row := p.row("mean"); compareState(c.Outcome) != want || tt.errors == 2 && !strings.HasSuffix(row, "cannot say") {
			t.Errorf("%s: the page is %q, want %q, and its row of the mean %q", tt.says, compareState(c.Outcome), want, row)
		}
	}
}

// TestCompareThin: of a run of ten hours the extremes are drawn.
func TestCompareThin(t *testing.T) {
	r := read(t, long())
	peak := 31_007
	r.Points[peak].P99 = time.Hour
	for _, ch := range compareCharts(compare.Compare(r, r, compare.Settings{})) {
		if n := len(ch.X); n > maxPoints {
			t.Errorf("%s has %d values", ch.ID, n)
		}
		most := value(0)
		for _, v := range ch.Series[0].Y {
			most = max(most, v)
		}
		if ch.ID == "p99" && most != milliseconds(time.Hour) {
			t.Errorf("the peak is lost: %v", most)
		}
	}
}

// TestComparePicture leaves the page to be looked at, and opens it.
func TestComparePicture(t *testing.T) {
	testkit.Need(t, "chromium")
	c := comparison(t)
	source := parse(t, func(w io.Writer) error { return CompareHTML(w, c) }).source
	if err := os.WriteFile(filepath.Join(testkit.Outputs(t), "compare.html"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	p, console := browse(t, source)
	for _, line := range console {
		t.Error(line)
	}
	for _, figure := range p.all("figure") {
		if got := attribute(figure, "data-drawn"); got != "60" {
			t.Errorf("%s was drawn with %q values", attribute(figure, "id"), got)
		}
	}
}
