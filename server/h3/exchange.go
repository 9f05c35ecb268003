package h3

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

type streamMessage = relay.Message[*stream]

// handle begins the exchange of a request that the fast path did not answer, and
// starts its handler.
func (s *stream) handle(d *decoded) error {
	cfg, r := s.conn.cfg, &d.request
	size := relay.RequestBytes(&r.Request)
	switch {
	case r.Length > cfg.Limits.BodyBytes:
		s.conn.limit(metrics.LimitBodySize)
		return s.refuse(&r.Request, page(http.StatusRequestEntityTooLarge))
	case strings.EqualFold(r.Protocol, "h2c") || strings.EqualFold(r.Protocol, "h2"):
		return s.refuse(&r.Request, page(http.StatusNotImplemented)) // HTTP itself: of this hop, and to be passed on by no proxy
	case !s.conn.share.Begin(size):
		// The server's limit, not the peer's: it costs none of its budget.
		s.conn.limit(metrics.LimitExchanges)
		s.reset(codeRequestRejected, relay.ErrMemory)
		return nil
	}
	x := &message.Exchange{
		Request: *r.Clone(),
		Upgrade: strings.Clone(r.Protocol),
		Key:     string(d.lookup.Key),
		Policy:  d.lookup.Policy,
		Proto:   message.HTTP3,
		Peer:    s.peer,
		Local:   s.conn.quic.LocalAddr,
		TLS:     s.conn.tls,
		Share:   s.conn.share,
	}
	s.woken, s.drained = make(chan struct{}, 1), make(chan struct{}, 1)
	s.inbox.Wake = func() { raise(s.woken) }
	s.declared, s.asks = r.Length, r.Protocol != ""
	ctx, cancel := context.WithCancelCause(context.Background())
	s.mu.Lock()
	s.trace, s.account = s.tap.Trace(&r.Request), s.tap.Account()
	x.Trace, x.Account = s.trace, s.account
	if s.trace != nil || s.tap.Keep() {
		s.about = access.AppendRequest(nil, &r.Request)
	}
	s.ticket = s.conn.share.Join(s, size, s.began)
	s.output = relay.NewOutput(s.ticket)
	s.cancel = cancel
	if !s.ends || r.Protocol != "" {
		s.body = relay.NewBody(s.ticket, s.wasRead, s.expects(x))
	}
	s.broken = make(chan struct{})
	over := s.done // with the connection, meanwhile
	if over {
		s.stopReceiving()
	}
	s.mu.Unlock()
	if over {
		cancel(errPeerGone)
		s.output.Fail(errPeerGone)
		s.ticket.Leave()
	}
	switch {
	case r.Protocol != "": // what comes is no content, but the tunnel's: Reply.Tunnel reads it
		if s.ends {
			s.body.End()
		}
	case !s.ends:
		x.Body, x.Length, x.Trailers = s.body, r.Length, s.body.Trailers
	}
	reply := relay.NewReply(&s.inbox, s, s.output, s.body, s.headOnly)
	x.Reply = reply
	if s.body != nil {
		cfg.Crew.Go(s.receive)
	}
	cfg.Crew.Go(func() { relay.Run(ctx, cfg.env(), x, reply, s.conn.stripe) })
	return nil
}

// expects is what is called if the handler reads content that the client holds back;
// nil if it holds back nothing.
func (s *stream) expects(x *message.Exchange) func() {
	if value, _ := x.Field("expect"); !strings.EqualFold(value, continues) || x.Upgrade != "" {
		return nil
	}
	return func() { s.inbox.Post(streamMessage{Kind: relay.Continue, Stream: s}) }
}

