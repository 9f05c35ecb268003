package measure

import (
	"encoding/gob"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// TestTargets: each request is counted once, with its target or, beyond those that
// are apart, with all others.
func TestTargets(t *testing.T) {
	got := NewTally()
	add := func(row int, n int, o exchange.Outcome) {
		o.Request = &exchange.Request{Row: row}
		for range n {
			got.Add(&o)
		}
	}
	add(1, 3, exchange.Outcome{Status: 200, Ended: time.Millisecond})
	add(1, 2, exchange.Outcome{Status: 404, Ended: time.Second})
	add(2, 1, exchange.Outcome{Ended: time.Minute, Failure: &exchange.Failure{Kind: exchange.Timeout}})
	add(2, 1, exchange.Outcome{Ended: time.Second, Failure: &exchange.Failure{Kind: exchange.Closed}})
	add(MaxTargets+1, 4, exchange.Outcome{Status: 301})
	add(1<<40, 5, exchange.Outcome{Status: 301})
	add(0, 6, exchange.Outcome{Status: 200})
	all := got.Targets.all()
	if len(all) != 3 {
		t.Fatalf("%d targets", len(all))
	}
	first, second, others := all[1], all[2], all[MaxTargets+1]
	if first.Requests() != 5 || first.Answered() != 5 || first.Classes != [6]uint64{2: 3, 4: 2} || first.Latency.Count() != 3 || first.Latency.Max() != time.Millisecond {
		t.Errorf("a refusal makes nothing slower: %+v", first)
	}
	if second.Requests() != 2 || second.Answered() != 0 || second.Failed[exchange.Timeout] != 1 || second.Failed[exchange.Closed] != 1 || second.Latency.Count() != 1 || second.Latency.Max() != time.Minute {
		t.Errorf("what had no answer in time took as long, at least: %+v", second)
	}
	if others.Requests() != 9 {
		t.Errorf("%d of all others", others.Requests())
	}
}

// TestTargetsDoNotAllocate: once a target's latencies have their memory, nothing
// more is needed.
func TestTargetsDoNotAllocate(t *testing.T) {
	all := outcomes(1000, 7)
	for i := range all {
		all[i].Request = &exchange.Request{Row: i % 100}
	}
	got, spare := tally(all), NewTally()
	spare.Merge(got)
	if n := testing.AllocsPerRun(20, func() {
		for i := range all {
			if o := &all[i]; o.Failure == nil && o.Status < 400 { // the texts of errors are made
				got.Add(o)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := testing.AllocsPerRun(5, func() {
		spare.Targets.merge(&got.Targets)
		spare.Targets.reset()
	}); n != 0 {
		t.Errorf("%v allocations to merge", n)
	}
}

// TestCodes: what is rare is with its class, and nothing is lost.
func TestCodes(t *testing.T) {
	got := NewTally()
	for status := 200; status < 600; status++ {
		got.Add(&exchange.Outcome{Status: status})
	}
	for range 10 {
		got.Add(&exchange.Outcome{Status: 503})
		got.Add(&exchange.Outcome{Failure: &exchange.Failure{}})
	}
	codes, sum, classes := got.codes(), uint64(0), [6]uint64{}
	for _, c := range codes {
		sum += c.Requests
		classes[c.Class()] += c.Requests
	}
	if len(codes) > maxCodes+5 || sum != 420 || classes != [6]uint64{10, 0, 100, 100, 100, 110} {
		t.Errorf("%d of %v", sum, codes)
	}
	texts := make(map[string]uint64)
	for _, c := range codes {
		texts[c.String()] = c.Requests
	}
	if texts["0"] != 10 || texts["503"] != 11 || texts["4xx"] != 100 {
		t.Errorf("%v", texts)
	}
}

// FuzzTargets: whatever another machine sends is counted or refused, and is in
// bounds.
func FuzzTargets(f *testing.F) {
	seed, _ := tally(outcomes(50, 8)).Targets.GobEncode()
	f.Add(seed)
	f.Add(seed[:len(seed)/2])
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, p []byte) {
		var got Targets
		var _ gob.GobDecoder = &got
		if got.GobDecode(p) != nil {
			return
		}
		got.Each(func(row int, target *Target) {
			if row < 1 || row > MaxTargets+1 || target.Latency.Max() > Highest {
				t.Errorf("row %d: %v", row, target.Latency.Max())
			}
		})
	})
}

// TestTargetsCutOff: each beginning of what is sent is refused, unless it ends with
// a target.
func TestTargetsCutOff(t *testing.T) {
	var one Targets
	one.row(7).add(&exchange.Outcome{Status: 200, Ended: time.Second}, exchange.Succeeded)
	p, _ := one.GobEncode()
	for n := 1; n < len(p); n++ {
		if new(Targets).GobDecode(p[:n]) == nil {
			t.Errorf("%d of %d bytes are taken", n, len(p))
		}
	}
	var got Targets
	if err := got.GobDecode(p); err != nil || got.all()[7].Ends != one.all()[7].Ends {
		t.Errorf("%+v, %v", got.all(), err)
	}
	for _, bad := range [][]byte{{0}, {0xff, 0xff, 1}, append(make([]byte, 0), 0x80)} {
		if new(Targets).GobDecode(bad) == nil {
			t.Errorf("% x is taken", bad)
		}
	}
}
