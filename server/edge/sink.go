package edge

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

var _ origin.Sink = (*fetch)(nil)

// What a Sink returns for an answer that is none.
var (
	errLength     = errors.New("the content is not as long as its content-length says")
	errUnasked    = errors.New("a 304 came to a request without conditions")
	errOutOfOrder = errors.New("the answer came out of order")
)

// Inform implements [origin.Sink]. What is informational is for the request that
// began the fetch; if that is gone, others may wait for the rest.
func (f *fetch) Inform(status int, fields []hpack.Field) error {
	if f.x == nil || f.state != asking {
		return nil
	}
	if err := f.x.Reply.Inform(status, fields); f.flight == nil {
		return err
	}
	return nil
}

// Head implements [origin.Sink]: it decides what becomes of the answer.
func (f *fetch) Head(h message.Head) error {
	if f.state != asking {
		return errOutOfOrder
	}
	now := time.Now()
	f.head, f.toHead = h, max(1, now.Sub(f.began))
	f.head.Fields = withoutLength(h.Fields)
	switch {
	case f.storing && h.Status == http.StatusNotModified && f.asksAbout:
		return f.confirmed(now)
	case f.storing && h.Status == http.StatusNotModified:
		return errUnasked
	case rfc9111.IsError(h.Status) && f.mayServeStale():
		f.serveStale()
		return errAnswered
	case !f.storing:
		f.kept = rfc9111.None
		f.passedOn(now)
		return f.passOn()
	}
	policy, kept := f.mayStore(f.asked, h.Status, f.head.Fields, now)
	if kept == rfc9111.Stored && h.Length > f.edge.maxStored {
		kept = rfc9111.TooLarge
	}
	if kept == rfc9111.Stored && !f.reserve(max(h.Length, 0)+headSize(f.head.Fields)) {
		kept = rfc9111.NoRoom
	}
	if kept != rfc9111.Stored {
		return f.keepNothing(kept, now)
	}
	f.store(policy, now)
	if h.Length < 0 {
		f.publish() // nothing says how soon content will come
	}
	return nil
}

// Write implements [origin.Sink].
func (f *fetch) Write(p []byte) (int, error) {
	switch f.state {
	case passing:
		n, err := f.x.Reply.Write(p)
		return n, f.passed(err)
	case growing:
		if err := f.grow(p); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	return 0, errAnswered
}

// Flush implements [origin.Sink].
func (f *fetch) Flush() error {
	switch f.state {
	case passing:
		return f.passed(f.x.Reply.Flush())
	case growing:
		f.publish()
	}
	return nil
}

// End implements [origin.Sink].
func (f *fetch) End(trailers []hpack.Field) error {
	f.account.Ends()
	switch f.state {
	case passing:
		f.state = answered
		return f.passed(f.x.Reply.End(trailers))
	case growing:
		return f.finishBody(trailers)
	}
	return nil
}

// Answer implements [origin.Sink]: a file, for all members of the flight, or to
// be stored behind their backs.
func (f *fetch) Answer(a origin.Answer) error {
	e := f.edge
	if a.Stream != nil {
		if f.stale != nil {
			e.store.Remove(f.key)
		}
		f.state = answered
		f.decide(decision{stage: streamed, stream: a.Stream, served: f.reason, kept: rfc9111.TooLarge})
		return nil
	}
	if a.Store { // any other is changed by the Reply, which may put a page in its place
		a.Response = f.codableFile(f.site.Answers.Rewrite(a.Response), a.Coded)
	}
	f.head.Status, f.kept = a.Response.Status, rfc9111.Status
	if a.Store && e.store.PutAnswer(f.key, &a, f.began, f.purged) {
		f.kept = rfc9111.Stored
	} else if f.stale != nil {
		e.store.Remove(f.key)
	}
	f.whole(decision{stage: whole, response: a.Response, served: f.reason, kept: f.kept, status: a.Response.Status})
	return nil
}

// Tunnel implements [origin.Sink].
func (f *fetch) Tunnel(status int, fields []hpack.Field) (io.ReadWriteCloser, error) {
	if f.state != asking || f.storing {
		return nil, errOutOfOrder
	}
	f.head.Status = status
	f.state, f.agreed = answered, true
	f.account.Tunnels()
	f.conclude(nil)
	f.x.Reply.Explain(outcome(f.site, metrics.Bypass, &rfc9111.CacheStatus{Served: f.reason, ForwardStatus: status}))
	return f.x.Reply.Tunnel(status, fields)
}
