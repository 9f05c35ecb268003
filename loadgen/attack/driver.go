package attack

import (
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/pattern"
)

// maxTries is how often a ticket is turned away unprocessed by connections that
// made no progress, or by a stream's reset, until it fails.
const maxTries = 3

// maxBatch is how many outcomes are gathered before they are reported: far more
// than a turn has, and a bound if a server that hangs lets many be given up
// at once.
const maxBatch = 4096

// linger is how long after the last request of all was due connections that have
// nothing more to send end. To close one is work for both sides, which requests
// that are still measured would wait for: without it the last second of 19,000
// connections had a mean of 90 ms.
const linger = 100 * time.Millisecond

// plan is what all drivers share: what is to be sent, and when.
type plan struct {
	requests   []*exchange.Request
	book       *pattern.Book // draws them; nil: they take turns
	schedule   *warmed       // nil: closed loop
	total      uint64        // requests of the schedule, warm-up included
	beat       func(at time.Duration) beat
	warmup     time.Duration
	numbers    *numbers      // of a closed loop; nil: requests are not numbered
	end        time.Duration // of the attack, warm-up included; never if a number of requests ends it
	farewell   time.Duration // of a schedule: when connections that have sent all end
	timeout    time.Duration
	perRequest bool
	birth      time.Time                     // from which engines count
	epoch      atomic.Pointer[time.Time]     // moment 0; nil: it is not known yet
	stopped    atomic.Pointer[time.Duration] // the moment when it was ended early; nil: it was not
	closing    atomic.Bool                   // connections are being cut off

	feed       *Feed                         // nil: targets take turns
	exhausted  atomic.Pointer[time.Duration] // the moment when it had none left; nil: it has
	wakeOthers func()                        // makes all drivers look at that
}

// request is the n-th, of the target at a position unless it is drawn.
func (p *plan) request(n, position uint64) *exchange.Request {
	if p.book != nil {
		return p.book.Request(n)
	}
	return p.requests[position]
}

// now is the moment. The epoch must have been set.
func (p *plan) now() time.Duration { return time.Since(*p.epoch.Load()) }

// stop is when the attack was ended early, if it was.
func (p *plan) stop() (at time.Duration, stopped bool) {
	if moment := p.stopped.Load(); moment != nil {
		return *moment, true
	}
	return 0, false
}

// driver is a connection's share of a plan. It belongs to the goroutine of the
// connection.
type driver struct {
	*plan
	sequence sequence
	shard    *shard

	// Open loop: the next ticket; done is that there is none. It is not
	// handed out before it is late by wait, but for those that go along in
	// the same moment.
	next   exchange.Ticket
	done   bool
	wait   time.Duration
	moment time.Duration
	single bool // see connected
	// Closed loop: measured requests left to send.
	budget uint64

	again  []returned // to be sent again, the oldest first
	life   lifespan   // of the connection
	growth growth     // of the lane
	fed
	waited   uint64        // measured requests of the turn that waited for room on the connection
	batch    *batch        // of the turn; nil: nothing has ended in it
	inFlight int64         // change in the turn
	last     time.Duration // when a response came last, or the attack began
}

// returned is a ticket that waits to be sent again, or for a connection.
type returned struct {
	exchange.Ticket
	why *exchange.Failure // why it was turned away; nil: it was not
}

func newDriver(p *plan, s sequence, sh *shard, budget uint64) *driver {
	d := &driver{plan: p, sequence: s, shard: sh, budget: budget, fed: fed{unread: -1}}
	if p.schedule != nil {
		d.advance()
	}
	return d
}

// scheduled is how many measured requests are the driver's to send, until the
// attack's end or the moment at which it was ended.
func (d *driver) scheduled() uint64 {
	if at, stopped := d.stop(); stopped {
		return d.sequence.below(min(d.total, d.schedule.hits+d.schedule.then.Hits(at-d.warmup+1))) - d.sequence.below(d.schedule.hits)
	}
	return d.sequence.below(d.total) - d.sequence.below(d.schedule.hits)
}

