package h2

import (
	"context"
	"net/http"
	"net/textproto"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/flow"
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// handle opens a stream for a request that the first door did not answer and
// starts its handler. r is borrowed.
func (c *Conn) handle(id uint32, r *request, end bool) *frame.Error {
	if len(c.streams) >= c.cfg.Limits.Streams || c.running >= c.cfg.Limits.Streams {
		// Handlers count until they return, even if their stream was reset:
		// else a peer that resets has as many as it likes.
		return c.refuseExcess(id)
	}
	if r.length > c.cfg.Limits.BodyBytes {
		c.limit(metrics.LimitBodySize)
		return c.refuse(id, r, end, http.StatusRequestEntityTooLarge)
	}
	s := c.open(id)
	c.keepRequest(s, &r.Request)
	s.recvDone, s.result = end, metrics.Bypass // until it says otherwise
	s.headOnly = r.Method == http.MethodHead
	s.output = &output{room: newSignal()}
	w := &responseWriter{conn: c, stream: s, out: s.output, headOnly: s.headOnly, header: make(http.Header), length: -1, result: metrics.Bypass}
	ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), http.LocalAddrContextKey, c.wire.LocalAddr()))
	s.cancel = cancel
	if !end {
		s.declared = r.length
		s.credit = flow.NewCredit(streamWindow)
		s.body = &requestBody{
			news: newSignal(),
			read: func(n int) { c.post(letter{kind: readLetter, stream: s, n: n}) },
		}
		if expect, _ := r.Field("expect"); strings.EqualFold(expect, "100-continue") {
			s.body.expect = func() { c.post(letter{kind: continueLetter, stream: s}) }
		}
	}
	c.running++
	go c.runHandler(ctx, w, request{*r.Clone(), r.length}) // what r borrows is gone when this returns
	return nil
}

// refuseExcess refuses a stream beyond SETTINGS_MAX_CONCURRENT_STREAMS and
// takes it off the peer's budget.
func (c *Conn) refuseExcess(id uint32) *frame.Error {
	c.refuseStream(id)
	if c.early.spend(c.now) {
		return nil
	}
	c.limit(metrics.LimitEarlyReset)
	return frame.ConnError(frame.EnhanceYourCalm, "too many streams beyond SETTINGS_MAX_CONCURRENT_STREAMS")
}

// runHandler is the handler's goroutine.
func (c *Conn) runHandler(ctx context.Context, w *responseWriter, r request) {
	defer func() {
		if p := recover(); p != nil { // in the last word
			c.panicked(w, p)
			c.post(letter{kind: resetLetter, stream: w.stream, code: frame.InternalError})
		}
	}()
	returned := false
	defer func() {
		// Before the last word: with it the client may open the next stream,
		// for which this one must have made room.
		c.post(letter{kind: doneLetter})
		if returned {
			w.finish()
			return
		}
		if p := recover(); p != nil && p != http.ErrAbortHandler { // nil after runtime.Goexit
			c.panicked(w, p)
		}
		w.abort()
	}()
	req, err := c.httpRequest(w.stream, r)
	if err != nil {
		http.Error(w, "malformed request target", http.StatusBadRequest)
		returned = true
		return
	}
	w.request = req.WithContext(ctx)
	if body := w.stream.body; body != nil {
		w.request.Body = &bodyReader{requestBody: body, request: w.request}
	}
	c.cfg.Handler.ServeHTTP(w, w.request)
	returned = true
}

// panicked counts and logs a panic on a handler's goroutine.
func (c *Conn) panicked(w *responseWriter, p any) {
	c.cfg.Metrics.Panics.Add(c.stripe, 1)
	path := ""
	if w.request != nil {
		path = w.request.URL.Path
	}
	c.cfg.Log.Error("panic in a handler", "peer", c.wire.RemoteAddr().String(), "path", path, "panic", p, "stack", string(debug.Stack()))
}

// httpRequest makes net/http's view of a request that owns its memory.
func (c *Conn) httpRequest(s *stream, r request) (*http.Request, error) {
	header := make(http.Header, len(r.Fields))
	var cookies []string
	for _, f := range r.Fields {
		switch f.Name {
		case "host":
		case "cookie":
			cookies = append(cookies, f.Value)
		default:
			header.Add(textproto.CanonicalMIMEHeaderKey(f.Name), f.Value)
		}
	}
	if len(cookies) > 0 {
		header.Set("Cookie", strings.Join(cookies, "; ")) // §8.2.3
	}
	req := &http.Request{
		Method:     r.Method,
		Proto:      "HTTP/2.0",
		ProtoMajor: 2,
		Header:     header,
		Host:       r.Authority,
		RemoteAddr: c.wire.RemoteAddr().String(),
		RequestURI: r.Path,
		Body:       http.NoBody,
	}
	if r.Method == http.MethodConnect {
		req.URL, req.RequestURI = &url.URL{Host: r.Authority}, r.Authority
	} else {
		u, err := url.ParseRequestURI(r.Path)
		if err != nil {
			return nil, err
		}
		req.URL = u
	}
	if t := c.wire.TLS(); t != nil {
		state := t.ConnectionState()
		req.TLS = &state
	}
	if s.body != nil {
		req.ContentLength = r.length
		req.Trailer = announced(header)
	}
	return req, nil
}

// announced makes the map of the trailers that the request announces, which
// fill with the body's end.
func announced(header http.Header) http.Header {
	var trailer http.Header
	for _, line := range header["Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			if trailer == nil {
				trailer = make(http.Header)
			}
			trailer[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))] = nil
		}
	}
	delete(header, "Trailer")
	return trailer
}

// bodyReader fills in the request's trailers when its body has been read.
type bodyReader struct {
	*requestBody
	request *http.Request
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.requestBody.Read(p)
	if err == nil {
		return n, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, values := range b.trailers {
		if b.request.Trailer == nil {
			b.request.Trailer = make(http.Header)
		}
		b.request.Trailer[name] = values
	}
	return n, err
}
