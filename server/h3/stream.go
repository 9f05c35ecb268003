package h3

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// stream is a request and its answer:
//
//	head ──┬──────── hit, refusal ─────────┬─▶ over
//	       └─▶ exchange: content in, answer out ─┘
//
// It belongs to its goroutine, but for what mu guards and for what receive.go says.
type stream struct {
	conn  *Conn
	quic  *quic.Stream
	peer  net.Addr      // when it began: a connection may move to another address
	in    *bufio.Reader // head, then content
	began time.Time     // when its head was read
	asked *decoded      // the head; nil: its memory is given back

	ends     bool // nothing follows the head
	headOnly bool // HEAD
	limited  bool // beyond the client's limit
	out      limit.Pace
	mark     paceMark

	exchange

	mu     sync.Mutex
	done   bool  // see over
	cause  error // why it was broken off; nil: it was not, or not by us
	status int   // of the final head; 0 before
	sent   int64 // content
	result metrics.CacheResult
	reason rfc9111.Reason
	tap    access.Tap
	about  []byte          // the request, for its record; nil: none
	trace  *traces.Request // nil: it is not traced
	site   fmt.Stringer    // of a hit
	tally  *metrics.Tally  // see message.Outcome
	age    access.Age      // of the answer
	ticket *memory.Ticket  // nil: not yet, or nothing is counted
}

// exchange is what a stream has that a handler answers.
type exchange struct {
	inbox    relay.Inbox[*stream]
	woken    chan struct{} // something is in the inbox
	output   *relay.Output
	followed *message.Follower
	body     *relay.Body
	account  *message.Account        // nil: the log has no use for it
	received atomic.Int64            // content
	cancel   context.CancelCauseFunc // ends the request's context; nil without a handler
	declared int64                   // content-length, -1 if there is none
	unread   atomic.Int64            // of its content, by the handler
	drained  chan struct{}           // the handler has read some of it
	broken   chan struct{}           // closed when content is received no more; nil without a handler
	left     bool                    // the handler has returned
	headSent bool
	sendDone bool // our side has ended
	asks     bool // for a tunnel
	tunnel   atomic.Bool
	moved    atomic.Int64 // when it last carried a byte, UnixNano
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readBuffer) }}

func newStream(c *Conn, q *quic.Stream) *stream {
	now := time.Now()
	s := &stream{conn: c, quic: q, peer: c.quic.RemoteAddr(), began: now, out: limit.NewPace(c.cfg.Limits.rate()), result: metrics.Bypass}
	s.tap = c.cfg.Access.TapOf(access.HTTP3, c.stripe, c.secure)
	s.mark.conn = c.moved()
	s.in = readers.Get().(*bufio.Reader)
	s.in.Reset(q)
	return s
}

// serve is the stream's goroutine. Until it ends, the peer cannot open another
// stream for this one: handlers are as many as streams may be.
func (s *stream) serve() {
	defer s.quic.ReleaseStreamCredit()
	defer s.conn.survive("a stream", func() { s.reset(codeInternalError, errStreamDone) })
	d := decodeds.Get().(*decoded)
	s.asked = d
	err := s.answer(d)
	s.asked = nil
	d.release()
	if err != nil {
		s.failed(err)
		return
	}
	if s.cancel != nil {
		s.serveExchange()
	}
	if s.body == nil { // else it is the receiving goroutine's
		s.releaseReader()
	}
}

func (s *stream) releaseReader() {
	s.in.Reset(nil)
	readers.Put(s.in)
}

// answer reads the head and answers it, or begins an exchange. What d borrows is
// gone when it returns.
func (s *stream) answer(d *decoded) error {
	if err := s.takeHead(d); err != nil {
		return err
	}
	r := &d.request
	switch {
	case s.ends && r.Length > 0:
		return streamError(codeMessageError, "content-length without DATA") // §4.1.2
	case s.conn.cfg.PerClient != nil && s.beyondLimit(&r.Request):
		return s.refuse(&r.Request, s.conn.cfg.PerClient.Refusal)
	case s.ends && r.Protocol == "" && s.conn.cfg.Source.Look(&d.lookup, &r.Request, s.began):
		return s.answerHit(d)
	}
	return s.handle(d)
}

// beyondLimit counts a request, and reports whether it is beyond its client's limit
// and to be refused.
func (s *stream) beyondLimit(r *message.Request) bool {
	q := s.conn.cfg.PerClient
	over, refuse := q.Over(q.Client(r), s.began, s.conn.stripe)
	s.mu.Lock()
	s.limited = over
	s.mu.Unlock()
	return refuse
}

var errTooLarge = errors.New("h3: the head exceeds a limit")

