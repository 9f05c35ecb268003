package stream

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// smallBody is how much of a content is held back until the head must go, so
// that a short response leaves as one batch.
const smallBody = 4 << 10

// Errors of a Reply, beside those of a stream that has ended.
var (
	errAnswered = errors.New("the request is answered")
	errNoHead   = errors.New("no head was given")
	errLength   = http.ErrContentLength
)

// Reply implements [message.Reply] on an inbox. Its states:
//
//	fresh ── Head ──▶ begun ── content, Flush ──▶ sent ── End ──▶ over
//	  └── Send, Follow, Tunnel, Abort ─────────────────────────────▲
type Reply[S any] struct {
	inbox    *Inbox[S]
	stream   S
	out      *Output
	body     *Body // nil: the request has no content
	headOnly bool  // HEAD: no content is sent

	state    replyState
	outcome  message.Outcome
	head     message.Head
	written  int64
	small    buffer // content that is held back
	deadline time.Time
}

type replyState uint8

const (
	fresh replyState = iota // nothing was said
	begun                   // Head was called, and is held back
	sent                    // the head is posted; content may follow
	over                    // complete, broken off, or the connection's
)

// NewReply makes the reply of a stream. body may be nil.
func NewReply[S any](inbox *Inbox[S], stream S, out *Output, body *Body, headOnly bool) *Reply[S] {
	return &Reply[S]{inbox: inbox, stream: stream, out: out, body: body, headOnly: headOnly, outcome: message.Outcome{Result: metrics.Bypass}}
}

func (r *Reply[S]) post(m Message[S]) {
	m.Stream, m.Outcome = r.stream, r.outcome
	r.inbox.Post(m)
}

// Explain implements message.Reply.
func (r *Reply[S]) Explain(o message.Outcome) { r.outcome = o }

// Send implements message.Reply.
func (r *Reply[S]) Send(resp *message.Response) {
	if r.state != fresh {
		r.Abort()
		return
	}
	r.state = over
	r.post(Message[S]{Kind: Send, Response: resp})
}

// Follow implements message.Reply.
func (r *Reply[S]) Follow(resp *message.Response, f *message.Follower) {
	if r.state != fresh {
		f.Close()
		r.Abort()
		return
	}
	r.state = over
	r.post(Message[S]{Kind: Follow, Response: resp, Follower: f})
}

// Inform implements message.Reply.
func (r *Reply[S]) Inform(status int, fields []hpack.Field) error {
	if r.state != fresh {
		return errAnswered
	}
	r.post(Message[S]{Kind: Inform, Head: &message.Head{Status: status, Fields: fields}})
	return r.out.failed()
}

// Head implements message.Reply.
func (r *Reply[S]) Head(h message.Head) error {
	if r.state != fresh {
		return errAnswered
	}
	if h.Status < 200 || h.Status > 999 {
		return fmt.Errorf("%d is not the status of a final response", h.Status)
	}
	r.head, r.state = h, begun
	return r.out.failed()
}

// Write implements message.Reply.
func (r *Reply[S]) Write(p []byte) (int, error) {
	switch {
	case r.state == fresh:
		return 0, errNoHead
	case r.state == over:
		return 0, errAnswered
	case !BodyAllowed(r.head.Status):
		return 0, http.ErrBodyNotAllowed
	case r.head.Length >= 0 && r.written+int64(len(p)) > r.head.Length:
		return 0, errLength
	}
	r.written += int64(len(p))
	if r.headOnly {
		return len(p), r.out.failed()
	}
	if r.state == begun {
		if r.small.len()+len(p) <= smallBody {
			r.small.grow(smallBody)
			r.small.add(p)
			return len(p), r.out.failed()
		}
		if err := r.Flush(); err != nil {
			return 0, err
		}
	}
	return r.out.write(p, r.writeDeadline, r.postWritten)
}

