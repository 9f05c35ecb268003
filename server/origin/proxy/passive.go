package proxy

import "time"

// maxFailures bounds Passive.Failures: each upstream keeps the times of as many.
const maxFailures = 1000

// failures remembers when the last fetches failed. It has no lock of its own.
type failures struct {
	times  []time.Time // a ring; as many as lead to ejection
	next   int
	window time.Duration
}

func newFailures(p Passive) failures {
	if p.Failures < 0 {
		return failures{}
	}
	return failures{times: make([]time.Time, p.Failures), window: p.Window}
}

// add counts a failure, and reports whether it is one too many: the last
// len(times) were within the window. Then counting begins anew.
func (f *failures) add(now time.Time) bool {
	if len(f.times) == 0 {
		return false
	}
	f.times[f.next] = now
	f.next = (f.next + 1) % len(f.times)
	oldest := f.times[f.next]
	if oldest.IsZero() || now.Sub(oldest) > f.window {
		return false
	}
	clear(f.times)
	f.next = 0
	return true
}
