package attack

import (
	"runtime"
	"sync/atomic"
	"time"
)

// meter measures what share of its cores the load generator uses, from a moment on. It
// belongs to the goroutine that watches the attack.
type meter struct {
	begin time.Time
	timer *time.Timer
	first atomic.Int64 // the processor time at the beginning; 0: it has not begun

	last  time.Duration // the processor time at the end of the latest lap
	since time.Time     // that end

	share float64 // of the whole time, when it has stopped
}

func newMeter(begin time.Time) *meter {
	m := &meter{begin: begin}
	m.timer = time.AfterFunc(time.Until(begin), func() { m.first.Store(int64(processorTime())) })
	return m
}

// lap is the share since the lap before, or since the beginning.
func (m *meter) lap() float64 {
	now, used := time.Now(), processorTime()
	if m.first.Load() == 0 {
		return 0
	}
	if m.since.IsZero() {
		m.since, m.last = m.begin, time.Duration(m.first.Load())
	}
	share := shareOfCores(used-m.last, now.Sub(m.since))
	m.since, m.last = now, used
	return share
}

func (m *meter) stop() {
	if !m.timer.Stop() && m.first.Load() != 0 {
		m.share = shareOfCores(processorTime()-time.Duration(m.first.Load()), time.Since(m.begin))
	}
}

func shareOfCores(used, elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	return float64(used) / float64(elapsed) / float64(runtime.GOMAXPROCS(0))
}
