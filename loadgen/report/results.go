package report

import (
	"bufio"
	"io"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// Results writes outcomes in vegeta's own encoding, gob, for vegeta report,
// plot and encode. Latencies are response times; bodies and headers are left
// out; the code of a response that did not come whole is 0, as vegeta itself
// has it, so that both count the same successes.
//
// vegeta plot needs sequence numbers from 0 without a gap, and moments that do
// not go back as the numbers go up: it shows nothing beyond the first gap and
// gives up at a step back of a millisecond.
//
// One goroutine encodes and writes what callers of Add leave in a queue. No
// outcome is dropped: if the queue is full, Add waits. It is the goroutine
// of a connection that then waits, so a writer that is too slow (a disk, or
// too few cores for the encoding) shows as latency: Stalled says how much.
type Results struct {
	encode  vegeta.Encoder
	out     *bufio.Writer
	begin   time.Time
	result  vegeta.Result         // reused
	texts   map[resultsEnd]string // made once each
	stalled atomic.Int64
	ended   chan struct{} // closed when the writer has ended

	mu     sync.Mutex
	filled sync.Cond // the queue is not empty any more, or closed is set
	room   sync.Cond // the queue was taken, or err is set
	queue  []exchange.Outcome
	closed bool
	err    error
}

// resultsEnd is an end without success: a status or a failure. Both come from
// small sets.
type resultsEnd struct {
	status  int
	failure exchange.Failure
}

// resultsQueue is how many outcomes may wait, and as many may be in the
// writer's hands: 10 MiB each, nearly a second of 150,000/s.
const resultsQueue = 128 << 10

// resultsBuffer is how much is written at once, in bytes: about 500 records.
const resultsBuffer = 64 << 10

// NewResults starts the writer. name is that of the attack in every record,
// begin the wall clock of its epoch. Close ends it.
func NewResults(w io.Writer, name string, begin time.Time) *Results {
	r := new(Results)
	r.start(w, name, begin, resultsQueue)
	return r
}

func (r *Results) start(w io.Writer, name string, begin time.Time, queue int) {
	out := bufio.NewWriterSize(w, resultsBuffer)
	r.encode, r.out = vegeta.NewEncoder(out), out
	r.begin, r.result.Attack = begin, name
	r.texts = make(map[resultsEnd]string)
	r.ended = make(chan struct{})
	r.queue = make([]exchange.Outcome, 0, queue)
	r.filled.L, r.room.L = &r.mu, &r.mu
	go r.write(make([]exchange.Outcome, 0, queue))
}

// Add copies outcomes into the queue, in any order and from any goroutine, but
// not after Close. After a failed write they are discarded.
func (r *Results) Add(batch []exchange.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(batch) > 0 {
		if len(r.queue) == cap(r.queue) && r.err == nil {
			r.stall()
		}
		if r.err != nil {
			return
		}
		n := min(len(batch), cap(r.queue)-len(r.queue))
		r.queue = append(r.queue, batch[:n]...)
		batch = batch[n:]
		r.filled.Signal()
	}
}

// stall waits for room in the queue, or for a failed write.
func (r *Results) stall() {
	since := time.Now()
	for len(r.queue) == cap(r.queue) && r.err == nil {
		r.room.Wait()
	}
	r.stalled.Add(int64(time.Since(since)))
}

// Stalled is how long callers of Add have waited for the writer, summed over
// all of them.
func (r *Results) Stalled() time.Duration { return time.Duration(r.stalled.Load()) }

// Close waits until everything is written and returns the first error of
// writing. It does not close the writer underneath.
func (r *Results) Close() error {
	r.mu.Lock()
	r.closed = true
	r.filled.Signal()
	r.mu.Unlock()
	<-r.ended
	return r.err
}

// write is the writer's goroutine. It takes the whole queue at a time and
// leaves the slice that it has written in its place; spare is the first.
func (r *Results) write(spare []exchange.Outcome) {
	defer close(r.ended)
	for {
		r.mu.Lock()
		for len(r.queue) == 0 && !r.closed {
			r.filled.Wait()
		}
		taken := r.queue
		r.queue = spare[:0]
		r.room.Broadcast()
		r.mu.Unlock()

		err := r.writeAll(taken)
		last := len(taken) == 0
		if last && err == nil {
			err = r.out.Flush()
		}
		if err != nil {
			r.mu.Lock()
			r.err = err
			r.room.Broadcast()
			r.mu.Unlock()
		}
		if last || err != nil {
			return
		}
		spare = taken
	}
}

func (r *Results) writeAll(outcomes []exchange.Outcome) error {
	for i := range outcomes {
		o := &outcomes[i]
		v := &r.result
		v.Seq = o.Seq
		v.Timestamp = r.begin.Add(o.Due)
		v.Latency = max(o.Latency(), 0)
		v.BytesOut, v.BytesIn = uint64(o.BytesOut), uint64(o.BytesIn)
		v.Code, v.Error = uint16(o.Status), ""
		if o.Failure != nil {
			v.Code = 0
		}
		if !o.Succeeded() {
			v.Error = r.errorText(o)
		}
		v.Method, v.URL = o.Request.Method, o.Request.URL
		if err := r.encode(v); err != nil {
			return err
		}
	}
	return nil
}

// errorText names the end of an outcome without success.
func (r *Results) errorText(o *exchange.Outcome) string {
	end := resultsEnd{status: o.Status}
	if o.Failure != nil {
		end = resultsEnd{failure: *o.Failure}
	}
	text, known := r.texts[end]
	if !known {
		text = measure.StatusText(end.status)
		if o.Failure != nil {
			text = end.failure.Error()
		}
		r.texts[end] = text
	}
	return text
}
