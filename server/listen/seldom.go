package listen

import "time"

// seldomEvery is how often one cause may be logged. Out of descriptors, accepting
// fails two hundred times a second at first, and a log that fills a disk is one
// more failure.
const seldomEvery = time.Second

// seldom decides what is logged of a cause that repeats. The zero value is
// ready; it belongs to one goroutine.
type seldom struct {
	last    time.Time
	skipped int // since then
}

// due reports whether a line may be logged now, and if so for how many before it
// there was none.
func (s *seldom) due(now time.Time) (skipped int, ok bool) {
	if !s.last.IsZero() && now.Sub(s.last) < seldomEvery {
		s.skipped++
		return 0, false
	}
	skipped, s.skipped, s.last = s.skipped, 0, now
	return skipped, true
}
