package attack

import (
	"context"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// watch reports an interval each second of the measurement, ends the attack
// early when ctx ends, and returns when over is closed. cut ends connections
// that are being made, and pauses before the next.
func (a *attack) watch(ctx context.Context, cut func(), over <-chan struct{}) {
	begin := a.epoch.Load().Add(a.warmup)
	a.meter = newMeter(begin)
	defer a.meter.stop()
	boundary := a.boundary(0)
	next := time.NewTimer(time.Until(begin.Add(boundary)))
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
			boundary = a.boundary(boundary)
			next.Reset(time.Until(begin.Add(boundary)))
		case <-early:
			early = nil
			a.halt()
			if now := a.duration(); now > current.Begin {
				current = a.closeInterval(current, now)
			}
			cut()
			a.wakeAll(false)
			giveUp = time.After(grace)
		case <-giveUp:
			a.closing.Store(true)
			a.wakeAll(true)
		case <-over:
			a.closeLast(current, time.Since(begin))
			return
		}
	}
}

// halt ends the attack at this moment.
func (a *attack) halt() {
	now := a.now()
	a.stopped.CompareAndSwap(nil, &now)
}

// boundary is the end of the interval that begins at a boundary, since the
// measurement began: a second later. The attack's end is a boundary, so that no
// interval has requests that were due for a part of it only; responses that come
// afterwards are in intervals of their own. One that would be shorter than brief
// is a part of the one before.
func (a *attack) boundary(begin time.Duration) time.Duration {
	const brief = 100 * time.Millisecond
	end := begin + time.Second
	if last := a.end - a.warmup; begin < last && end > last-brief {
		return last
	}
	return end
}

// closeLast reports what was counted since the last interval, if anything was.
// It is as long as there were responses: then connections were closed.
func (a *attack) closeLast(i *measure.Interval, now time.Duration) {
	if now <= i.Begin {
		return
	}
	a.recorder.collect(i.Tally)
	if last := i.Tally.LastEnd - a.warmup; i.Tally.Requests() > 0 && last > i.Begin {
		now = min(now, last)
	}
	if i.Index == 0 || i.Tally.Requests() > 0 || i.Tally.BadConnections() > 0 {
		a.closeInterval(i, now)
	}
}

// closeInterval reports what was counted until now, since the measurement
// began, and begins the next interval. On a busy machine more of it may be collected
// than ended by now: what was due meanwhile counts as well, so that never more have
// ended than were due.
func (a *attack) closeInterval(i *measure.Interval, now time.Duration) *measure.Interval {
	a.recorder.collect(i.Tally)
	asked := a.due(now) - a.due(i.Begin)
	due := a.due(max(now, a.now()-a.warmup))
	i.Due, a.counted = due-a.counted, due
	i.Length = now - i.Begin
	i.Busy = a.meter.lap()
	i.Drain = i.Begin >= a.duration() && i.Index > 0
	i.InFlight = a.recorder.inFlight.Load()
	if asking := min(now, a.duration()) - i.Begin; asking > 0 {
		i.Asked = float64(asked) / asking.Seconds()
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
	if at := a.exhausted.Load(); at != nil {
		end = min(end, *at)
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
		Exhausted:   a.exhausted.Load() != nil,
		Grown:       int(a.grown.Load()),
		Busy:        a.meter.share,
		Spoken:      exchange.Protocols(a.versions.Load()),
		Fallback:    a.fellBack.Load(),
	}
	if (stopped || s.Exhausted) && a.schedule != nil {
		// What connections took while it was being stopped may be due a
		// moment after that.
		s.Scheduled = a.recorder.measured.Load()
	}
	return s
}
