package attack

import (
	"context"
	"time"
)

// Requests that are due within a moment of each other leave together: each alone
// would cost its own record, its own system calls and its own turn of the server,
// and each wake-up of the processor more than all of that. At 150,000/s on 8
// connections that is the difference between a quarter of a core and a whole one, at
// 20,000/s between a third of a core and a seventh.
//
// A rate of up to batchesPerSecond waits for nothing. Beyond it, connections send at
// the beats of a clock, all that is due by then: no request is later than the clock's
// period, at most maxPeriod, unless fewer than leastBatch would come together on a
// connection. Those whose beats coincide send largestBurst requests or so between
// them, so that the server's queue is not of our making. The wait is part of the
// latency that is measured, like any other.
const (
	batchesPerSecond = 10_000
	maxPeriod        = time.Millisecond
	leastBatch       = 2
	largestBurst     = 32
)

// beat is when connections send.
type beat struct {
	every  time.Duration // the period; 0: when a request is due
	phases int           // groups of connections, which divide the period among them
}

// beatOf is the beat of so many connections at a rate per second. With one stream no
// request can go along with another.
func beatOf(connections, streams int, rate float64) beat {
	if rate <= batchesPerSecond || streams == 1 {
		return beat{}
	}
	every := min(time.Duration(connections)*time.Second/batchesPerSecond, maxPeriod)
	together := rate * every.Seconds()
	if together/float64(connections) < leastBatch {
		return beat{}
	}
	return beat{every, min(max(int(together/largestBurst+0.5), 1), connections)}
}

// wait is for how long a request waits that is due on a lane's connection.
func (b beat) wait(due time.Duration, lane uint64) time.Duration {
	if b.every == 0 {
		return 0
	}
	phase := b.every * time.Duration(lane%uint64(b.phases)) / time.Duration(b.phases)
	return b.every - (due-phase+b.every)%b.every
}

// next is the first moment behind due at which any connection sends.
func (b beat) next(due time.Duration) time.Duration {
	if b.every == 0 {
		return due
	}
	return due + beat{b.every / time.Duration(b.phases), 1}.wait(due, 0)
}

// metronome wakes the scheduler when requests are due, until ctx ends. The
// connections have deadlines of their own, but an idle runtime waits for timers
// in epoll_wait, whose unit is a millisecond: without this every request would
// be late by half of one. It does nothing but sleep precisely, which makes the
// runtime look at its timers.
func (a *attack) metronome(ctx context.Context) {
	sleeper := newSleeper()
	stop := context.AfterFunc(ctx, sleeper.close)
	defer func() {
		if stop() {
			sleeper.close()
		}
	}()
	const least = time.Second / batchesPerSecond
	for n := uint64(0); ; n++ {
		now := a.now()
		if n = max(n, a.schedule.hitsBefore(now)); n >= a.total {
			return
		}
		due := max(a.schedule.Due(n), now)
		if !sleeper.sleep(ctx, max(a.beat(due).next(due)-now, least)) {
			return
		}
	}
}
