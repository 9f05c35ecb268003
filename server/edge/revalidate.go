package edge

import (
	"context"
	"math"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

const (
	// rechecking is a time that no hit has reached.
	rechecking = math.MaxInt64

	// recheckPause is how long an entry rests after a revalidation that
	// failed or found no permit. An origin that is down is not asked in a
	// loop, and a file, served for 0.75 s while it is stale, still gets
	// several tries.
	recheckPause = 100 * time.Millisecond
)

// revalidate asks the origin about an entry in the background. It never waits:
// with all permits taken, a later hit tries again. Where the entry is current
// or has a successor, the fetch stores it; where the resource is gone, the
// fetch removes it; where the origin fails, the entry stays until it expires.
func (e *Edge) revalidate(key string, entry *Entry, now time.Time) {
	select {
	case e.revalidations <- struct{}{}:
	default:
		entry.recheck.Store(now.Add(recheckPause).UnixNano())
		return
	}
	go func() {
		defer func() { <-e.revalidations }()
		answer, err := e.get(context.Background(), key, entry)
		switch {
		case err != nil:
			entry.recheck.Store(time.Now().Add(recheckPause).UnixNano())
			e.metrics.Revalidations.Add(e.stripe, metrics.RevalidationError, 1)
		case answer.Response == entry.answer.Response:
			e.metrics.Revalidations.Add(e.stripe, metrics.RevalidationSame, 1)
		default:
			e.metrics.Revalidations.Add(e.stripe, metrics.RevalidationChanged, 1)
		}
	}()
}
