package attack

import (
	"context"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// watch reports an interval each second of the measurement, ends the attack
// early when ctx ends, and returns when over is closed. cut ends connections
// that are being made, and pauses before the next.
func (a *attack) watch(ctx context.Context, cut func(), over <-chan struct{}) {
	begin := a.epoch.Load().Add(a.warmup)
	next := time.NewTimer(time.Until(begin.Add(a.intervalEnd(0))))
	defer next.Stop()
	var (
		giveUp  <-chan time.Time
		early   = ctx.Done()
		current = &measure.Interval{Tally: measure.NewTally()}
	)
	for {
		select {
		case <-next.C:
			current = a.closeInterval(current, time.Since(begin))
			next.Reset(time.Until(begin.Add(a.intervalEnd(current.Index))))
		case <-early:
			early = nil
			a.halt()
			cut()
			for _, c := range a.conns {
				c.wake(false)
			}
			giveUp = time.After(grace)
		case <-giveUp:
			a.closing.Store(true)
			for _, c := range a.conns {
				c.wake(true)
			}
		case <-over:
			if now := time.Since(begin); now > 0 {
				a.closeInterval(current, now)
			}
			return
		}
	}
}

// halt ends the attack at this moment.
func (a *attack) halt() {
	now := a.now()
	a.stopped.CompareAndSwap(nil, &now)
}

// intervalEnd is when an interval ends, since the measurement began: each
// second. The one in which the last request is due waits for the responses, for
// a little: else an interval of a few milliseconds would follow, whose rate
// says nothing.
func (a *attack) intervalEnd(index int) time.Duration {
	const settle = 500 * time.Millisecond
	end := time.Duration(index+1) * time.Second
	if last := a.end - a.warmup; end >= last && end < last+settle {
		return last + settle
	}
	return end
}

// closeInterval reports what was counted until now, since the measurement
// began, and begins the next interval.
func (a *attack) closeInterval(i *measure.Interval, now time.Duration) *measure.Interval {
	a.recorder.collect(i.Tally)
	i.Length = now - i.Begin
	i.InFlight = a.recorder.inFlight.Load()
	i.Due = a.due(now) - a.due(i.Begin)
	if asking := min(now, a.duration()) - i.Begin; asking > 0 {
		i.Asked = float64(i.Due) / asking.Seconds()
	}
	a.recorder.lastDue = max(a.recorder.lastDue, i.Tally.LastDue)
	if a.hooks.Interval != nil {
		a.hooks.Interval(i)
	}
	return &measure.Interval{Index: i.Index + 1, Begin: now, Tally: measure.NewTally()}
}

// due is how many measured requests this machine was to send before now: its
// share of them, rounded down.
func (a *attack) due(now time.Duration) uint64 {
	if a.schedule == nil {
		return 0
	}
	now = min(now, a.duration())
	all := min(a.schedule.then.Hits(now), a.total-a.schedule.hits)
	return uint64(float64(all) * float64(a.cfg.Count) / float64(a.cfg.Connections))
}

// duration is how long measured requests are due: until the attack's end, or
// the moment at which it was ended.
func (a *attack) duration() time.Duration {
	end := a.end
	if at, stopped := a.stop(); stopped {
		end = min(end, at)
	}
	if end == never { // a closed loop over a number of requests
		end = a.recorder.lastDue
	}
	return max(0, end-a.warmup)
}

func (a *attack) summary() Summary {
	_, stopped := a.stop()
	s := Summary{
		Begin:       a.epoch.Load().Add(a.warmup),
		Duration:    a.duration(),
		Scheduled:   a.scheduled(),
		Warmup:      a.recorder.warm.Load(),
		Interrupted: stopped,
	}
	if stopped && a.schedule != nil {
		// What connections took while it was being stopped may be due a
		// moment after that.
		s.Scheduled = a.recorder.measured.Load()
	}
	return s
}
