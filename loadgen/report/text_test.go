package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

func text(t *testing.T, r *measure.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTextIsVegetas demands every line of vegeta's reporter, in its order, and
// that the values of ours stand in the same column.
func TestTextIsVegetas(t *testing.T) {
	r := stalled()
	got := text(t, r)
	var b strings.Builder
	if err := vegeta.NewTextReporter(metrics(r)).Report(&b); err != nil {
		t.Fatal(err)
	}
	theirs, _, _ := strings.Cut(b.String(), "Error Set:")
	rest := got
	for line := range strings.Lines(theirs) {
		if strings.HasPrefix(line, "Latencies ") {
			line = strings.TrimSuffix(line, "\n") + "  (of all requests, also the 3,300 without success)\n"
		}
		var found bool
		if _, rest, found = strings.Cut(rest, line); !found {
			t.Errorf("vegeta's line is missing, or not in its place:\n%sin\n%s", line, got)
		}
	}
	column := strings.Index(got[strings.Index(got, "Success "):], "99.96%")
	for _, label := range []string{"Tail ", "Service ", "Retries ", "Failures "} {
		begin := strings.Index(got, "\n"+label) + 1
		if begin == 0 {
			t.Fatalf("no line %s in\n%s", label, got)
		}
		line := got[begin:]
		if line[column-1] != ' ' || line[column] == ' ' {
			t.Errorf("the value of %s is not in column %d of\n%s", label, column, got)
		}
	}
}

func TestText(t *testing.T) {
	r := stalled()
	r.Targets, r.Agents, r.Connections = 4, 2, 1500
	got := text(t, r)
	for _, want := range []string{
		"https://127.0.0.1:8443/ and 3 more: h2, 1,500 connections × 32 streams, 150,000/s, 2 agents\n",
		"\nA warm-up of 750,000 requests is not in the figures.\n\nRequests  ",
		"\nTail          [99.9, 99.99]                     443.023ms, 496.501ms  (of all requests, also the 3,300 without success)\n",
		"\nRetries       [total]                           312\n",
		"\nFailures      [kind:count]                      reset:1080  timeout:600\n",
		"\nError Set:\n1620  503 Service Unavailable\n1080  reset: REFUSED_STREAM\n 600  timeout\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	for _, line := range []string{"Interrupted", "never sent", "not reached"} {
		if strings.Contains(got, line) {
			t.Errorf("%q in the report of a run that is whole:\n%s", line, got)
		}
	}

	quiet := text(t, steady())
	if !strings.HasSuffix(quiet, "]  ■\nError Set:\n") {
		t.Errorf("the report of a run without errors ends otherwise:\n%s", quiet)
	}
	for _, line := range []string{"Retries", "Failures", "warm-up", "without success"} {
		if strings.Contains(quiet, line) {
			t.Errorf("%s in the report of a run without any:\n%s", line, quiet)
		}
	}
}

// TestTextRates: a run has the rate that it reached, without a failure too, as vegeta's
// throughput has the wait for the last response in it.
func TestTextRates(t *testing.T) {
	kept := atRate(2000, 2*time.Second, 0)
	kept.Total.Success.Record(100 * time.Millisecond)
	kept.Total.LastEnd = 2100*time.Millisecond + kept.Total.FirstDue
	kept.Total.LastAnswer, kept.Total.LastSuccess = kept.Total.LastEnd, kept.Total.LastEnd
	for _, tt := range []struct {
		why  string
		run  *measure.Run
		want string
	}{
		{"all succeeded, the last 100 ms after the end, as each takes", kept, "1000.00, 1000.00"},
		{"a third was never sent", atRate(1300, 2*time.Second, 700), "650.00, 650.00"},
		{"nothing was", &measure.Run{Asked: 1000, Total: measure.NewTally()}, "0.00, 0.00"},
	} {
		if got, line := text(t, tt.run), "\nRates         [answered, succeeded]             "+tt.want+"\n"; !strings.Contains(got, line) {
			t.Errorf("%s: %q is missing in\n%s", tt.why, line, got)
		}
	}
}

// refused is a run without an answer: a connection that is refused takes no time.
func refused() *measure.Run {
	r := &measure.Run{Duration: time.Second, Total: measure.NewTally()}
	for i := range 50 {
		o := exchange.Outcome{Failure: &exchange.Failure{Kind: exchange.Connect}}
		o.Due = time.Duration(i) * 20 * time.Millisecond
		o.Ended = o.Due + 77*time.Millisecond
		r.Total.Add(&o)
	}
	r.Points = []measure.Point{{Length: time.Second, Requests: 50, Failed: 50}}
	return r
}

// TestTextNoSample: what there is no sample of is no latency of nothing.
func TestTextNoSample(t *testing.T) {
	got := text(t, refused())
	for _, want := range []string{
		"77ms, 77ms, 77ms, 77ms, 77ms  (of all requests, also the 50 without success)\n",
		"\nTail          [99.9, 99.99]                     77ms, 77ms  (of all requests, also the 50 without success)\n",
		"\nService       [mean, 50, 99, 99.9, 99.99, max]  -, -, -, -, -, -\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if got, want := text(t, &measure.Run{Total: measure.NewTally()}), "\nTail          [99.9, 99.99]                     -, -\n"; !strings.Contains(got, want) {
		t.Errorf("without a request %q is missing in\n%s", want, got)
	}
}

// TestTextCommands demands that nothing from outside reaches the terminal as a
// command.
func TestTextCommands(t *testing.T) {
	const evil = "\x1b]0;title\a\u009b2J\nSuccess"
	r := steady()
	r.Target, r.Protocol, r.Pace = evil, evil, evil
	r.Total.Errors[evil] = 1
	got := text(t, r)
	if strings.ContainsAny(got, "\x1b\a\u009b") || strings.Contains(got, "\nSuccess\n") {
		t.Errorf("a command is in %q", got)
	}
}

// atRate is a run that was asked for 1,000/s over 2 s, and sent so many
// requests until a moment, others never.
func atRate(sent int, until time.Duration, never uint64) *measure.Run {
	r := &measure.Run{Asked: 1000, Duration: 2 * time.Second, Total: measure.NewTally()}
	r.Total.Ends[exchange.Unsent], r.Total.Ends[exchange.Succeeded] = never, uint64(sent)
	r.Total.FirstDue, r.Total.LastSuccess, r.Total.LastAnswer = time.Second, time.Second+until, time.Second+until
	for range sent {
		r.Total.Service.Record(time.Millisecond)
	}
	return r
}

func TestNotes(t *testing.T) {
	interrupted := atRate(2000, 2*time.Second, 0)
	interrupted.Interrupted, interrupted.Warmup = true, 5000
	closed := atRate(20, 2*time.Second, 0)
	closed.Asked = 0
	declined := atRate(1000, 2*time.Second, 0)
	declined.Total.Ends[exchange.Declined] = 1000
	occupied := atRate(2000, 2*time.Second, 0)
	occupied.Busy = 0.97
	peak := atRate(2000, 2*time.Second, 0)
	peak.Busy = 0.5
	peak.Points = []measure.Point{{Length: time.Second, Busy: 0.4}, {Begin: time.Second, Length: time.Second, Busy: 0.96}, {Begin: 2 * time.Second, Length: time.Second / 10, Busy: 1}}
	cut := atRate(1700, 2*time.Second, 0)
	cut.Asked, cut.Timeout, cut.Total.Ends[exchange.Cut] = 850, time.Second, 300
	tests := []struct {
		name string
		run  *measure.Run
		want string
	}{
		{"kept", atRate(1990, 1999*time.Millisecond, 0), ""},
		{"kept, the last a little late", atRate(2000, 2010*time.Millisecond, 0), ""},
		{"made up for too late", atRate(2000, 2500*time.Millisecond, 0), "The rate was not reached: asked for 1,000/s, 807/s were answered."},
		{"not sent", atRate(1300, 2*time.Second, 700),
			"The rate was not reached: asked for 1,000/s, 650/s were answered.|700 of 2,000 requests were never sent; service times do not have them."},
		{"half of the answers are 404: that is no rate that was missed", declined,
			"1,000 of 2,000 answers have a status of 400 or more: 500/s succeeded."},
		{"a busy load generator", occupied, "The load generator used 97% of its cores: it may be the limit, not the server. Give it more, or several machines."},
		{"a busy second", peak, "The load generator used 96% of its cores in the second after 1.00s: it may be the limit, not the server. Give it more, or several machines."},
		{"given up", cut, "300 of 2,000 requests were given up after 1s without a whole answer; service times do not have them."},
		{"interrupted", interrupted,
			"Interrupted after 2.00s: the figures are of what there is.|A warm-up of 5,000 requests is not in the figures."},
		{"a closed loop", closed, ""},
		{"nothing", &measure.Run{Asked: 1000, Total: measure.NewTally()}, "The rate was not reached: asked for 1,000/s, 0/s were answered."},
	}
	for _, tt := range tests {
		if got := strings.Join(notes(tt.run), "|"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestRounded(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 812: "812ns", 1234: "1.234µs", 2_414_999: "2.415ms", 1_234_567_890: "1.235s",
		90*time.Second + 400*time.Millisecond: "1m30s", time.Hour + 29*time.Second: "1h0m0s",
	} {
		if got := rounded(d).String(); got != want {
			t.Errorf("%d is %s, want %s", d, got, want)
		}
	}
}

func TestErrorCounts(t *testing.T) {
	tally := measure.NewTally()
	tally.Errors = map[string]uint64{"b": 2, "a": 2, "c": 3, "d": 1}
	tally.Failed[exchange.Timeout], tally.Failed[exchange.Connect] = 1, 2
	var got []string
	for _, e := range append(errorCounts(tally), failures(tally)...) {
		got = append(got, e.text)
	}
	if want := "c a b d connect timeout"; strings.Join(got, " ") != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
}
