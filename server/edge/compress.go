package edge

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/encode"
)

// compressPause is for how long a coding that could not be made is not tried
// again.
const compressPause = time.Second

// compress makes a representation of what is stored under a key and adds it there.
// It runs on a goroutine of the queue, and holds the content for that time. Its
// memory is taken from the ledger, as that of a content that arrives.
func (e *Edge) compress(coders *encode.Encoders, j encode.Job) {
	began, result := time.Now(), metrics.CompressionGone
	defer func() {
		e.metrics.Compressions.Add(e.stripe, metrics.Coding(j.Coding), result, 1)
	}()
	entry := e.store.Codable(j.Key, began)
	if entry == nil {
		return
	}
	r, ledger := entry.Response, e.store.Ledger()
	retry := func() { entry.Coded.Retry(j.Coding, time.Now().Add(compressPause)) }
	most := encode.Worth(len(r.Body))
	held := 2 * int64(max(most, 0)) // the result, and once more while it grows
	if !coders.Reserve(j.Coding, len(r.Body)) || !ledger.TakeSpare(held) {
		result = metrics.CompressionNoRoom
		retry()
		return
	}
	ledger.Pin(r.Pinned())
	coded, err := e.code(coders, j.Coding, r.Body, most)
	ledger.Unpin(r.Pinned())
	ledger.Give(held)
	e.metrics.CompressionDuration.ObserveN(e.stripe, metrics.Coding(j.Coding), time.Since(began), 1)
	e.metrics.CompressedBytes.Add(e.stripe, metrics.Coding(j.Coding), uint64(len(r.Body)))
	switch {
	case errors.Is(err, encode.ErrNoGain):
		result = metrics.CompressionNoGain // for good: it is not claimed again
	case err != nil:
		result = metrics.CompressionFailed
		if withheld, ok := e.failed.Allow("compressing", time.Now()); ok {
			e.log.Error("compressing what is stored", "coding", j.Coding, "bytes", len(r.Body), "err", err, "withheld", withheld)
		}
	case e.store.AddCoded(j.Key, r, j.Coding, coded, time.Now()):
		result = metrics.CompressionMade
		e.metrics.CompressedResult.Add(e.stripe, metrics.Coding(j.Coding), uint64(len(coded)))
	default:
		retry() // it has left, or there is no room for it
	}
}

// code is [encode.Encoders.Encode]; a panic is an error of it, and for good: the
// content would make it panic again.
func (e *Edge) code(coders *encode.Encoders, c encode.Coding, body []byte, most int) (coded []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			e.metrics.Panics.Add(e.stripe, 1)
			coders.Drop() // one is in an unknown state
			coded, err = nil, fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return coders.Encode(c, body, most)
}
