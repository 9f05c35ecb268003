package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"

	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// maxDials is how many upstreams a fetch tries to connect to.
const maxDials = 3

// Fetch fetches from an upstream and gives the answer to sink. It returns nil if
// the response was delivered whole, End or the end of a tunnel included. The
// error is an [*Error] if the upstream is at fault or none could be tried; any
// other is the client's or the sink's: it wraps ctx's cause, the Body's error or
// the Sink's.
//
// Another upstream is tried if no connection came about, another connection if
// the first was dead before a byte was written. An idempotent request
// of whose content nothing was taken is tried again if the connection ended
// before a byte of the response (RFC 9110 §9.2.2), within the retry budget.
func (p *Proxy) Fetch(ctx context.Context, r *origin.Request, sink origin.Sink) error {
	if p.closed.Load() {
		return newError(destinationUnavailable, errClosed)
	}
	q, err := p.prepare(r)
	if err != nil {
		return err
	}
	p.budget.earn()
	var (
		not     tried
		last    error
		retried bool
	)
	for try := range maxDials {
		u := p.pick(r, &not)
		if u == nil {
			break
		}
		r.Account.Asks(u.text)
		if err := u.enter(ctx, p.config.Timeouts.Queue); err != nil {
			return located(err, u)
		}
		r.Span.Try(1+try, u.host)
		o := p.exchange(ctx, u, q, r, sink)
		u.leave()
		last = o.err
		switch {
		case o.undialed:
		case o.unsent:
			not = tried{}
		case o.again && !retried && p.budget.spend():
			retried = true
			if len(p.upstreams) == 1 {
				not = tried{}
			}
		default:
			return o.err
		}
	}
	return last
}

// located adds the upstream to an error.
func located(err error, u *upstream) error {
	var e *Error
	if errors.As(err, &e) {
		e.Upstream = u.text
	}
	return err
}

// outcome is how an exchange ended.
type outcome struct {
	err      error
	undialed bool // no connection: nothing was sent
	unsent   bool // the connection turned out to be dead before a byte was written
	again    bool // a second try is allowed, if there is budget
}

// exchange is one try at one upstream.
type exchange struct {
	p    *Proxy
	u    *upstream
	q    *outgoing
	sink origin.Sink

	cancel context.CancelCauseFunc
	trace  httptrace.ClientTrace
	watch  watch
	body   *body
	cut    []byte
	span   *traces.Span

	// Of Fetch's goroutine, on which net/http calls gotConn.
	conn  *conn  // nil for HTTP/2
	reply *reply // what conn found out
	first reply
	tries int // connections that net/http used

	inform struct {
		sync.Mutex // held while Inform is called, from net/http's goroutine
		count      int
		over       bool  // the exchange has ended or the head has come
		err        error // the sink's
	}
}