// advance finds the next ticket of the schedule.
func (d *driver) advance() {
	n, position := d.sequence.next()
	if n >= d.total {
		d.done = true
		return
	}
	d.next = exchange.Ticket{Request: d.request(n, position), Due: d.schedule.Due(n), Seq: n - d.schedule.hits}
	d.wait = 0
	if !d.single {
		d.wait = d.beat(d.next.Due).wait(d.next.Due, d.sequence.lane)
	}
}

// Next implements exchange.Driver.
func (d *driver) Next(now time.Duration) (exchange.Ticket, bool) {
	if _, stopped := d.stop(); stopped {
		return exchange.Ticket{}, false
	}
	if !d.life.room() {
		return exchange.Ticket{}, false
	}
	t, ok := d.first()
	if !ok {
		t, ok = d.take(now)
	}
	if ok {
		d.inFlight++
		d.growth.handed = now
		d.life.handed++
		d.life.open++
	}
	return t, ok
}

// first takes the oldest ticket that came back.
func (d *driver) first() (t exchange.Ticket, ok bool) {
	if len(d.again) == 0 {
		return t, false
	}
	t, d.again = d.again[0].Ticket, d.again[1:]
	return t, true
}

// take takes the next ticket that is due at now.
func (d *driver) take(now time.Duration) (t exchange.Ticket, ok bool) {
	if d.schedule != nil {
		if d.done || d.next.Due > now || now != d.moment && now-d.next.Due < d.wait {
			return t, false
		}
		if !d.fetch(now) {
			return t, false
		}
		d.noteWait(now)
		t, d.moment = d.next, now
		d.fill(&t)
		d.advance()
		return t, true
	}
	if now < 0 || now >= d.end || d.budget == 0 || !d.fetch(now) {
		return t, false
	}
	t = exchange.Ticket{Request: d.request(d.sequence.next()), Due: now}
	d.fill(&t)
	if now >= d.warmup {
		d.budget--
		if d.numbers != nil {
			t.Seq, t.Due = d.numbers.take(now)
		}
	}
	return t, true
}

// Done implements exchange.Driver.
func (d *driver) Done(o *exchange.Outcome) {
	d.inFlight--
	d.life.open--
	if d.perRequest {
		d.growth.until = o.Ended
	}
	if o.Status != 0 {
		d.life.answered, d.last = true, o.Ended
	} else if d.closing.Load() && o.Failure.Kind == exchange.Closed {
		o.Failure = exchange.WasStopped
	}
	d.record(o)
}

func (d *driver) record(o *exchange.Outcome) {
	if d.batch == nil {
		d.batch = batches.Get().(*batch)
	}
	d.batch.outcomes = append(d.batch.outcomes, *o)
	if len(d.batch.outcomes) >= maxBatch {
		d.report()
	}
}

// Again implements exchange.Driver.
func (d *driver) Again(t exchange.Ticket, failure *exchange.Failure) {
	d.inFlight--
	d.life.open--
	r := returned{t, failure}
	if failure.Kind == exchange.Reset {
		if d.fruitless(&r, d.plan.now()) { // else a server that resets every stream would be sent it for ever
			return
		}
	} else {
		d.life.away++ // the connection's end says whether that was a try
	}
	if d.batch == nil {
		d.batch = batches.Get().(*batch)
	}
	if t.Due >= d.warmup {
		d.batch.retries++
	}
	d.again = append(d.again, r)
}

// fruitless counts a try, and makes an outcome of a ticket's last.
func (d *driver) fruitless(r *returned, now time.Duration) (last bool) {
	if r.Tries++; r.Tries < maxTries {
		return false
	}
	d.record(&exchange.Outcome{Ticket: r.Ticket, Sent: r.Last, Ended: max(now, r.Due), Failure: r.why})
	return true
}

// connected is called before a connection is served, which has one request in
// flight at a time if it is single: there are no batches on it.
func (d *driver) connected(single bool) {
	d.life.begin()
	if d.single = single; single {
		d.wait = 0
	}
}

// disconnected is called when a connection has ended. What it turned away has had a try if
// it answered nothing: else it was only full.
func (d *driver) disconnected(now time.Duration) {
	d.life.end()
	if d.life.answered {
		return
	}
	kept := d.again[:0]
	for _, r := range d.again {
		if r.why == nil || !d.fruitless(&r, now) {
			kept = append(kept, r)
		}
	}
	d.again = kept
}

