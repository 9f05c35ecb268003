package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/site"
)

var (
	errTimeout    = errors.New("the origin did not answer in time")
	errUnused     = errors.New("no request waits for the answer any more")
	errOverloaded = errors.New("too many fetches are waiting")
)

// flight is a fetch that several requests wait for. It is over its decision
// when the head has come; then each goes its way:
//
//	deciding ─┬─▶ open       a growing body: all follow it
//	          ├─▶ whole      the response is there
//	          ├─▶ released   not to be shared: each fetches its own
//	          └─▶ failed     the origin did not answer
type flight struct {
	key     string
	decided chan struct{} // closed when decision is set
	landed  chan struct{} // closed when the fetch has ended

	decision decision
	stored   *message.Response // of an open flight that landed well

	cancel context.CancelCauseFunc // of the fetch

	// Guarded by Edge.mu:
	waiting int // requests that have not gone their way, the leader included
	over    bool
}

// decision is what came of a flight.
type decision struct {
	response *message.Response // whole, or the head for body
	body     *message.Growing
	released bool
	err      error

	// For which requests it is, besides that which asked.
	policy *rfc9111.Policy // nil: for all
	vary   rfc9111.Vary
	values string // key of the selecting fields' values
	served rfc9111.Reason
	kept   rfc9111.Reason
	status int // that the origin answered
}

// share fetches what is to be stored, or waits for the request that does so.
func (e *Edge) share(ctx context.Context, x *message.Exchange, s *site.Site, asked *rfc9111.Asked, u usable) {
	e.mu.Lock()
	fl := e.flights[u.own]
	if fl == nil {
		// A flight stores before it leaves the map: what it stored after u
		// was looked up is seen here, and not fetched again.
		if again := e.consider(s, x.Key, &x.Request, asked, time.Now()); again.verdict == rfc9111.Serve && again.entry != nil {
			e.mu.Unlock()
			e.hit(x, s, again)
			return
		}
		fl = e.takeOff(u.own)
		e.mu.Unlock()
		f := e.newFetch(x, s, asked, u)
		f.lead(ctx, fl)
		return
	}
	fl.waiting++
	e.mu.Unlock()
	e.metrics.CoalescedMisses.Add(e.stripe, 1)
	select {
	case <-fl.decided:
	case <-ctx.Done():
		e.leave(fl)
		x.Reply.Send(overloaded) // which is not read
		return
	}
	e.goOn(ctx, x, s, asked, u, fl)
}

// takeOff starts a flight with its leader. e.mu is held.
func (e *Edge) takeOff(key string) *flight {
	fl := &flight{key: key, waiting: 1, decided: make(chan struct{}), landed: make(chan struct{})}
	e.flights[key] = fl
	return fl
}

// goOn answers a request that waited for a decision.
func (e *Edge) goOn(ctx context.Context, x *message.Exchange, s *site.Site, asked *rfc9111.Asked, u usable, fl *flight) {
	d := &fl.decision
	if d.err != nil {
		e.leave(fl)
		x.Reply.Explain(outcome(s, metrics.Miss, &rfc9111.CacheStatus{Served: u.reason, Collapsed: true}))
		x.Reply.Send(failure(d.err))
		return
	}
	if d.released || !d.suits(asked, x) {
		e.leave(fl)
		e.alone(ctx, x, s, asked, u)
		return
	}
	x.Reply.Explain(outcome(s, metrics.Miss, &rfc9111.CacheStatus{Served: d.served, ForwardStatus: d.status, Kept: d.kept, Collapsed: true}))
	if d.body == nil {
		e.leave(fl)
		x.Reply.Send(message.Select(&x.Request, withQuery(d.response, x.Path)))
		return
	}
	if !e.follow(ctx, x, fl) {
		e.alone(ctx, x, s, asked, u)
	}
}

// suits reports whether a decision is for a request, too.
func (d *decision) suits(asked *rfc9111.Asked, x *message.Exchange) bool {
	switch {
	case d.policy == nil:
		return true
	case asked.Authorization && !d.policy.Has(rfc9111.Shared):
		return false
	}
	return d.vary == "" || string(d.vary.AppendKey(nil, x.Fields)) == d.values
}

// follow answers with a body that grows, under the request's conditions, and
// reports whether it could. The flight is left in any case.
func (e *Edge) follow(ctx context.Context, x *message.Exchange, fl *flight) bool {
	d := &fl.decision
	status, ranges := message.Evaluate(&x.Request, d.response)
	if status != d.response.Status || ranges != "" {
		selected := message.PreconditionFailed
		switch {
		case status == http.StatusNotModified:
			selected = d.response.NotModified
		case ranges != "":
			// A part needs to be known to exist: the whole is awaited.
			select {
			case <-fl.landed:
			case <-ctx.Done():
			}
			if fl.stored == nil {
				e.leave(fl)
				return false
			}
			selected = message.Select(&x.Request, fl.stored)
		}
		e.leave(fl)
		x.Reply.Send(selected)
		return true
	}
	reader := d.body.Follow()
	if reader == nil {
		e.leave(fl)
		return false
	}
	x.Reply.Follow(d.response, reader)
	e.leave(fl)
	// The exchange's context ends with its stream.
	context.AfterFunc(ctx, func() { e.abandon(fl) })
	return true
}

// leave removes one waiter.
func (e *Edge) leave(fl *flight) {
	e.mu.Lock()
	fl.waiting--
	e.mu.Unlock()
	e.abandon(fl)
}

// abandon cancels a fetch that no request is interested in.
func (e *Edge) abandon(fl *flight) {
	e.mu.Lock()
	unused := fl.waiting == 0 && !fl.over
	if unused {
		select {
		case <-fl.decided:
			unused = fl.decision.body != nil && fl.decision.body.Followers() == 0
		default:
		}
	}
	if unused {
		e.ground(fl)
	}
	e.mu.Unlock()
	if unused {
		fl.cancel(errUnused)
	}
}

// ground takes a flight out of the map: the next miss starts another. e.mu is
// held.
func (e *Edge) ground(fl *flight) {
	if e.flights[fl.key] == fl {
		delete(e.flights, fl.key)
	}
}

// decide lets all who wait go their way.
func (e *Edge) decide(fl *flight, d decision) {
	fl.decision = d
	if d.released || d.err != nil {
		e.mu.Lock()
		e.ground(fl)
		e.mu.Unlock()
	}
	close(fl.decided)
}

// land ends a flight.
func (e *Edge) land(fl *flight) {
	e.mu.Lock()
	e.ground(fl)
	fl.over = true
	e.mu.Unlock()
	close(fl.landed)
}

func (f *fetch) String() string {
	return fmt.Sprintf("%s %s%s", f.site.Name, f.request.Authority, f.request.Path)
}