// Flush implements message.Reply.
func (r *Reply[S]) Flush() error {
	switch r.state {
	case fresh:
		return errNoHead
	case over:
		return errAnswered
	case begun:
		r.state = sent
		r.post(Message[S]{Kind: Head, Head: &r.head})
		defer r.small.drop()
		if r.small.len() > 0 {
			_, err := r.out.write(r.small.unread(), r.writeDeadline, r.postWritten)
			return err
		}
	}
	return r.out.failed()
}

// End implements message.Reply.
func (r *Reply[S]) End(trailers []hpack.Field) error {
	switch {
	case r.state == fresh:
		return errNoHead
	case r.state == over:
		return errAnswered
	case r.head.Length >= 0 && r.written < r.head.Length && !r.headOnly && BodyAllowed(r.head.Status):
		r.Abort() // the client must not take a part for the whole
		return errLength
	}
	trailers = trailersOf(trailers)
	wasSent := r.state == sent
	r.state = over
	defer r.small.drop()
	if wasSent {
		r.out.end(trailers)
		r.postWritten()
		return nil
	}
	if r.small.len() > 0 { // before the head is posted: they leave together
		if _, err := r.out.write(r.small.unread(), r.writeDeadline, func() {}); err != nil {
			return err
		}
	}
	if r.head.Length < 0 && len(trailers) == 0 && BodyAllowed(r.head.Status) && (!r.headOnly || r.written > 0) {
		r.head.Length = r.written // all of it has come by now
	}
	r.out.end(trailers)
	r.post(Message[S]{Kind: Head, Head: &r.head, Ended: r.small.len() == 0 && len(trailers) == 0})
	return nil
}

// Abort implements message.Reply.
func (r *Reply[S]) Abort() {
	switch r.state {
	case fresh, begun:
		r.state = over
		r.small.drop()
		r.outcome.Status = ""
		r.post(Message[S]{Kind: Send, Response: failure})
	case sent:
		r.state = over
		r.post(Message[S]{Kind: Abort})
	}
}

// failure is the answer of a handler that ended without one.
var failure = message.New(http.StatusInternalServerError,
	[]hpack.Field{{Name: "content-type", Value: "text/plain; charset=utf-8"}}, []byte("Internal Server Error\n"), "", time.Time{})

// Tunnel implements message.Reply.
func (r *Reply[S]) Tunnel(status int, fields []hpack.Field) (io.ReadWriteCloser, error) {
	if r.state != fresh {
		return nil, errAnswered
	}
	if r.body == nil {
		return nil, errors.New("the request does not ask for an upgrade")
	}
	r.head, r.state = message.Head{Status: status, Fields: fields, Length: -1}, sent
	r.post(Message[S]{Kind: Tunnel, Head: &r.head})
	return &tunnel[S]{r}, r.out.failed()
}

// tunnel is the client's side of an upgrade. Reads and writes may be on
// different goroutines.
type tunnel[S any] struct{ reply *Reply[S] }

func (t *tunnel[S]) Read(p []byte) (int, error) { return t.reply.body.Read(p) }

func (t *tunnel[S]) Write(p []byte) (int, error) {
	return t.reply.out.write(p, func() time.Time { return time.Time{} }, t.reply.postWritten)
}

// CloseWrite ends the sending half.
func (t *tunnel[S]) CloseWrite() error {
	t.reply.out.end(nil)
	t.reply.postWritten()
	return nil
}

func (t *tunnel[S]) Close() error {
	t.reply.state = over
	_ = t.reply.body.Close() // only marks it
	return t.CloseWrite()
}

// SetReadDeadline implements message.Reply.
func (r *Reply[S]) SetReadDeadline(t time.Time) {
	if r.body != nil {
		r.body.SetDeadline(t)
	}
}

// SetWriteDeadline implements message.Reply.
func (r *Reply[S]) SetWriteDeadline(t time.Time) { r.deadline = t }

func (r *Reply[S]) writeDeadline() time.Time { return r.deadline }

func (r *Reply[S]) postWritten() { r.post(Message[S]{Kind: Written}) }

// BodyAllowed reports whether a response with that status has content at all
// (RFC 9110 §6.4.1).
func BodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
