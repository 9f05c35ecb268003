package fleet

import (
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// patience is how long an interval waits for the agents that have not reported
// theirs. What they report later is added to the next one.
const patience = 3 * time.Second

// merger makes one interval of those that agents report for the same second,
// and reports them in order.
type merger struct {
	report  func(*measure.Interval)
	next    int           // the index that is reported next
	end     time.Duration // where the last one ended
	pending map[int]*pending
}

type pending struct {
	interval *measure.Interval
	since    time.Time // when the first agent reported it
}

func newMerger(report func(*measure.Interval)) *merger {
	if report == nil {
		report = func(*measure.Interval) {}
	}
	return &merger{report: report, pending: make(map[int]*pending)}
}

// add takes an agent's interval. Each agent's come in order, from index 0.
func (m *merger) add(i *measure.Interval, now time.Time) {
	index, begin := i.Index, i.Begin
	if index < m.next {
		// Late: how long it was and what was in flight then is over.
		index, begin = m.next, m.end
		i = &measure.Interval{Due: i.Due, Tally: i.Tally}
	}
	p := m.pending[index]
	if p == nil {
		p = &pending{&measure.Interval{Index: index, Begin: begin, Tally: measure.NewTally()}, now}
		m.pending[index] = p
	}
	p.interval.Merge(i)
}

// flush reports the intervals that all agents have reported, complete of them,
// and those that have waited long enough.
func (m *merger) flush(complete int, now time.Time) {
	for {
		p := m.pending[m.next]
		if p == nil || m.next >= complete && now.Sub(p.since) < patience {
			return
		}
		delete(m.pending, m.next)
		m.end = p.interval.Begin + p.interval.Length
		m.next++
		m.report(p.interval)
	}
}

// last reports, after all others, an interval without length.
func (m *merger) last(due uint64, t *measure.Tally) {
	m.report(&measure.Interval{Index: m.next, Begin: m.end, Drain: true, Due: due, Tally: t})
}
