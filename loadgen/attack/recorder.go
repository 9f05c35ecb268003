package attack

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// recorder tallies outcomes. Connections add to shards, each behind a lock that
// is taken once a turn; once a second collect swaps the shards' tallies for
// empty ones and sums them up.
type recorder struct {
	warmup   time.Duration            // what was due before is counted, not measured
	outcomes func([]exchange.Outcome) // nil: they are only counted
	shards   []*shard
	inFlight atomic.Int64
	warm     atomic.Uint64 // outcomes of the warm-up
	measured atomic.Uint64 // all others

	// Of the goroutine that calls collect:
	spare   *measure.Tally
	lastDue time.Duration
}

type shard struct {
	*recorder
	mu    sync.Mutex
	tally *measure.Tally
}

func newRecorder(warmup time.Duration, outcomes func([]exchange.Outcome)) *recorder {
	r := &recorder{warmup: warmup, outcomes: outcomes, spare: measure.NewTally()}
	for range runtime.GOMAXPROCS(0) {
		r.shards = append(r.shards, &shard{recorder: r, tally: measure.NewTally()})
	}
	return r
}

// batch is what ended in a turn.
type batch struct {
	outcomes []exchange.Outcome
	retries  uint64
	waited   uint64 // for room on their connection
	starved  uint64 // for their target to be read
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func (b *batch) release() {
	if cap(b.outcomes) > 2*maxBatch {
		return
	}
	clear(b.outcomes)
	b.outcomes, b.retries, b.waited, b.starved = b.outcomes[:0], 0, 0, 0
	batches.Put(b)
}

// add counts a batch, nil for none, and how many more are in flight. What was
// due before the warm-up's end is dropped from the batch.
func (s *shard) add(b *batch, inFlight int64) {
	s.inFlight.Add(inFlight)
	if b == nil {
		return
	}
	if s.warmup > 0 {
		s.dropWarm(b)
	}
	s.mu.Lock()
	for i := range b.outcomes {
		s.tally.Add(&b.outcomes[i])
	}
	s.tally.Retries += b.retries
	s.tally.Waited += b.waited
	s.tally.Starved += b.starved
	s.mu.Unlock()
	s.measured.Add(uint64(len(b.outcomes)))
	if s.outcomes != nil && len(b.outcomes) > 0 {
		s.outcomes(b.outcomes)
	}
}

// made counts a connection.
func (s *shard) made(took measure.Made) {
	s.mu.Lock()
	s.tally.AddConnection(took)
	s.mu.Unlock()
}

// failed counts why a connection could not be made, or has ended.
func (s *shard) failed(f *exchange.Failure) {
	s.mu.Lock()
	s.tally.AddConnectionFailure(f)
	s.mu.Unlock()
}

func (s *shard) dropWarm(b *batch) {
	kept := b.outcomes[:0]
	for _, o := range b.outcomes {
		if o.Due >= s.warmup {
			kept = append(kept, o)
		}
	}
	s.warm.Add(uint64(len(b.outcomes) - len(kept)))
	b.outcomes = kept
}

// collect moves what was counted since the last time into t.
func (r *recorder) collect(t *measure.Tally) {
	for _, s := range r.shards {
		s.mu.Lock()
		s.tally, r.spare = r.spare, s.tally
		s.mu.Unlock()
		t.Merge(r.spare)
		r.spare.Reset()
	}
}
