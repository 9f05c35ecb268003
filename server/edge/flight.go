package edge

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/purge"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// flight is a fetch that several requests wait for, each a member from when it
// joins to when it has its answer, in whole, or is gone. When none is left the
// fetch is cancelled. What comes of it is decided once:
//
//	         ┌─▶ open      a body that grows: all follow it
//	         ├─▶ whole     a response
//	waiting ─┼─▶ streamed  a file that each sends by itself
//	         ├─▶ released  not to be shared: each fetches its own
//	         └─▶ failed    no answer
//
// A flight in Edge.flights can be joined: until it is decided, but for a body that
// grows; until that is stored, or too large to be held; until it is cancelled, or
// has landed; and not if the resource has changed, or was purged, since it began.
//
// Edge.mu guards members, last and stage; decision is written before decided is
// closed, and stored before known is.
type flight struct {
	key    string // of what is fetched: a variant's, if they are known
	began  time.Time
	purged uint64          // the last purge then
	ctx    context.Context // the fetch's
	cancel context.CancelCauseFunc
	span   trace.SpanContext // of the fetch; not valid: it is not traced

	members int
	last    bool // nothing cancels the fetch any more: it is cancelled, or complete
	stage   stage

	decided  chan struct{}
	decision decision

	known   chan struct{} // closed when it shows whether the whole body is stored
	settled bool          // known is closed; the fetch's own
	stored  *message.Response
}

type stage uint8

const (
	waiting stage = iota
	open
	whole
	streamed
	released
	failed
)

// decision is what came of a flight.
type decision struct {
	stage    stage
	response *message.Response // whole, or the head for body
	body     *message.Growing
	stream   http.Handler
	err      error

	// For which requests it is, besides the one that began it.
	policy *rfc9111.Policy // nil: for all
	vary   rfc9111.Vary
	values string         // key of the selecting fields' values
	under  string         // the key that it is stored under
	says   site.Statement // by which
	tags   []purge.Tag
	purged uint64 // the last purge before it was asked for

	served rfc9111.Reason
	kept   rfc9111.Reason
	status int // that the origin answered
}

// takeOff begins a flight for what its first member misses. e.mu is held.
func (e *Edge) takeOff(m *miss) *flight {
	// Of no exchange: the fetch outlives the first member.
	ctx, cancel := context.WithCancelCause(context.Background())
	fl := &flight{
		key: m.own, began: time.Now(), purged: e.store.Purges().Last(), ctx: ctx, cancel: cancel, span: m.x.Trace.NextFetch(), members: 1,
		decided: make(chan struct{}), known: make(chan struct{}),
	}
	e.flights[m.own] = fl
	return fl
}

// ground makes a flight one that cannot be joined: the next miss begins another.
// e.mu is held.
func (e *Edge) ground(fl *flight) {
	if e.flights[fl.key] == fl {
		delete(e.flights, fl.key)
	}
}

// close lets no further request join.
func (e *Edge) close(fl *flight) {
	e.mu.Lock()
	e.ground(fl)
	e.mu.Unlock()
}

// decide lets all waiting requests go on. The first decision stands; a fetch that
// goes on for the request that began it may fail after it.
func (e *Edge) decide(fl *flight, d decision) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if fl.stage != waiting {
		return
	}
	fl.stage, fl.decision = d.stage, d
	if d.stage != open {
		e.ground(fl)
	}
	close(fl.decided)
}

// settle records whether the whole body is stored; nil: it is not, and will not be.
// Only the fetch calls it.
func (fl *flight) settle(stored *message.Response) {
	if !fl.settled {
		fl.settled, fl.stored = true, stored
		close(fl.known)
	}
}

// leave removes one member, and cancels the fetch if it was the last.
func (e *Edge) leave(fl *flight) {
	e.mu.Lock()
	fl.members--
	unused := fl.members == 0 && !fl.last
	if unused {
		fl.last = true
		if fl.ctx.Err() == nil {
			e.ground(fl)
		} // else it took too long, and ignores its cancellation: no second one beside it
	}
	e.mu.Unlock()
	if unused {
		fl.cancel(errUnused)
	}
}

// complete notes that nothing is left to come that a cancellation would spare.
func (e *Edge) complete(fl *flight) {
	e.mu.Lock()
	fl.last = true
	e.mu.Unlock()
}

// land ends a flight. What was not decided has failed.
func (e *Edge) land(fl *flight) {
	e.decide(fl, decision{stage: failed, err: errNoAnswer})
	fl.settle(nil)
	e.mu.Lock()
	e.ground(fl)
	fl.last = true
	e.mu.Unlock()
	fl.cancel(nil)
}