// refuseLarge answers a request whose head is too large, which ends it.
func (s *stream) refuseLarge(r *message.Request) error {
	if err := s.refuse(r, page(http.StatusRequestHeaderFieldsTooLarge)); err != nil {
		return err
	}
	return errTooLarge
}

// page is an answer of the engine's own.
func page(status int) *message.Response {
	return message.New(status, []hpack.Field{{Name: "content-type", Value: "text/plain; charset=utf-8"}}, []byte(http.StatusText(status)+"\n"), "", time.Time{})
}

// failed ends a stream that could not be answered.
func (s *stream) failed(err error) {
	var f *failure
	switch {
	case err == errTooLarge, s.conn.isGone(err): // answered, or all is over
		s.over(errPeerGone, true)
	case errors.As(err, &f) && f.conn:
		s.conn.fail(f)
		s.over(f, true)
	case errors.As(err, &f):
		s.reset(quic.StreamErrorCode(f.code), f)
		s.conn.spendEarly()
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.conn.limit(metrics.LimitHeadTimeout)
		s.reset(codeRequestIncomplete, err)
		s.conn.spendEarly()
	case err == io.ErrUnexpectedEOF:
		s.conn.fail(connError(codeFrameError, "a stream that ends within a frame")) // §7.1
		s.over(err, true)
	case err == io.EOF: // without a request
		s.reset(codeRequestIncomplete, err)
		s.conn.spendEarly()
	case brokenOff(err): // the peer has reset it, or does not want the answer
		s.givenUp()
	default: // it is too slow, and broken off
		s.reset(codeRequestCancelled, err)
		s.conn.spendEarly()
	}
}

// givenUp ends a stream that the peer has reset.
func (s *stream) givenUp() {
	s.conn.cfg.Metrics.StreamsReset.Add(s.conn.stripe, metrics.ByPeer, 1)
	s.quic.CancelRead(codeRequestCancelled)
	s.quic.CancelWrite(codeRequestCancelled)
	s.over(errPeerReset, true)
	s.conn.spendEarly()
}

// reset ends a stream with RESET_STREAM and STOP_SENDING.
func (s *stream) reset(code quic.StreamErrorCode, cause error) {
	s.breakOff(code, cause)
	s.over(cause, true)
}

// breakOff has every read and write of the stream fail, so that its goroutine ends
// it. It may be called from any goroutine.
func (s *stream) breakOff(code quic.StreamErrorCode, cause error) {
	s.mu.Lock()
	if s.done || s.cause != nil {
		s.mu.Unlock()
		return
	}
	s.cause = cause
	s.stopReceiving()
	s.mu.Unlock()
	m := s.conn.cfg.Metrics
	m.StreamsReset.Add(s.conn.stripe, metrics.ByUs, 1)
	m.ProtocolErrors.Add(s.conn.stripe, labelOf(uint64(code)), metrics.ScopeStream, 1)
	s.quic.CancelRead(code)
	s.quic.CancelWrite(code)
}

// finish ends a stream whose answer is complete. What the client has yet to send is
// of no use (RFC 9114 §4.1).
func (s *stream) finish() error {
	if err := s.quic.Close(); err != nil {
		return err
	}
	s.over(errStreamDone, false)
	if s.body == nil {
		s.dropLate()
	} else {
		_ = s.quic.SetReadDeadline(time.Now().Add(lateTime)) // for receive
	}
	return nil
}

// dropLate drops what comes of a request after its answer, and asks for an end of
// it if that is much.
func (s *stream) dropLate() {
	if s.ends {
		return
	}
	if s.quic.SetReadDeadline(time.Now().Add(lateTime)) == nil {
		_, _ = io.CopyN(io.Discard, s.quic, lateBody)
	}
	s.quic.CancelRead(codeNoError) // nothing, if all has come
}

// over ends what a stream means to its handler and to its connection. cause is the
// error of the handler's reads and writes. Any call after the first does nothing.
func (s *stream) over(cause error, aborted bool) {
	s.mu.Lock()
	if s.done {
		s.mu.Unlock()
		return
	}
	s.done = true
	s.stopReceiving()
	s.record(aborted)
	ticket, cancel, body := s.ticket, s.cancel, s.body
	s.mu.Unlock()
	if cancel != nil {
		cancel(cause)
		s.output.Fail(cause)
		s.inbox.Wake()
	}
	if body != nil {
		body.Fail(cause)
	}
	ticket.Leave() // last: what those have taken is given back by now
	s.conn.closed(s)
}

// stopReceiving has content received no more, which a tunnel's is until it is over:
// that our own side has ended is no reason. s.mu is held.
func (s *stream) stopReceiving() {
	if s.broken == nil {
		return
	}
	select {
	case <-s.broken:
	default:
		close(s.broken)
	}
}

// isOver reports whether over was called.
func (s *stream) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}
