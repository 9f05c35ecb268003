package measure

import (
	"net/http"
	"slices"
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
	Ends     [exchange.Ends]uint64       // how far they came: all other counts of requests are sums of these
	Failed   [16]uint64                  // those without a whole response, by exchange.Kind
	Statuses [statusCodes]uint64         // of whole responses; 0: there was none
	Errors   map[string]uint64           // by text; statuses of 400 and more are among them
	BytesIn  uint64                      // content of responses
	BytesOut uint64                      // content of requests
	Retries  uint64                      // sent again because a server had not processed them
	Waited   uint64                      // of a schedule, that were sent late because all that may be in flight on their connection was
	Starved  uint64                      // that were sent late, or never, because their target was not read yet
	Remarks  [exchange.NumRemarks]uint64 // responses that had them

	Cache Cache // what whole responses said of caches

	Connections      uint64            // that were made
	ConnectionErrors map[string]uint64 // why others could not be made, or ended otherwise than in order; by text

	// Response times: from the moment a request was due to its end. Each
	// request is in one of the three.
	Success *Latency // of those that succeeded
	Late    *Latency // of those that had no answer in time: how long they were waited for
	Failure *Latency // of all others: how long they took to fail

	Service   *Latency // of whole responses: from the moment the request was sent
	FirstByte *Latency // of whole responses: from there until their first byte

	Dial *Latency // of connections that were made: the look-up of the name, and TCP
	TLS  *Latency // of those over https: their handshakes

	Targets Targets // requests by target, if there are several

	// The first and the last moment that a request in it was due, and the
	// last at which one ended, was answered and succeeded, since the attack's
	// epoch.
	FirstDue, LastDue, LastEnd, LastAnswer, LastSuccess time.Duration
}

// NewTally makes an empty tally.
func NewTally() *Tally {
	return &Tally{
		Errors: make(map[string]uint64), ConnectionErrors: make(map[string]uint64),
		Success: NewLatency(), Late: NewLatency(), Failure: NewLatency(),
		Service: NewLatency(), FirstByte: NewLatency(), Dial: NewLatency(), TLS: NewLatency(),
	}
}

// Add counts an outcome.
func (t *Tally) Add(o *exchange.Outcome) {
	if t.empty() || o.Due < t.FirstDue {
		t.FirstDue = o.Due
	}
	t.LastDue, t.LastEnd = max(t.LastDue, o.Due), max(t.LastEnd, o.Ended)
	t.BytesIn += uint64(o.BytesIn)
	t.BytesOut += uint64(o.BytesOut)
	end := o.End()
	t.Ends[end]++
	if o.Remarks != 0 {
		t.addRemarks(o.Remarks)
	}
	if o.Request != nil && o.Request.Row > 0 {
		t.Targets.row(o.Request.Row).add(o, end)
	}
	switch {
	case end == exchange.Succeeded:
		t.Success.Record(o.Latency())
		t.LastSuccess = max(t.LastSuccess, o.Ended)
	case end.Late():
		t.Late.Record(o.Latency())
	default:
		t.Failure.Record(o.Latency())
	}
	if !end.Answered() {
		t.Statuses[0]++
		t.Failed[o.Failure.Kind]++
		addText(t.Errors, o.Failure.Error(), 1)
		return
	}
	t.LastAnswer = max(t.LastAnswer, o.Ended)
	t.Service.Record(o.Service())
	if o.First > 0 {
		t.FirstByte.Record(o.Waiting())
	}
	t.Cache.add(o.Cache)
	if status := o.Status; status > 0 && status < statusCodes {
		t.Statuses[status]++
	}
	if end != exchange.Succeeded {
		addText(t.Errors, StatusText(o.Status), 1)
	}
}

// AddLost counts requests of which nothing is known but that they were due, and
// why that is: their latencies are in no distribution.
func (t *Tally) AddLost(n uint64, why string) {
	t.Ends[exchange.Stopped] += n
	t.Failed[exchange.Lost] += n
	t.Statuses[0] += n
	addText(t.Errors, why, n)
}

// Made is how long it took to make a connection.
type Made struct {
	Dial time.Duration // to look up the name, and to connect
	TLS  time.Duration // for the handshake; 0: there was none
}

// AddConnection counts a connection that was made.
func (t *Tally) AddConnection(took Made) {
	t.Connections++
	t.Dial.Record(took.Dial)
	if took.TLS > 0 {
		t.TLS.Record(took.TLS)
	}
}

