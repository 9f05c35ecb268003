package fleet

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// stopTime is how long agents may take to report after the command to stop:
// a second for requests in flight, and then the way of what they have to say, which
// on a busy machine was seen to take five.
const stopTime = 10 * time.Second

// collector gathers what agents report of an attack that has begun.
type collector struct {
	*fleet
	epoch   time.Time
	merger  *merger
	stopped time.Duration // when ctx ended, since epoch; 0: it did not
}

// collect returns when every agent has ended or is lost.
func (c *collector) collect(ctx context.Context) {
	waits := time.NewTicker(patience / 6)
	defer waits.Stop()
	early, cut := ctx.Done(), (<-chan time.Time)(nil)
	for {
		complete := c.complete()
		c.merger.flush(complete, time.Now())
		if complete == allEnded {
			return
		}
		select {
		case e := <-c.events:
			if !e.ended {
				c.take(e)
			}
		case <-waits.C:
		case <-early:
			early, cut = nil, time.After(stopTime)
			c.stopped = max(time.Since(c.epoch), 1)
			for _, w := range c.workers {
				c.command(w, func() message { return message{Kind: kindStop} })
			}
		case <-cut:
			for _, w := range c.workers {
				w.link.close()
			}
		}
	}
}

// allEnded is more intervals than any agent reports.
const allEnded = math.MaxInt

// complete is how many intervals were reported by all agents that still run.
func (c *collector) complete() int {
	n := allEnded
	for _, w := range c.workers {
		if !w.ended {
			n = min(n, w.intervals)
		}
	}
	return n
}

// take takes what an agent said, or that its connection ended.
func (c *collector) take(e event) {
	w, err := e.worker, e.err
	if err == nil {
		err = c.accept(w, e.message)
	}
	if err != nil {
		w.ended, w.lost = true, true
		c.Log.Warn("an agent is lost: the attack goes on without it", "agent", w.address, "err", err)
	}
	if w.ended {
		w.link.close()
	}
}

// errLeft is why an agent is lost that was ended in order: what it
// had still to send is missing all the same.
var errLeft = errors.New("it was stopped where it runs")

func (c *collector) accept(w *worker, m *message) error {
	switch {
	case m.Kind == kindDone && m.Summary != nil:
		if m.Summary.Interrupted && c.stopped == 0 {
			return errLeft
		}
		w.summary, w.ended = *m.Summary, true
		return nil
	case m.Kind != kindInterval:
		return out(m)
	}
	if err := w.count(m.Interval); err != nil {
		return err
	}
	c.merger.add(m.Interval, time.Now())
	return nil
}

// summary adds up the agents' summaries, and reports what was lost.
func (c *collector) summary() (attack.Summary, error) {
	s := attack.Summary{Begin: c.epoch.Add(c.cfg.Warmup)}
	lost, due := measure.NewTally(), uint64(0)
	for _, w := range c.workers {
		if w.lost {
			n, err := w.writeOff(c.stopped)
			if err != nil {
				return s, w.fail(err)
			}
			if n > 0 {
				lost.AddLost(n, w.obituary())
			}
			due += w.summary.Scheduled - min(w.due, w.summary.Scheduled)
		}
		s.Duration = max(s.Duration, w.summary.Duration)
		s.Scheduled += w.summary.Scheduled
		s.Warmup += w.summary.Warmup
		s.Grown += w.summary.Grown
		s.Spoken |= w.summary.Spoken
		s.Fallback = s.Fallback || w.summary.Fallback
		s.Busy = max(s.Busy, w.summary.Busy)
		s.Interrupted = s.Interrupted || w.summary.Interrupted
	}
	if lost.Requests() > 0 {
		lost.FirstDue = c.cfg.Warmup
		lost.LastDue = c.cfg.Warmup + s.Duration
		lost.LastEnd = lost.LastDue
		c.merger.last(due, lost)
	}
	return s, nil
}
