package measure

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// TestLatency compares with a sorted list.
func TestLatency(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, next := range map[string]func() time.Duration{
		"microseconds": func() time.Duration { return time.Duration(1000 + random.IntN(1e6)) },
		"wide":         func() time.Duration { return time.Duration(math.Exp(random.Float64() * 30)) },
		"the same":     func() time.Duration { return 3 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			l := NewLatency()
			var all []time.Duration
			var sum time.Duration
			for range 20_000 {
				d := min(next(), Highest)
				l.Record(d)
				all = append(all, d)
				sum += d
			}
			slices.Sort(all)
			if l.Count() != 20_000 || l.Sum() != sum || l.Min() != all[0] || l.Max() != all[len(all)-1] {
				t.Errorf("count %d, sum %v, min %v, max %v; want %d, %v, %v, %v", l.Count(), l.Sum(), l.Min(), l.Max(), len(all), sum, all[0], all[len(all)-1])
			}
			if got, want := l.Mean(), sum/20_000; (got - want).Abs() > time.Nanosecond {
				t.Errorf("mean %v, want %v", got, want)
			}
			for _, q := range []float64{0, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
				want := all[max(int(math.Ceil(q*20_000))-1, 0)]
				if off := (l.Quantile(q) - want).Abs(); off > want/1000+512 {
					t.Errorf("quantile %v is %v, want %v", q, l.Quantile(q), want)
				}
			}
		})
	}
}

func TestLatencyEdges(t *testing.T) {
	l := NewLatency()
	if l.Count() != 0 || l.Mean() != 0 || l.Quantile(0.5) != 0 || l.Min() != 0 || l.Max() != 0 {
		t.Errorf("nothing: %d, %v, %v", l.Count(), l.Mean(), l.Quantile(0.5))
	}
	l.Record(-time.Second)
	l.Record(2 * Highest)
	if l.Min() != 0 || l.Max() != Highest || l.Quantile(1) != Highest || l.Count() != 2 {
		t.Errorf("beyond the range: min %v, max %v, %v, %d", l.Min(), l.Max(), l.Quantile(1), l.Count())
	}
	l.Reset()
	l.Record(time.Millisecond)
	if l.Min() != time.Millisecond || l.Max() != time.Millisecond || l.Sum() != time.Millisecond {
		t.Errorf("after a reset: %v, %v, %v", l.Min(), l.Max(), l.Sum())
	}
}

// requests are of targets of which one is not counted apart, and two are beyond
// those that are.
var requests = []*exchange.Request{{Row: 0}, {Row: 1}, {Row: 3}, {Row: MaxTargets}, {Row: MaxTargets + 1}, {Row: 5 * MaxTargets}}

// outcomes are some of every sort.
func outcomes(n int, seed uint64) []exchange.Outcome {
	random := rand.New(rand.NewPCG(seed, 0))
	all := make([]exchange.Outcome, n)
	for i := range all {
		o := &all[i]
		o.Due = time.Duration(random.IntN(1e9))
		o.Sent = o.Due + time.Duration(1+random.IntN(1e6))
		o.Ended = o.Sent + time.Duration(random.IntN(1e7))
		o.First = (o.Sent + o.Ended) / 2
		o.Request = requests[random.IntN(len(requests))]
		o.BytesIn, o.BytesOut = int64(random.IntN(1000)), int64(random.IntN(10))
		switch i % 10 {
		case 0:
			o.Status = 503
		case 1:
			o.Failure = &exchange.Failure{Kind: exchange.Timeout, Detail: "never sent"}
			o.Sent = 0
		case 2:
			o.Status, o.Failure = 200, &exchange.Failure{Kind: exchange.Length}
		case 3:
			o.Status, o.Remarks = 200, exchange.Remarks(i/10%4)
		default:
			o.Status = 200
		}
	}
	return all
}

func tally(all []exchange.Outcome) *Tally {
	t := NewTally()
	for i := range all {
		t.Add(&all[i])
	}
	return t
}

