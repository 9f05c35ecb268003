package attack

import (
	"context"
	"time"
)

// Requests that are due within a moment of each other leave a connection
// together: each alone would cost its own record, its own system calls and its
// own turn of the server, seven times the work. At 150,000/s on 8 connections
// that is the difference between a quarter of a core and a whole one.
//
// A rate of up to batchesPerSecond waits for nothing. Beyond it, a connection
// waits until its oldest request is late by the attack's quantum, at most
// maxQuantum, and sends all that are due: unless fewer than leastBatch would
// come together, for which it does not wait. The wait is part of the latency
// that is measured, like any other.
const (
	batchesPerSecond = 10_000
	maxQuantum       = time.Millisecond
	leastBatch       = 2
)

// quantum is how late a connection lets a request become so that others can go
// with it, for so many connections at a rate per second. With one stream none
// can.
func quantum(connections, streams int, rate float64) time.Duration {
	if rate <= batchesPerSecond || streams == 1 {
		return 0
	}
	q := min(time.Duration(connections)*time.Second/batchesPerSecond, maxQuantum)
	if rate/float64(connections)*q.Seconds() < leastBatch {
		return 0
	}
	return q
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
		if !sleeper.sleep(ctx, max(a.schedule.Due(n)-now, least)) {
			return
		}
	}
}
