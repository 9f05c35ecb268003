package measure

import (
	"net/http"
	"strconv"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// maxErrors bounds how many different texts a Tally keeps: statuses are
// servers' choice.
const maxErrors = 128

// otherErrors counts what came beyond.
const otherErrors = "other errors"

// statusCodes is where statuses are counted; what a server sends beyond is no
// status (RFC 9110 §15).
const statusCodes = 1000

// Tally counts outcomes. Make one with NewTally.
type Tally struct {
	Requests  uint64              // that ended, whichever way
	Succeeded uint64              // with a whole response of status 200 to 399
	Failed    [16]uint64          // without a whole response, by exchange.Kind
	Statuses  [statusCodes]uint64 // by status; 0: no response
	Errors    map[string]uint64   // by text; statuses of 400 and more are among them
	BytesIn   uint64              // content of responses
	BytesOut  uint64              // content of requests
	Retries   uint64              // sent again because a server had not processed them

	Response *Latency // from the moment a request was due
	Service  *Latency // from the moment it was sent; those never sent are not in it

	// The first and the last moment that a request in it was due, and the
	// last at which one ended and at which one succeeded, since the attack's
	// epoch.
	FirstDue, LastDue, LastEnd, LastSuccess time.Duration
}

// NewTally makes an empty tally.
func NewTally() *Tally {
	return &Tally{Errors: make(map[string]uint64), Response: NewLatency(), Service: NewLatency()}
}

// Add counts an outcome.
func (t *Tally) Add(o *exchange.Outcome) {
	if t.Requests == 0 || o.Due < t.FirstDue {
		t.FirstDue = o.Due
	}
	t.LastDue, t.LastEnd = max(t.LastDue, o.Due), max(t.LastEnd, o.Ended)
	t.Requests++
	t.BytesIn += uint64(o.BytesIn)
	t.BytesOut += uint64(o.BytesOut)
	t.Response.Record(o.Latency())
	if o.Sent > 0 {
		t.Service.Record(o.Service())
	}
	if status := o.Status; status >= 0 && status < statusCodes {
		t.Statuses[status]++
	}
	if o.Succeeded() {
		t.Succeeded++
		t.LastSuccess = max(t.LastSuccess, o.Ended)
		return
	}
	if o.Failure == nil {
		t.addError(StatusText(o.Status), 1)
		return
	}
	t.Failed[o.Failure.Kind]++
	t.addError(o.Failure.Error(), 1)
}

func (t *Tally) addError(text string, n uint64) {
	if _, known := t.Errors[text]; !known && len(t.Errors) >= maxErrors {
		text = otherErrors
	}
	t.Errors[text] += n
}

// StatusText is a status as errors name it: "404 Not Found".
func StatusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return strconv.Itoa(status) + " " + text
	}
	return strconv.Itoa(status)
}

// Unsuccessful is how many requests did not succeed.
func (t *Tally) Unsuccessful() uint64 { return t.Requests - t.Succeeded }

// Merge adds what o counted.
func (t *Tally) Merge(o *Tally) {
	if o.Requests > 0 {
		if t.Requests == 0 || o.FirstDue < t.FirstDue {
			t.FirstDue = o.FirstDue
		}
		t.LastDue, t.LastEnd, t.LastSuccess = max(t.LastDue, o.LastDue), max(t.LastEnd, o.LastEnd), max(t.LastSuccess, o.LastSuccess)
	}
	t.Requests += o.Requests
	t.Succeeded += o.Succeeded
	t.BytesIn += o.BytesIn
	t.BytesOut += o.BytesOut
	t.Retries += o.Retries
	for i, n := range o.Failed {
		t.Failed[i] += n
	}
	for i, n := range o.Statuses {
		t.Statuses[i] += n
	}
	for text, n := range o.Errors {
		t.addError(text, n)
	}
	t.Response.Merge(o.Response)
	t.Service.Merge(o.Service)
}

// Reset empties the tally and keeps its memory.
func (t *Tally) Reset() {
	clear(t.Errors)
	t.Response.Reset()
	t.Service.Reset()
	*t = Tally{Errors: t.Errors, Response: t.Response, Service: t.Service}
}
