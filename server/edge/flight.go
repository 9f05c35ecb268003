package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

var (
	// ErrTimeout means that the origin took too long.
	ErrTimeout = errors.New("the origin did not answer in time")

	errNobodyWaits = errors.New("nobody waits for the answer any more")
	errAbandoned   = errors.New("the fetch ended without an answer")
)

// flight is a fetch that is under way, and all who wait for it.
type flight struct {
	ctx    context.Context // ends when nobody waits, or time is up
	cancel context.CancelCauseFunc

	waiting int // guarded by Edge.mu

	done   chan struct{} // closed when answer and err are set
	answer origin.Answer
	err    error
}

// Get gets the resource behind key: from the cache where another request has
// just stored it, else from the origin. All who ask for one key at a time wait
// for one fetch; one whose ctx ends leaves, and the last to leave cancels the
// fetch. Exactly one of resp and stream is set where err is nil. An error of
// the origin was logged and counted when it happened, once for all.
func (e *Edge) Get(ctx context.Context, key string) (resp *message.Response, stream http.Handler, err error) {
	answer, err := e.get(ctx, key, nil)
	return answer.Response, answer.Stream, err
}

// get is Get, and with stale a revalidation of that entry.
func (e *Edge) get(ctx context.Context, key string, stale *Entry) (origin.Answer, error) {
	e.mu.Lock()
	f := e.flights[key]
	switch {
	case f != nil:
		f.waiting++
		if stale == nil {
			e.metrics.CoalescedMisses.Add(e.stripe, 1)
		}
	case stale == nil:
		// A flight stores before it leaves the map: what it stored after
		// the caller looked is seen here, and is not fetched again.
		if entry, ok := e.cache.Peek(key, time.Now()); ok {
			e.mu.Unlock()
			return entry.answer, nil
		}
		f = e.takeOff(key, nil)
	default:
		f = e.takeOff(key, stale)
	}
	e.mu.Unlock()

	var err error
	select {
	case <-f.done:
		return f.answer, f.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-f.ctx.Done():
		select {
		case <-f.done:
			return f.answer, f.err
		default: // the origin does not heed its context
			err = context.Cause(f.ctx)
		}
	}
	e.leave(key, f)
	return origin.Answer{}, fmt.Errorf("waiting for the fetch of %q: %w", key, err)
}

// takeOff starts a flight with one who waits. e.mu is held.
func (e *Edge) takeOff(key string, stale *Entry) *flight {
	ctx, stop := context.WithTimeoutCause(context.Background(), e.timeout, ErrTimeout)
	ctx, cancel := context.WithCancelCause(ctx)
	f := &flight{ctx: ctx, cancel: cancel, waiting: 1, done: make(chan struct{}), err: errAbandoned}
	e.flights[key] = f
	go func() {
		defer stop()
		defer e.land(key, f)
		f.answer, f.err = e.fetch(ctx, key, stale)
	}()
	return f
}

// land hands the result of a flight to those who wait.
func (e *Edge) land(key string, f *flight) {
	e.mu.Lock()
	if e.flights[key] == f {
		delete(e.flights, key)
	}
	e.mu.Unlock()
	close(f.done)
	f.cancel(nil)
}

// leave takes one away who waits. A flight that nobody waits for is cancelled,
// and the next to miss starts another. One whose time is up stays until the
// origin lets go of it, so that one stuck file holds one permit and not all.
func (e *Edge) leave(key string, f *flight) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f.waiting--
	if f.waiting == 0 && f.ctx.Err() == nil && e.flights[key] == f {
		f.cancel(errNobodyWaits)
		delete(e.flights, key)
	}
}

// fetch asks the origin when it is its turn, and keeps what may be kept.
func (e *Edge) fetch(ctx context.Context, key string, stale *Entry) (answer origin.Answer, err error) {
	defer func() { e.count(key, answer, err) }()
	if err := e.bulkhead.acquire(ctx); err != nil {
		return origin.Answer{}, err
	}
	defer e.bulkhead.release()
	started := time.Now()
	answer, err = e.ask(ctx, key, stale)
	e.metrics.OriginFetchDuration.ObserveN(e.stripe, time.Since(started), 1)
	if err == nil {
		e.keep(key, answer, started, stale)
	}
	return answer, err
}

// ask is the origin's Fetch, with a panic turned into an error.
func (e *Edge) ask(ctx context.Context, key string, stale *Entry) (answer origin.Answer, err error) {
	defer func() {
		if v := recover(); v != nil {
			e.metrics.Panics.Add(e.stripe, 1)
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	if stale != nil {
		return e.origin.Fetch(ctx, key, &stale.answer)
	}
	return e.origin.Fetch(ctx, key, nil)
}

// keep stores an answer that may be stored, and otherwise removes the entry
// that it takes the place of. Its age counts from when the origin was asked:
// what the origin saw may have changed right after.
func (e *Edge) keep(key string, answer origin.Answer, asked time.Time, stale *Entry) {
	if answer.Store {
		entry := &Entry{answer: answer}
		fresh := asked.Add(answer.Fresh)
		entry.recheck.Store(fresh.UnixNano())
		if e.cache.Set(key, entry, answer.Response.Size(), fresh.Add(answer.Stale)) {
			return
		}
	}
	if stale != nil {
		e.cache.Remove(key)
	}
}

// count counts a fetch that ended, and logs it where somebody has to look at
// it: here, since any number of requests are waiting for it.
func (e *Edge) count(key string, answer origin.Answer, err error) {
	outcome := metrics.FetchOK
	switch {
	case err == nil:
		if answer.Response != nil && answer.Response.Status == http.StatusNotFound {
			outcome = metrics.FetchNotFound
		}
	case errors.Is(err, ErrOverloaded):
		outcome = metrics.FetchRefused
	case errors.Is(err, errNobodyWaits), errors.Is(err, context.Canceled):
		outcome = metrics.FetchCanceled
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		outcome = metrics.FetchTimeout
		e.log.Warn("fetching from the origin took too long", "key", key, "limit", e.timeout)
	default:
		outcome = metrics.FetchError
		e.log.Error("fetching from the origin", "key", key, "err", err)
	}
	e.metrics.OriginFetches.Add(e.stripe, outcome, 1)
}
