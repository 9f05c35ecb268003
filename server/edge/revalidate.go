package edge

import (
	"context"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/requestid"
	"github.com/e0ac7cd4/hotpath/server/site"
	"github.com/e0ac7cd4/hotpath/server/store"
)

// recheckPause is how long an entry rests after a revalidation that failed or
// found no permit. An origin that is down is not tried in a loop, and a file,
// served for 0.75 s while it is stale, still gets several tries.
const recheckPause = 100 * time.Millisecond

// backgroundTime bounds a revalidation beside the upstream's own deadlines,
// which bound each of its steps but not their sum.
const backgroundTime = 5 * time.Minute

// revalidate validates an entry with the origin in the background; the caller has
// claimed that. It never waits: if all permits are taken, a later hit tries
// again. If the entry is current or has a successor, the fetch stores it; if the
// resource is gone, the fetch removes it; if the origin fails, the entry stays
// until it expires. r is borrowed; nil for a file.
func (e *Edge) revalidate(s *site.Site, key, own string, r *message.Request, entry *store.Entry, now time.Time) {
	if !s.Enter() {
		entry.RecheckAt(now) // another site's hit claims it
		return
	}
	select {
	case e.revalidations <- struct{}{}:
	default:
		s.Leave()
		entry.RecheckAt(now.Add(recheckPause))
		return
	}
	request := &message.Request{Method: "GET"}
	if r != nil {
		request = r.Clone()
		request.Method, request.Fields = "GET", forOrigin(request.Fields, s)
	}
	go func() {
		defer func() { <-e.revalidations }()
		defer s.Leave()
		ctx, cancel := context.WithTimeoutCause(context.Background(), backgroundTime, errTimeout)
		defer cancel()
		if s.Files {
			ctx, cancel = context.WithTimeoutCause(ctx, e.timeout, errTimeout)
			defer cancel()
		}
		trace := e.traces.Background()
		span := trace.Revalidate()
		defer span.End("")
		asked := ask("GET", request, s)
		f := &fetch{
			edge: e, site: s, request: *request, key: key, own: own,
			asked: &asked, reason: rfc9111.Expired, stale: entry, storing: true, trace: trace,
		}
		if s.RequestIDs {
			f.id = requestid.New() // of no client's request, nor of a line of the access log
		}
		f.run(ctx)
		now := time.Now()
		switch current, _, _, _ := e.store.Peek([]byte(key), request.Fields, now); {
		case current == entry:
			entry.RecheckAt(now.Add(recheckPause))
			e.metrics.Revalidations.Add(e.stripe, metrics.RevalidationError, 1)
		case current != nil && current.Response != nil && current.Response.Pinned() == entry.Response.Pinned():
			e.metrics.Revalidations.Add(e.stripe, metrics.RevalidationSame, 1)
		default:
			e.metrics.Revalidations.Add(e.stripe, metrics.RevalidationChanged, 1)
		}
	}()
}
