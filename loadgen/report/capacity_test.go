package report

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

func TestCapacityText(t *testing.T) {
	var b bytes.Buffer
	if err := CapacityText(&b, searched(t)); err != nil {
		t.Fatal(err)
	}
	const want = `https://127.0.0.1:8443/: h2, 8 connections × 32 streams, 8 probes

      Asked   Answered    Mean     50%     99%   99.9%  Errors  Outcome
   50,000/s   49,980/s  1.42ms  1.35ms  3.01ms  3.95ms       0  held
  100,000/s   99,960/s  1.56ms  1.46ms  3.39ms  4.41ms       0  held
  150,000/s  150,000/s  1.91ms  1.74ms  4.76ms  6.79ms       0  held
  175,000/s  174,960/s  2.53ms  2.17ms  7.56ms  10.8ms       0  held
  187,500/s  187,500/s  3.52ms  2.83ms  12.3ms  17.4ms       0  missed p99, mean
  190,625/s  190,620/s  4.01ms  3.17ms  14.4ms  21.0ms       0  missed p99, mean
  193,750/s  193,740/s  4.83ms  3.72ms  18.4ms  27.0ms       0  missed p99, mean
  200,000/s  198,394/s  9.38ms  6.93ms  39.0ms  57.7ms       0  missed p99, mean

175,000/s held p99 ≤ 10ms, mean ≤ 3ms, errors ≤ 0.
`
	if got := b.String(); got != want {
		t.Errorf("the text is\n%s\nwant\n%s", got, want)
	}

	b.Reset()
	none := &Capacity{Target: "https://x/", Objectives: searched(t).Objectives[:1]}
	if err := CapacityText(&b, none); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.HasPrefix(got, "https://x/: no probe was made\n") || !strings.HasSuffix(got, "\nNo rate held p99 ≤ 10ms.\n") {
		t.Errorf("a search without probes is\n%s", got)
	}
}

// TestCapacityTriedAgain demands figures of what was found in the end, if a
// rate was tried more than once.
func TestCapacityTriedAgain(t *testing.T) {
	run := fixture(1200, 1, steadySecond(1200))
	_, met := judged(t, run, "p99<=1s")
	_, missed := judged(t, run, "p99<=1ms")
	c := &Capacity{Best: 200, Confirmed: true, Probes: []Probe{
		{300, run, met, true}, // and not again
		{300, run, met, false},
		{200, run, met, true},
		{100, run, missed, false}, // by chance
	}}
	var got []string
	for _, f := range c.figures() {
		got = append(got, f.Name+" "+f.Number+" "+f.Note)
	}
	want := []string{"Highest rate that held 200 without objectives", "Mean 2.13 at 200/s", "99th percentile 3.96 at 200/s", "Next that missed 300 rate not kept"}
	if !slices.Equal(got, want) {
		t.Errorf("the figures are %q, want %q", got, want)
	}
	if p := c.Probes[3]; p.outcome() != "missed p99" {
		t.Errorf("a probe %s", p.outcome())
	}
}

func TestCapacityJSON(t *testing.T) {
	c := searched(t)
	var got struct {
		Target, Objectives string
		Best               float64
		Probes             []struct {
			Rate float64
			Held bool
			Run  struct {
				Requests uint64
				SLO      []verdict
			}
		}
	}
	decode(t, &got, func(w io.Writer) error { return CapacityJSON(w, c) })
	if got.Target != c.Target || got.Objectives != "p99<=10ms,mean<=3ms,errors<=0" || got.Best != 175_000 || len(got.Probes) != 8 {
		t.Fatalf("the document is %+v", got)
	}
	for i, p := range c.Probes {
		q := got.Probes[i]
		if q.Rate != p.Rate || q.Held != p.Held || q.Run.Requests != p.Run.Total.Requests() || len(q.Run.SLO) != 3 || q.Run.SLO[0].Met != p.Verdicts[0].Met {
			t.Errorf("probe %d is %+v", i, q)
		}
	}
}

