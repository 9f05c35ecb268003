// Package exchangetest is what the tests of both engines need of the other side of
// an exchange: a scripted driver. Nothing but tests imports it.
package exchangetest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// Driver is scripted: it hands out tickets when they are due. What it was given
// back it does not hand out again. An engine calls its methods on a goroutine of
// its own; a test that looks at its fields meanwhile holds Mu.
type Driver struct {
	Mu       sync.Mutex
	Tickets  []exchange.Ticket // yet to be handed out, by due time
	Open     bool              // more of them may come
	Look     time.Duration     // when a connection without room must have a turn; 0: it need not
	Patience time.Duration     // tickets that have been due for so long are given up; 0: never
	Outcomes []exchange.Outcome
	Returned []exchange.Ticket   // by Again
	Why      []*exchange.Failure // of each of them
	Resting  func()              // what happens while the next turn ends
	Rests    int                 // turns that have ended

	added  uint64
	taken  map[uint64]bool
	ended  map[uint64]bool
	wrong  []string // what an engine must not do
	rested bool     // Rest has followed all of these
}

// NewDriver makes one to which tickets are to be added.
func NewDriver() *Driver {
	return &Driver{Open: true, rested: true, taken: make(map[uint64]bool), ended: make(map[uint64]bool)}
}

// Next implements [exchange.Driver].
func (d *Driver) Next(now time.Duration) (t exchange.Ticket, ok bool) {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	if len(d.Tickets) == 0 || d.Tickets[0].Due > now {
		return t, false
	}
	t, d.Tickets = d.Tickets[0], d.Tickets[1:]
	d.taken[t.Seq] = true
	return t, true
}

// Done implements [exchange.Driver].
func (d *Driver) Done(o *exchange.Outcome) {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.end(o.Ticket)
	d.Outcomes = append(d.Outcomes, *o)
	switch {
	case o.Ended < o.Sent, o.Sent > 0 && o.Sent < o.Due:
		d.wrong = append(d.wrong, "an outcome goes back in time")
	case o.Failure == nil && o.Status < 200:
		d.wrong = append(d.wrong, "neither a response nor a failure")
	}
}

// Again implements [exchange.Driver].
func (d *Driver) Again(t exchange.Ticket, failure *exchange.Failure) {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.end(t)
	d.Returned, d.Why = append(d.Returned, t), append(d.Why, failure)
	if failure == nil {
		d.wrong = append(d.wrong, "a ticket given back without a reason")
	}
}

// end notes that a ticket has come back.
func (d *Driver) end(t exchange.Ticket) {
	if !d.taken[t.Seq] || d.ended[t.Seq] || t.Request == nil {
		d.wrong = append(d.wrong, "a ticket came back twice, or was never handed out")
	}
	d.ended[t.Seq], d.rested = true, false
}

// Full implements [exchange.Driver].
func (d *Driver) Full() time.Duration {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	return d.Look
}

// Rest implements [exchange.Driver].
func (d *Driver) Rest(now time.Duration) (until time.Duration, more bool) {
	d.Mu.Lock()
	for d.Patience > 0 && len(d.Tickets) > 0 && d.Tickets[0].Due <= now-d.Patience {
		d.Tickets = d.Tickets[1:]
	}
	switch {
	case len(d.Tickets) > 0:
		until, more = d.Tickets[0].Due, true
	case d.Open:
		more = true
	default:
		until = 1 // which means nothing if there is no more
	}
	resting := d.Resting
	d.Resting, d.rested = nil, true
	d.Rests++
	spins := d.Rests > 100_000+10*len(d.taken)
	d.Mu.Unlock()
	if spins {
		panic("turns without end, in which nothing happens")
	}
	if resting != nil {
		resting()
	}
	return until, more
}

// Check checks what must hold once the engine has ended.
func (d *Driver) Check(t testing.TB) {
	t.Helper()
	d.Mu.Lock()
	defer d.Mu.Unlock()
	if n := len(d.taken) - len(d.ended); n != 0 {
		t.Errorf("%d tickets have neither an outcome nor been given back", n)
	}
	if n := len(d.Outcomes) + len(d.Returned); n != len(d.taken) {
		t.Errorf("%d outcomes and given back, of %d tickets", n, len(d.taken))
	}
	if !d.rested {
		t.Error("the last turn did not end")
	}
	for _, what := range slices.Compact(d.wrong) {
		t.Error(what)
	}
}

// Add lets the driver hand out requests, due so long after the epoch, once the
// engine polls again.
func (d *Driver) Add(due time.Duration, requests ...*exchange.Request) {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	for _, r := range requests {
		d.Tickets = append(d.Tickets, exchange.Ticket{Request: r, Due: due, Seq: d.added})
		d.added++
	}
}

// Close says that no more tickets come.
func (d *Driver) Close() {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.Open = false
}

// Options are those of a client's connection, with metrics that are not looked at.
func Options() *wire.Options {
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