// equal compares all that a tally has.
func (t *Tally) equal(o *Tally) bool {
	return t.Ends == o.Ends && t.Failed == o.Failed && t.Statuses == o.Statuses &&
		fmt.Sprint(t.Errors) == fmt.Sprint(o.Errors) && t.BytesIn == o.BytesIn && t.BytesOut == o.BytesOut && t.Retries == o.Retries && t.Waited == o.Waited && t.Remarks == o.Remarks &&
		t.Connections == o.Connections && fmt.Sprint(t.ConnectionErrors) == fmt.Sprint(o.ConnectionErrors) &&
		t.FirstDue == o.FirstDue && t.LastDue == o.LastDue && t.LastAnswer == o.LastAnswer && t.LastSuccess == o.LastSuccess && t.LastEnd == o.LastEnd &&
		t.Success.equal(o.Success) && t.Late.equal(o.Late) && t.Failure.equal(o.Failure) && t.Service.equal(o.Service) && t.FirstByte.equal(o.FirstByte) &&
		reflect.DeepEqual(t.Targets.all(), o.Targets.all())
}

// all are the targets that had requests, by row.
func (t *Targets) all() map[int]Target {
	all := make(map[int]Target)
	t.Each(func(row int, target *Target) {
		alike := *target
		for i, steps := range alike.Latency.steps {
			if steps != nil && *steps == [coarseSteps]uint64{} {
				alike.Latency.steps[i] = nil
			}
		}
		all[row] = alike
	})
	return all
}

func (l *Latency) equal(o *Latency) bool {
	return l.sum == o.sum && l.min == o.min && l.max == o.max && l.hist.Equals(o.hist)
}

func TestTally(t *testing.T) {
	got := tally(outcomes(100, 1))
	if got.Requests() != 100 || got.Succeeded() != 70 || got.Unsuccessful() != 30 {
		t.Errorf("%d requests, %d succeeded", got.Requests(), got.Succeeded())
	}
	if got.Failed[exchange.Timeout] != 10 || got.Failed[exchange.Length] != 10 || got.Statuses[503] != 10 || got.Statuses[200] != 70 || got.Statuses[0] != 20 {
		t.Errorf("failed %v", got.Failed)
	}
	if want := map[string]uint64{"503 Service Unavailable": 10, "timeout: never sent": 10, "length": 10}; fmt.Sprint(got.Errors) != fmt.Sprint(want) {
		t.Errorf("errors %v, want %v", got.Errors, want)
	}
	if got.Answered() != 80 || got.Ends[exchange.Unsent] != 10 || got.Ends[exchange.Broken] != 10 {
		t.Errorf("%d answered, ends %v", got.Answered(), got.Ends)
	}
	if got.Response().Count() != 100 || got.Latency().Count() != 80 || got.Service.Count() != 80 || got.FirstByte.Count() != 80 {
		t.Errorf("%d response, %d latencies and %d service times", got.Response().Count(), got.Latency().Count(), got.Service.Count())
	}
}

// TestTallyMerge: parts that are merged are the whole, also after they went
// through gob, and a reset tally is a new one.
func TestTallyMerge(t *testing.T) {
	all := outcomes(1000, 2)
	whole := tally(all)
	merged := tally(outcomes(50, 3))
	merged.Reset()
	for part := range slices.Chunk(all, 137) {
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(tally(part)); err != nil {
			t.Fatal(err)
		}
		var decoded Tally
		if err := gob.NewDecoder(&b).Decode(&decoded); err != nil {
			t.Fatal(err)
		}
		merged.Merge(&decoded)
	}
	merged.Merge(NewTally())
	if !merged.equal(whole) {
		t.Errorf("merged %+v\nwhole %+v", merged, whole)
	}
}