// exchange tries an upstream.
func (p *Proxy) exchange(ctx context.Context, u *upstream, q *outgoing, r *origin.Request, sink origin.Sink) outcome {
	u.fetches.Add(1)
	x := &exchange{p: p, u: u, q: q, sink: sink}
	inner, cancel := context.WithCancelCause(ctx)
	x.cancel = cancel
	defer cancel(nil)
	x.reply = &x.first
	x.watch.cancel, x.watch.limits = cancel, p.limits
	x.watch.start()
	defer x.watch.stop()
	x.trace.GotConn = x.gotConn
	x.trace.Got1xxResponse = x.got1xx
	if r.Span != nil {
		x.span, x.trace.GotFirstResponseByte = r.Span, r.Span.FirstByte
	}

	host := p.config.host(q, u)
	target, cut := q.url(u.transports.scheme, u.host, host)
	x.cut = cut
	req := (&http.Request{
		Method: q.method, URL: target, Host: host, Header: q.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(httptrace.WithClientTrace(inner, &x.trace))
	upload := x.content(req, r)
	if x.body != nil {
		defer x.body.finish()
		if _, ok := r.Body.(io.Closer); ok {
			defer context.AfterFunc(inner, x.body.abort)()
		}
	}
	pool := u.transports.main
	if q.kind == upgradeMethod || q.kind == connectMethod {
		pool = u.transports.upgrade
	}
	x.te(req)
	res, err := pool.RoundTrip(req)
	if err == nil {
		x.watch.waitFor(waitSink) // what follows is no longer the upstream's time
	}
	p.answers.Join()
	x.endInform()
	if err != nil {
		if upload != nil {
			upload.CloseWithError(err)
		}
		return x.failed(ctx, inner, err, false)
	}
	r.Account.Answers()
	if err := x.deliver(ctx, res, upload); err != nil {
		res.Body.Close()
		return x.failed(ctx, inner, err, true)
	}
	return outcome{}
}

// content gives req its content. upload is the way in of a CONNECT's tunnel.
func (x *exchange) content(req *http.Request, r *origin.Request) (upload *io.PipeWriter) {
	if x.q.kind == connectMethod {
		req.Body, upload = io.Pipe()
		req.ContentLength = -1
		x.trace.WroteRequest = x.uploaded
		return upload
	}
	var trailers http.Header
	if r.Trailers != nil {
		trailers = announced(r.Fields)
	}
	// Without a length the content is in chunks, which have a trailer section.
	// With one it keeps that, for servers that take no chunks, unless trailers
	// were announced: then it cannot have both.
	inChunks := r.Length < 0 || len(trailers) > 0
	if r.Body == nil || r.Length == 0 && !inChunks || x.q.translate {
		return nil
	}
	x.body = &body{from: r.Body, left: r.Length, watch: &x.watch}
	if req.Header["Expect"] != nil {
		x.body.over = make(chan struct{})
	}
	x.watch.upload(uploadOrigin)
	req.Body, req.ContentLength = x.body, r.Length
	if inChunks {
		req.ContentLength = -1
		req.TransferEncoding = []string{"chunked"} // or net/http waits 200 ms for a GET's first byte
	}
	if inChunks && r.Trailers != nil {
		req.Trailer = trailers
		x.body.trailers, x.body.into = r.Trailers, req.Trailer
	}
	return nil
}

// uploaded passes on the end of a CONNECT's way out, which net/http does not in
// HTTP/1.1. It is called when all of it is written.
func (x *exchange) uploaded(info httptrace.WroteRequestInfo) {
	if info.Err == nil && x.conn != nil {
		_ = x.conn.CloseWrite() // an error shows in what is read
	}
}

// te asks for trailers if the client can take them. In HTTP/1.1 Connection must
// name TE (RFC 9110 §10.1.4); net/http refuses that field for HTTP/2, which an
// https upstream may speak.
func (x *exchange) te(req *http.Request) {
	if !x.q.te || x.q.kind == upgradeMethod {
		return
	}
	req.Header["Te"] = []string{"trailers"}
	if x.u.scheme == "http" {
		req.Header["Connection"] = []string{"TE"}
	} else {
		delete(req.Header, "Connection")
	}
}

// gotConn is called with the connection that net/http is about to use, on
// Fetch's goroutine. A second call means that it tries again by itself, which
// it does without end; here that is allowed once, within the budget, or if
// nothing was written.
func (x *exchange) gotConn(info httptrace.GotConnInfo) {
	next, _ := info.Conn.(*conn)
	x.tries++
	if x.tries > 1 {
		if err := x.noTry(); err != nil {
			x.cancel(err)
			if next != nil {
				next.discard(err)
			}
			return
		}
		x.reply = new(reply) // the old connection's reader may still write
	}
	if x.span != nil {
		x.span.Connected(info.Conn.RemoteAddr().String(), info.Reused)
	}
	x.watch.waitFor(waitHead)
	x.conn = next
	if x.conn != nil {
		x.conn.begin(x.q.kind, x.cut, info.Reused, x.reply)
		if x.body != nil && x.body.over != nil {
			x.conn.held = x.body
		}
	}
}

// noTry is why no other connection may be tried, nil if one may. That the
// framer withholds a head which it refuses is to net/http as if no byte had come.
func (x *exchange) noTry() error {
	unsent := x.conn != nil && !x.conn.begun.Load()
	switch {
	case unsent && x.tries <= maxTries:
		return nil
	case x.reply.began.Load():
		if broken := x.conn.broken.Load(); broken != nil {
			return classify(*broken, false)
		}
	case !unsent && x.tries == 2 && (x.body == nil || !x.body.used()) && x.p.budget.spend():
		return nil
	}
	return newError(connectionTerminated, errors.New("the connection ended before a response, and there is no other try"))
}

// maxTries bounds connections that turn out to be dead before a byte is
// written, as after a restart of the upstream.
const maxTries = 4

// got1xx passes on an informational response. It is called on a goroutine of
// net/http's while Fetch's waits for the head.
func (x *exchange) got1xx(status int, header textproto.MIMEHeader) error {
	x.inform.Lock()
	defer x.inform.Unlock()
	if x.inform.over {
		return errBodyClosed
	}
	if status == http.StatusSwitchingProtocols {
		return &protocolError{httpUpgradeFailed, "101 in HTTP/2"}
	}
	if x.inform.count++; x.inform.count > maxInforms {
		return &protocolError{httpProtocolError, "more informational responses than the limit"}
	}
	if status == http.StatusContinue {
		return nil // ours: the content is read now, and so asked for
	}
	if err := x.sink.Inform(status, fieldsOf(http.Header(header))); err != nil {
		x.inform.err = fmt.Errorf("passing on an informational response: %w", err)
		return x.inform.err
	}
	return nil
}

// endInform returns when no Inform runs, and none will.
func (x *exchange) endInform() {
	x.inform.Lock()
	x.inform.over = true
	x.inform.Unlock()
}

// failed finds out whose fault err is.
func (x *exchange) failed(ctx, inner context.Context, err error, began bool) outcome {
	var other blameless
	if errors.As(err, &other) {
		return outcome{err: other.error}
	}
	x.inform.Lock()
	informed := x.inform.err
	x.inform.Unlock()
	if informed != nil {
		return outcome{err: informed}
	}
	cause := context.Cause(inner)
	aborted := false
	if cause != nil {
		aborted = errors.As(cause, new(*Error))
	}
	if x.body != nil {
		if berr := x.body.finish(); berr != nil && !aborted {
			return outcome{err: berr}
		}
	}
	if aborted {
		err = cause
	} else if ctx.Err() != nil {
		err = fmt.Errorf("waiting for %s: %w", x.u.text, context.Cause(ctx))
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return outcome{err: err}
		}
		return outcome{err: located(newError(httpResponseTimeout, err), x.u)}
	} else if x.conn != nil {
		if broken := x.conn.broken.Load(); broken != nil {
			err = *broken
		}
	}
	if strings.HasPrefix(err.Error(), "net/http: invalid ") {
		return outcome{err: located(newError(httpRequestError, err), x.u)}
	}
	e := classify(err, began)
	e.Upstream = x.u.text
	unused := x.body == nil || !x.body.used()
	if !began && !aborted && unused && x.conn != nil && !x.conn.begun.Load() {
		return outcome{err: e, unsent: true} // an idle connection's end is no failure
	}
	if e.Full() {
		return outcome{err: e, undialed: unused} // a limit of ours is no failure of the upstream
	}
	x.u.failure(e, &x.p.config.Passive)
	undialed := errors.As(err, new(dialError))
	return outcome{
		err:      e,
		undialed: undialed && unused,
		again: !began && !aborted && !x.reply.began.Load() && e.ProxyStatus == connectionTerminated && x.tries < 2 &&
			idempotent(x.q.method) && unused && x.q.kind != upgradeMethod,
	}
}
