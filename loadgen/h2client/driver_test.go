package h2client

import (
	"slices"
	"sync"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// driver is scripted: it hands out tickets when they are due. What it was given
// back it does not hand out again.
type driver struct {
	mu       sync.Mutex
	tickets  []exchange.Ticket // yet to be handed out, by due time
	added    uint64
	open     bool // more of them may come
	gives    bool // it gives up tickets whose time is up
	taken    map[uint64]bool
	ended    map[uint64]bool
	outcomes []exchange.Outcome
	returned []exchange.Ticket // by Again
	why      []*exchange.Failure
	wrong    []string // what an engine must not do
	rested   bool     // Rest has followed all of these
	resting  func()   // what happens while a turn ends
	rests    int
}

func newDriver() *driver {
	return &driver{open: true, rested: true, taken: make(map[uint64]bool), ended: make(map[uint64]bool)}
}

func (d *driver) Next(now time.Duration) (t exchange.Ticket, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.tickets) == 0 || d.tickets[0].Due > now {
		return t, false
	}
	t, d.tickets = d.tickets[0], d.tickets[1:]
	d.taken[t.Seq] = true
	return t, true
}

func (d *driver) Done(o *exchange.Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end(o.Ticket)
	d.outcomes = append(d.outcomes, *o)
	switch {
	case o.Ended < o.Sent, o.Sent > 0 && o.Sent < o.Due:
		d.wrong = append(d.wrong, "an outcome goes back in time")
	case o.Failure == nil && o.Status < 200:
		d.wrong = append(d.wrong, "neither a response nor a failure")
	}
}

func (d *driver) Again(t exchange.Ticket, failure *exchange.Failure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end(t)
	d.returned, d.why = append(d.returned, t), append(d.why, failure)
	if failure == nil {
		d.wrong = append(d.wrong, "a ticket given back without a reason")
	}
}

// end notes that a ticket has come back.
func (d *driver) end(t exchange.Ticket) {
	if !d.taken[t.Seq] || d.ended[t.Seq] || t.Request == nil {
		d.wrong = append(d.wrong, "a ticket came back twice, or was never handed out")
	}
	d.ended[t.Seq], d.rested = true, false
}

func (d *driver) Rest(now time.Duration) (until time.Duration, more bool) {
	d.mu.Lock()
	for d.gives && len(d.tickets) > 0 && d.tickets[0].Due <= now-timeout {
		d.tickets = d.tickets[1:]
	}
	switch {
	case len(d.tickets) > 0:
		until, more = d.tickets[0].Due, true
	case d.open:
		more = true
	default:
		until = 1 // which means nothing where there is no more
	}
	resting := d.resting
	d.resting, d.rested = nil, true
	d.rests++
	spins := d.rests > 100_000+10*len(d.taken)
	d.mu.Unlock()
	if spins {
		panic("turns without end, in which nothing happens")
	}
	if resting != nil {
		resting()
	}
	return until, more
}

// check checks what must hold once the engine has ended.
func (d *driver) check(t *testing.T) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.taken) - len(d.ended); n != 0 {
		t.Errorf("of %d tickets nothing was heard", n)
	}
	if n := len(d.outcomes) + len(d.returned); n != len(d.taken) {
		t.Errorf("%d outcomes and given back, of %d tickets", n, len(d.taken))
	}
	if !d.rested {
		t.Error("the last turn did not end")
	}
	for _, what := range slices.Compact(d.wrong) {
		t.Error(what)
	}
}

// add lets the driver hand out requests, due so long after the epoch, once the
// engine asks again.
func (d *driver) add(due time.Duration, requests ...*exchange.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range requests {
		d.tickets = append(d.tickets, exchange.Ticket{Request: r, Due: due, Seq: d.added})
		d.added++
	}
}

// close says that no more tickets come.
func (d *driver) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = false
}

// request is that of the target with an index. header are names and values in
// turn.
func request(t testing.TB, target int, method, url, body string, header ...string) *exchange.Request {
	t.Helper()
	v := vegeta.Target{Method: method, URL: url, Body: []byte(body), Header: make(map[string][]string)}
	for pair := range slices.Chunk(header, 2) {
		v.Header.Add(pair[0], pair[1])
	}
	r, err := exchange.NewRequest(target, &v)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func options() *wire.Options {
	set := metrics.NewSet(1)
	return &wire.Options{
		Metrics: wire.Metrics{
			Set:      set,
			Received: metrics.NewCounter(set, "received_total", ""),
			Sent:     metrics.NewCounter(set, "sent_total", ""),
			Stalled:  func(metrics.Stripe) {},
		},
		WriteTimeout: 30 * time.Second,
		WriteQuantum: 30 << 10,
	}
}