func TestCapacityHTML(t *testing.T) {
	c := searched(t)
	p := parse(t, func(w io.Writer) error { return CapacityHTML(w, c) })
	p.checkWhole()
	for _, want := range []string{
		"Highest rate that held 175,000 /s p99 ≤ 10ms, mean ≤ 3ms, errors ≤ 0",
		"99th percentile 7.56 ms at 175,000/s",
		"Next that missed 187,500 /s missed p99, mean",
	} {
		if !slices.ContainsFunc(p.all("div"), func(n *html.Node) bool { return content(n) == want }) {
			t.Errorf("no figure says %q", want)
		}
	}
	if got, want := p.row("175,000/s"), "175,000/s held 174,960/s 2.53ms 2.17ms 7.56ms 10.8ms 0"; got != want {
		t.Errorf("a row is %q, want %q", got, want)
	}

	limited, cut := *c, *c
	limited.Limit, cut.Confirmed = Descriptors, false
	for about, c := range map[string]*Capacity{
		"the load generator's limit, not the server's": &limited,
		"the search did not come to its end":           &cut,
	} {
		p := parse(t, func(w io.Writer) error { return CapacityHTML(w, c) })
		if !slices.ContainsFunc(p.all("li"), func(n *html.Node) bool { return strings.Contains(content(n), about) }) {
			t.Errorf("no sentence says %q", about)
		}
	}

	chart := c.chart()
	if !slices.IsSorted(chart.X) || !slices.Equal(chart.Held, []bool{true, true, true, true, false, false, false, false}) {
		t.Errorf("the probes are at %v, held %v", chart.X, chart.Held)
	}
	best := chart.Bounds[len(chart.Bounds)-1]
	if best.Text != "best 175,000/s" || best.X != 175_000 {
		t.Errorf("the best rate is marked as %+v", best)
	}
	if got := line(t, &chart, "p99"); !slices.IsSorted(got) {
		t.Errorf("p99 is %v", got)
	}

	c.Best, c.Probes = 0, nil
	p = parse(t, func(w io.Writer) error { return CapacityHTML(w, c) })
	p.checkWhole()
	if len(p.all("figure")) != 0 {
		t.Error("a chart without probes")
	}
}

// TestCapacityNoise: a result that is no more exact than the noise says so.
func TestCapacityNoise(t *testing.T) {
	probe := func(rate float64, held bool) Probe {
		return Probe{Rate: rate, Run: &measure.Run{Total: measure.NewTally()}, Held: held}
	}
	for _, tt := range []struct {
		c    Capacity
		want string
	}{
		{Capacity{Best: 5000, Confirmed: true}, "5,000/s held without objectives."},
		{Capacity{Best: 5000, Confirmed: true, Low: 4700, High: 5300},
			"5,000/s held without objectives. Probes from 4,700/s to 5,300/s disagreed: the limit is within them, no more exactly."},
		{Capacity{Probes: []Probe{probe(5000, false), probe(5000, false)}}, "No rate held without objectives. The lowest that was tried is 5,000/s."},
		{Capacity{Probes: []Probe{probe(5000, false), probe(5000, true), probe(5000, false)}},
			"No rate held without objectives. The lowest that was tried is 5,000/s, and 1 probe of it held."},
	} {
		if got := tt.c.result(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// TestOwnLimit: which limit a search has found, the server's or that of what may
// be in flight.
func TestOwnLimit(t *testing.T) {
	probe := func(rate float64, held bool, waited uint64, service time.Duration) Probe {
		r := &measure.Run{Asked: rate, Duration: time.Second, Connections: 8, Streams: 1, Protocol: "http/1.1", Total: measure.NewTally()}
		for range 100 {
			r.Total.Add(&exchange.Outcome{Sent: 1, Ended: 1 + service, Status: 200})
		}
		r.Total.Waited = waited
		return Probe{Rate: rate, Run: r, Held: held}
	}
	const unloaded = 100 * time.Millisecond
	full := probe(100, false, 0, 2*unloaded)
	full.Run.Busy = 0.97
	without := func(err error) Probe {
		p := probe(100, false, 0, unloaded)
		failure := exchange.ConnectFailure(err, false)
		failure.Detail += " at 127.0.0.1" // as that of a name with several addresses has
		p.Run.Total.Add(&exchange.Outcome{Failure: failure})
		return p
	}
	for _, tt := range []struct {
		why    string
		missed Probe
		want   OwnLimit
	}{
		{"all were taken, and the server was as fast as ever", probe(100, false, 50, unloaded), InFlight},
		{"all were taken because the server had become slow", probe(100, false, 50, 2*unloaded), NoLimit},
		{"there was room", probe(100, false, 0, unloaded), NoLimit},
		{"its cores were full", full, Processor},
		{"it had no port for a connection", without(syscall.EADDRNOTAVAIL), Ports},
		{"it had no descriptor for a connection", without(syscall.EMFILE), Descriptors},
		{"the server refused a connection", without(syscall.ECONNREFUSED), NoLimit},
	} {
		c := &Capacity{Best: 50, Probes: []Probe{tt.missed, probe(50, true, 0, unloaded)}}
		if got := c.OwnLimit(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.why, got, tt.want)
		}
	}
	for limit, want := range map[OwnLimit]string{
		InFlight:    "that is the load generator's limit, not the server's. Raise -connections",
		Processor:   "the load generator used 97% of its cores: it may be the limit, not the server.",
		Ports:       "no local port was free: that is the load generator's limit",
		Descriptors: "Raise ulimit -n.",
	} {
		c := &Capacity{Best: 50, Limit: limit, Probes: []Probe{probe(50, true, 0, unloaded), full}}
		var b bytes.Buffer
		if err := CapacityText(&b, c); err != nil || !strings.Contains(b.String(), "At least 50/s held") || !strings.Contains(b.String(), want) {
			t.Errorf("%v\n%s\nwant %q", err, b.String(), want)
		}
	}
}
