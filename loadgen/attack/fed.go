package attack

import (
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// fed is a driver's side of a feed: the request of its next ticket.
type fed struct {
	wake     func()
	taken    *exchange.Request // taken for the next ticket; nil: none is
	starving bool              // a ticket was due and the feed was empty
	unread   time.Duration     // when the feed was found empty the last time; less than 0: never
	starved  uint64            // measured requests of the turn that were held up so
}

// fetch finds the request of the next ticket, which is due. false: it has not been
// read yet, for which the driver will be woken, or none is left.
func (d *driver) fetch(now time.Duration) bool {
	if d.feed == nil || d.taken != nil {
		return true
	}
	r, over := d.feed.take(d)
	switch {
	case r != nil:
		d.taken = r
		if d.starving {
			d.unread = now
		}
	case over:
		d.exhaust(now)
	default:
		d.starving, d.unread = true, now
	}
	return r != nil
}

// fill gives a ticket the request that was fetched for it. One that was due when the
// feed was empty was held up so, be it behind another one of the lane.
func (d *driver) fill(t *exchange.Ticket) {
	if d.feed == nil {
		return
	}
	if d.taken != nil {
		t.Request, d.taken = d.taken, nil
	}
	if (d.starving || t.Due <= d.unread) && t.Due >= d.warmup {
		d.starved++
	}
	d.starving = false
}

// exhaust ends the attack, as no request is left for it.
func (d *driver) exhaust(now time.Duration) {
	d.done, d.budget, d.starving = true, 0, false
	if d.exhausted.CompareAndSwap(nil, &now) {
		d.wakeOthers()
	}
}

// drained reports whether no request is left for the attack, and since when.
func (d *driver) drained() (at time.Duration, drained bool) {
	if moment := d.exhausted.Load(); moment != nil {
		d.done, d.budget = true, 0
		return *moment, true
	}
	return 0, false
}