func raise(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// serveExchange does what the handler asks for until it has returned, and the answer
// is complete or broken off.
func (s *stream) serveExchange() {
	gone := s.quic.Context().Done()
	var idle <-chan time.Time
	for {
		over := s.isOver()
		if over && s.followed != nil {
			s.followed.Close()
			s.followed = nil
		}
		if over && s.left {
			s.inbox.Close()
			return
		}
		if over {
			gone, idle = nil, nil
		} else if s.tunnel.Load() && idle == nil {
			idle = time.After(s.conn.cfg.Limits.TunnelIdle)
		}
		select {
		case <-s.woken:
		case <-idle:
			idle = s.stillIdle()
			continue
		case <-gone:
			gone = nil
			s.goneAway()
			continue
		}
		if err := s.readInbox(); err != nil && !s.isOver() {
			s.goneAway()
		}
		if s.tunnel.Load() && s.sendDone && s.left { // until then it may read what has come
			s.over(errStreamDone, false)
			s.quic.CancelRead(codeNoError) // what still comes is of no use
		}
	}
}

// goneAway ends a stream that the peer has ended, or whose connection has ended, or
// that we have broken off ourselves.
func (s *stream) goneAway() {
	s.mu.Lock()
	cause := s.cause
	s.mu.Unlock()
	switch {
	case cause != nil:
		s.over(cause, true)
	case s.conn.isGone(context.Cause(s.quic.Context())):
		s.over(errPeerGone, true)
	case s.tunnel.Load() && s.sendDone: // our side has ended, and the peer's may go on
	default:
		s.givenUp()
	}
}

// stillIdle ends a tunnel that has carried nothing for long, or returns when to look
// again.
func (s *stream) stillIdle() <-chan time.Time {
	left := s.conn.cfg.Limits.TunnelIdle - time.Since(time.Unix(0, s.moved.Load()))
	if left > 0 {
		return time.After(left)
	}
	s.conn.limit(metrics.LimitIdleTimeout)
	s.reset(codeRequestCancelled, errStalled)
	return nil
}

// readInbox does what was asked for, and then sends what there is to send.
func (s *stream) readInbox() (err error) {
	messages := s.inbox.Take()
	b := buffers.Get().(*[]byte)
	out := (*b)[:0]
	for i := range messages {
		m := &messages[i]
		if m.Kind == relay.Done {
			s.left = true
		}
		if err != nil || s.isOver() {
			if m.Follower != nil {
				m.Follower.Close()
			}
			continue
		}
		out, err = s.read(out, m)
	}
	s.inbox.GiveBack(messages)
	if err == nil && !s.isOver() {
		out, err = s.pump(out)
	}
	*b = out[:0]
	buffers.Put(b)
	return err
}

// read does what a message asks for. Heads are appended to out.
func (s *stream) read(out []byte, m *streamMessage) ([]byte, error) {
	now := message.Date(time.Now())
	switch m.Kind {
	case relay.Inform:
		return appendHead(out, m.Head, now, ""), nil
	case relay.Continue:
		if !s.headSent {
			out = appendHead(out, &message.Head{Status: http.StatusContinue}, now, "")
		}
		return out, nil
	case relay.Tunnel:
		s.moved.Store(time.Now().UnixNano())
		s.tunnel.Store(true)
		return s.head(out, m, now), nil
	case relay.Head:
		return s.head(out, m, now), nil
	case relay.Send:
		s.explain(&m.Outcome)
		if err := s.flush(out); err != nil {
			return out, err
		}
		s.headSent, s.sendDone = true, true
		return out[:0], s.sendWhole(m.Response, m.Response.Pinned(), m.Outcome.Status)
	case relay.Follow:
		return s.follow(out, m, now)
	case relay.Abort:
		s.reset(codeInternalError, errStreamDone)
	}
	return out, nil
}

// head appends the final head of a response that a handler writes.
func (s *stream) head(out []byte, m *streamMessage, now *message.DateText) []byte {
	s.headSent = true
	s.explain(&m.Outcome)
	s.countRequest(m.Head.Status)
	return appendHead(out, m.Head, now, m.Outcome.Status)
}

// follow begins a response whose content grows.
func (s *stream) follow(out []byte, m *streamMessage, now *message.DateText) ([]byte, error) {
	s.explain(&m.Outcome)
	s.headSent = true
	if s.headOnly {
		m.Follower.Close()
		if err := s.flush(out); err != nil {
			return out, err
		}
		s.sendDone = true
		return out[:0], s.sendWhole(m.Response, nil, m.Outcome.Status)
	}
	s.countRequest(m.Response.Status)
	s.aged(m.Response)
	s.join(m.Response.Pinned())
	s.followed = m.Follower
	m.Follower.Attach(func() { raise(s.woken) })
	return appendStored(out, m.Response, now, m.Outcome.Status), nil
}

// pump sends out, and content as far as there is any.
func (s *stream) pump(out []byte) ([]byte, error) {
	for {
		more, ended, err := false, false, error(nil)
		if s.headSent && !s.sendDone {
			out, more, ended, err = s.content(out)
		}
		if werr := s.flush(out); werr != nil {
			return out[:0], werr
		}
		out = out[:0]
		switch {
		case err != nil: // the source broke off
			s.reset(codeInternalError, err)
			return out, nil
		case ended:
			s.sendDone = true
			if s.tunnel.Load() {
				return out, s.quic.Close()
			}
			return out, s.finish()
		case !more:
			return out, nil
		}
	}
}

// flush sends out, whose memory counts while it waits.
func (s *stream) flush(out []byte) error {
	if len(out) == 0 {
		return nil
	}
	held := int64(cap(out))
	s.ticket.Hold(held)
	defer s.ticket.Give(held)
	return s.write(out)
}

// content appends a DATA frame with what there is, and the trailers at the end. more
// says that there was something, and maybe is.
func (s *stream) content(out []byte) (_ []byte, more, ended bool, err error) {
	const room = 5 // the head of a DATA frame, whose length has 4 bytes (RFC 9000 §16)
	at := len(out)
	out = append(out, make([]byte, room)...)
	var part message.Part
	if s.followed != nil {
		out, part = s.followed.Next(out, maxData)
	} else {
		out, part = s.output.Take(out, maxData)
	}
	if part.N == 0 {
		out = out[:at]
	} else {
		out[at] = frameData
		out[at+1], out[at+2], out[at+3], out[at+4] = 0x80|byte(part.N>>24), byte(part.N>>16), byte(part.N>>8), byte(part.N)
		s.mu.Lock()
		s.sent += int64(part.N)
		s.mu.Unlock()
		s.moved.Store(time.Now().UnixNano())
	}
	if part.End && len(part.Trailers) > 0 {
		out = appendTrailers(out, part.Trailers)
	}
	return out, part.N > 0, part.End, part.Err
}