// Rest implements exchange.Driver.
func (d *driver) Rest(now time.Duration) (until time.Duration, more bool) {
	if at, stopped := d.stop(); stopped {
		d.giveUp(at, max(at, now), exchange.WasStopped)
		for _, r := range d.again { // turned away after that moment
			d.record(&exchange.Outcome{Ticket: r.Ticket, Sent: r.Last, Ended: max(at, now, r.Due), Failure: exchange.WasStopped})
		}
		d.again, d.done, d.budget = nil, true, 0
		d.report()
		return 0, false
	}
	d.giveUp(now-d.timeout, now, exchange.NeverSent)
	end, drained := d.drained()
	if d.feed != nil {
		d.feed.nudge() // it may have been woken for a request that it cannot take
	}
	if d.schedule != nil {
		d.crowd(now)
		d.share(now)
	}
	d.report()
	switch {
	case !d.life.room() && !d.spent():
		return 0, true
	case len(d.again) > 0:
		return max(now, 1), true
	case drained:
		return end + linger, now < end+linger
	case d.spent():
		return d.farewell, now < d.farewell
	case d.starving && d.schedule != nil:
		return max(d.next.Due+d.timeout, 1), true
	case d.starving && d.end != never:
		return d.end, now < d.end
	case d.schedule != nil:
		return max(d.next.Due+d.wait, 1), true
	case now < 0:
		return 1, true
	case now < d.warmup:
		return 0, d.budget > 0
	}
	return 0, now < d.end && d.budget > 0
}

// spent reports whether a schedule has nothing more for the driver.
func (d *driver) spent() bool { return d.schedule != nil && d.done && len(d.again) == 0 }

// giveUp makes outcomes of everything that was due until then and cannot be
// sent any more.
func (d *driver) giveUp(due, now time.Duration, why *exchange.Failure) {
	kept := d.again[:0]
	for _, r := range d.again {
		if r.Due > due {
			kept = append(kept, r)
			continue
		}
		o := r.OutOfTime(now)
		if why != exchange.NeverSent {
			o.Failure = why
		}
		d.record(&o)
	}
	d.again = kept
	for d.schedule != nil && !d.done && d.next.Due <= due {
		why := why
		if why != exchange.WasStopped && !d.fetch(now) {
			if d.done || why != exchange.NeverSent {
				break // what is not read has not failed
			}
			why = exchange.NeverRead
		}
		if why == exchange.NeverSent {
			d.noteWait(now)
		}
		d.fill(&d.next)
		d.record(&exchange.Outcome{Ticket: d.next, Ended: now, Failure: why})
		d.advance()
	}
}

// await is called before a connection is made again: in a closed loop the next
// request waits for it.
func (d *driver) await(now time.Duration) {
	if _, stopped := d.stop(); stopped || d.schedule != nil || len(d.again) > 0 {
		return
	}
	if t, ok := d.take(now); ok {
		d.again = append(d.again, returned{Ticket: t})
	}
}

// refused makes outcomes of what waited for a connection that could not be
// made: everything that is due. A closed loop over a number of requests has no
// end of its own: if nothing was answered for as long as a request may take,
// all that are left fail as well.
func (d *driver) refused(now time.Duration, why *exchange.Failure) {
	if _, stopped := d.stop(); stopped {
		return // Rest gives up what is left
	}
	d.await(now)
	d.giveUp(now, now, why)
	for d.end == never && d.schedule == nil && now-d.last >= d.timeout {
		t, ok := d.take(now)
		if !ok {
			break
		}
		d.record(&exchange.Outcome{Ticket: t, Ended: max(now, t.Due), Failure: why})
	}
}

// report gives the turn's outcomes to the recorder.
func (d *driver) report() {
	if d.waited > 0 || d.starved > 0 {
		if d.batch == nil {
			d.batch = batches.Get().(*batch)
		}
		d.batch.waited += d.waited
		d.batch.starved += d.starved
	}
	if d.batch == nil && d.inFlight == 0 {
		return
	}
	d.shard.add(d.batch, d.inFlight)
	if d.batch != nil {
		d.batch.release()
	}
	d.batch, d.inFlight, d.waited, d.starved = nil, 0, 0, 0
}