// TestConnections: what ends in order is no error.
func TestConnections(t *testing.T) {
	parts := []*Tally{NewTally(), NewTally()}
	for _, part := range parts {
		part.AddConnection(Made{Dial: time.Millisecond, TLS: 2 * time.Millisecond})
		part.AddConnection(Made{Dial: 3 * time.Millisecond})
		part.AddConnectionFailure(exchange.CloseFailure(nil))
		part.AddConnectionFailure(&exchange.Failure{Kind: exchange.GoAway, Detail: "NO_ERROR"})
		part.AddConnectionFailure(&exchange.Failure{Kind: exchange.GoAway, Detail: "ENHANCE_YOUR_CALM"})
		part.AddConnectionFailure(&exchange.Failure{Kind: exchange.Malformed})
	}
	got := parts[0]
	got.Merge(parts[1])
	if want := map[string]uint64{"goaway: ENHANCE_YOUR_CALM": 2, "malformed": 2}; got.Connections != 4 || got.BadConnections() != 4 || fmt.Sprint(got.ConnectionErrors) != fmt.Sprint(want) {
		t.Errorf("%d made, errors %v", got.Connections, got.ConnectionErrors)
	}
	if got.Dial.Count() != 4 || got.Dial.Max() != 3*time.Millisecond || got.TLS.Count() != 2 || got.TLS.Min() != 2*time.Millisecond {
		t.Errorf("%d dialled, %d handshakes: one without TLS has none", got.Dial.Count(), got.TLS.Count())
	}
	got.Reset()
	if got.Dial.Count() != 0 || got.TLS.Count() != 0 || got.Connections != 0 || len(got.ConnectionErrors) != 0 {
		t.Errorf("after a reset: %d made, errors %v", got.Connections, got.ConnectionErrors)
	}
}

// TestErrorsAreBounded: a server cannot make texts without end.
func TestErrorsAreBounded(t *testing.T) {
	got := NewTally()
	for status := 400; status < 999; status++ {
		got.Add(&exchange.Outcome{Status: status})
	}
	if n := len(got.Errors); n > maxErrors+1 {
		t.Errorf("%d texts", n)
	}
	var sum uint64
	for _, n := range got.Errors {
		sum += n
	}
	if sum != got.Unsuccessful() || got.Errors[otherErrors] == 0 {
		t.Errorf("%d errors under texts, %d in all", sum, got.Unsuccessful())
	}
}

func TestRun(t *testing.T) {
	r := &Run{Duration: 2 * time.Second, Asked: 100}
	for i := range 2 {
		part := NewTally()
		for n := range 100 {
			due := time.Duration(i)*time.Second + time.Duration(n)*10*time.Millisecond
			part.Add(&exchange.Outcome{Ticket: exchange.Ticket{Due: due}, Sent: due + 500*time.Millisecond, Ended: due + time.Second, Status: 200 + 300*(n%2)})
		}
		p := r.Add(&Interval{Index: i, Begin: time.Duration(i) * time.Second, Length: time.Second, Due: 100, Asked: 100, Tally: part})
		if p.Rate() != 50 || p.Failed != 50 || p.Answered != 100 || p.Mean != time.Second || p.Timed != 50 || p.ServiceMean != 500*time.Millisecond {
			t.Errorf("%+v", p)
		}
	}
	for name, tt := range map[string]struct{ got, want float64 }{
		"rate":       {r.Rate(), 100},
		"throughput": {r.Throughput(), 100 / 2.99},
		"reached":    {r.Reached(), 100 / 2.0}, // each took a second, none is behind
		"answered":   {r.Answered(), 200 / 2.0},
		"success":    {r.Success(), 0.5},
		"wait":       {r.Wait().Seconds(), 0.99},
	} {
		if math.Abs(tt.got-tt.want) > 1e-9 {
			t.Errorf("%s is %v, want %v", name, tt.got, tt.want)
		}
	}
	empty := &Run{Total: NewTally()}
	if empty.Rate() != 0 || empty.Throughput() != 0 || empty.Reached() != 0 || empty.Answered() != 0 || empty.Success() != 0 || empty.Wait() != 0 {
		t.Error("a run of nothing has figures")
	}
}

func TestIntervalMerge(t *testing.T) {
	a := &Interval{Length: time.Second, Due: 10, Asked: 10, InFlight: 1, Busy: .5, Tally: tally(outcomes(10, 4))}
	b := &Interval{Length: 1100 * time.Millisecond, Due: 20, Asked: 20, InFlight: 2, Busy: .4, Tally: tally(outcomes(20, 5))}
	a.Merge(b)
	if a.Length != 1100*time.Millisecond || a.Due != 30 || a.Asked != 30 || a.InFlight != 3 || a.Busy != .5 || a.Tally.Requests() != 30 {
		t.Errorf("%+v", a)
	}
}

func BenchmarkTallyAdd(b *testing.B) {
	all := outcomes(1000, 6)
	t := NewTally()
	b.ReportAllocs()
	for i := range b.N {
		t.Add(&all[i%len(all)])
	}
}
