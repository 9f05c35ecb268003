package attack

import (
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// early is a driver as its connection's engine sees it. Engines run from the
// moment that their connection is made, because a server closes one that sends
// nothing for long, and then moment 0 is not known yet. So they count from the
// attack's birth, and have nothing to send before moment 0.
type early struct{ *driver }

// zero is when moment 0 is by the engine's count.
func (e early) zero() (zero time.Duration, known bool) {
	epoch := e.epoch.Load()
	if epoch == nil {
		return 0, false
	}
	return epoch.Sub(e.birth), true
}

// Next implements exchange.Driver.
func (e early) Next(now time.Duration) (t exchange.Ticket, ok bool) {
	zero, known := e.zero()
	if !known {
		return t, false
	}
	if t, ok = e.driver.Next(now - zero); ok {
		t = shift(t, zero)
	}
	return t, ok
}

// Done implements exchange.Driver.
func (e early) Done(o *exchange.Outcome) {
	zero, _ := e.zero() // known since the ticket was handed out
	shifted := *o
	shifted.Ticket = shift(o.Ticket, -zero)
	shifted.Ended -= zero
	if o.Sent > 0 {
		shifted.Sent = max(o.Sent-zero, 1)
	}
	if o.First > 0 {
		shifted.First = max(o.First-zero, 1)
	}
	e.driver.Done(&shifted)
}

// Again implements exchange.Driver.
func (e early) Again(t exchange.Ticket, failure *exchange.Failure) {
	zero, _ := e.zero()
	e.driver.Again(shift(t, -zero), failure)
}

// Rest implements exchange.Driver.
func (e early) Rest(now time.Duration) (until time.Duration, more bool) {
	zero, known := e.zero()
	if !known {
		return 0, true // it is woken when moment 0 is known
	}
	if until, more = e.driver.Rest(now - zero); until > 0 {
		until += zero
	}
	return until, more
}

// Full implements exchange.Driver.
func (e early) Full() time.Duration {
	full := e.driver.Full()
	if full > 0 {
		zero, _ := e.zero() // known, as there was a ticket
		full += zero
	}
	return full
}

// shift moves a ticket's moments by d.
func shift(t exchange.Ticket, d time.Duration) exchange.Ticket {
	t.Due += d
	if t.Last > 0 {
		t.Last = max(t.Last+d, 1)
	}
	return t
}
