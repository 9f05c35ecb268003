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
	size, dictionary := len(r.Body), (*encode.Dictionary)(nil)
	if j.Coding.Delta() {
		before := entry.Coded.Before()
		if before == nil {
			return
		}
		dictionary, size = before.Dictionary, size+len(before.Response.Body)
		ledger.Pin(before.Response.Pinned())
		defer ledger.Unpin(before.Response.Pinned())
	}
	most := encode.Worth(len(r.Body))
	held := 2 * int64(max(most, 0)) // the result, and once more while it grows
	if !coders.Reserve(j.Coding, size) || !ledger.TakeSpare(held) {
		result = metrics.CompressionNoRoom
		retry()
		return
	}
	ledger.Pin(r.Pinned())
	coded, err := e.code(coders, j.Coding, r.Body, dictionary, most)
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

// code is [encode.Encoders.Encode], or EncodeDelta if there is a dictionary; a panic
// is an error of it, and for good: the content would make it panic again.
func (e *Edge) code(coders *encode.Encoders, c encode.Coding, body []byte, dictionary *encode.Dictionary, most int) (coded []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			e.metrics.Panics.Add(e.stripe, 1)
			coders.Drop() // one is in an unknown state
			coded, err = nil, fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	if dictionary != nil {
		return coders.EncodeDelta(c, body, dictionary, most)
	}
	return coders.Encode(c, body, most)
}