// AddConnectionFailure counts a connection that could not be made, or that has
// ended, unless that was in order.
func (t *Tally) AddConnectionFailure(f *exchange.Failure) {
	if !f.Orderly() {
		addText(t.ConnectionErrors, f.Error(), 1)
	}
}

// BadConnections is how many could not be made, or ended otherwise than in order.
func (t *Tally) BadConnections() (n uint64) {
	for _, count := range t.ConnectionErrors {
		n += count
	}
	return n
}

func (t *Tally) addRemarks(r exchange.Remarks) {
	for i := range t.Remarks {
		if r&(1<<i) != 0 {
			t.Remarks[i]++
		}
	}
}

// addText counts a text, or, beyond maxErrors of them, that there were others.
func addText(counts map[string]uint64, text string, n uint64) {
	if _, known := counts[text]; !known && len(counts) >= maxErrors {
		text = otherErrors
	}
	counts[text] += n
}

// StatusText is a status as errors name it: "404 Not Found".
func StatusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return strconv.Itoa(status) + " " + text
	}
	return strconv.Itoa(status)
}

// Requests is how many ended, whichever way.
func (t *Tally) Requests() (n uint64) {
	for _, count := range t.Ends {
		n += count
	}
	return n
}

func (t *Tally) empty() bool { return t.Ends == [exchange.Ends]uint64{} }

// Succeeded is how many had a whole response of status 200 to 399.
func (t *Tally) Succeeded() uint64 { return t.Ends[exchange.Succeeded] }

// Answered is how many had a whole response, of whatever status.
func (t *Tally) Answered() uint64 {
	return t.Ends[exchange.Succeeded] + t.Ends[exchange.Declined]
}

// Unsuccessful is how many did not succeed.
func (t *Tally) Unsuccessful() uint64 { return t.Requests() - t.Succeeded() }

// Response is the distribution of all response times, failures included, as
// vegeta has it: to be read only.
func (t *Tally) Response() *Latency { return merged(t.Success, t.Late, t.Failure) }

// Latency is the distribution that objectives and figures are about: response
// times of successes, and of those that had no answer in time at least as long as
// they were waited for. A failure that comes at once makes nothing faster. To be
// read only.
func (t *Tally) Latency() *Latency { return merged(t.Success, t.Late) }

// Merge adds what o counted.
func (t *Tally) Merge(o *Tally) {
	if !o.empty() {
		if t.empty() || o.FirstDue < t.FirstDue {
			t.FirstDue = o.FirstDue
		}
		t.LastDue, t.LastEnd = max(t.LastDue, o.LastDue), max(t.LastEnd, o.LastEnd)
		t.LastAnswer, t.LastSuccess = max(t.LastAnswer, o.LastAnswer), max(t.LastSuccess, o.LastSuccess)
	}
	t.BytesIn += o.BytesIn
	t.BytesOut += o.BytesOut
	t.Retries += o.Retries
	t.Waited += o.Waited
	t.Starved += o.Starved
	for i, n := range o.Ends {
		t.Ends[i] += n
	}
	for i, n := range o.Failed {
		t.Failed[i] += n
	}
	for i, n := range o.Statuses {
		t.Statuses[i] += n
	}
	for text, n := range o.Errors {
		addText(t.Errors, text, n)
	}
	for i, n := range o.Remarks {
		t.Remarks[i] += n
	}
	t.Cache.merge(&o.Cache)
	t.Connections += o.Connections
	for text, n := range o.ConnectionErrors {
		addText(t.ConnectionErrors, text, n)
	}
	theirs := o.latencies()
	for i, l := range t.latencies() {
		l.Merge(theirs[i])
	}
	t.Targets.merge(&o.Targets)
}

// latencies are all distributions.
func (t *Tally) latencies() []*Latency {
	return []*Latency{t.Success, t.Late, t.Failure, t.Service, t.FirstByte, t.Dial, t.TLS}
}

// Reset empties the tally and keeps its memory.
func (t *Tally) Reset() {
	clear(t.Errors)
	clear(t.ConnectionErrors)
	for _, l := range t.latencies() {
		l.Reset()
	}
	t.Targets.reset()
	*t = Tally{
		Errors: t.Errors, ConnectionErrors: t.ConnectionErrors,
		Success: t.Success, Late: t.Late, Failure: t.Failure, Service: t.Service, FirstByte: t.FirstByte, Dial: t.Dial, TLS: t.TLS,
		Targets: t.Targets,
	}
}

// Valid reports whether a tally that came from another machine is whole.
func (t *Tally) Valid() bool {
	return !slices.Contains(t.latencies(), nil)
}
