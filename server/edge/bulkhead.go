package edge

import (
	"context"
	"sync/atomic"
)

// bulkhead lets a number of fetches through at once, lets some more wait, and
// turns the rest away.
type bulkhead struct {
	permits chan struct{} // one for each fetch in progress
	queue   int64         // most that wait
	waiting atomic.Int64
}

func newBulkhead(permits, queue int) *bulkhead {
	return &bulkhead{permits: make(chan struct{}, permits), queue: int64(queue)}
}

// acquire takes a permit, waiting for one if none is free, until ctx ends.
func (b *bulkhead) acquire(ctx context.Context) error {
	select {
	case b.permits <- struct{}{}:
		return nil
	default:
	}
	defer b.waiting.Add(-1)
	if b.waiting.Add(1) > b.queue {
		return errOverloaded
	}
	select {
	case b.permits <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *bulkhead) release() { <-b.permits }
