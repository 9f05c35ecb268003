// Package nethttp runs any [net/http.Handler] as a [message.Handler]: what is
// written for net/http, such as a file server for contents that are not stored,
// works behind every engine. It is not for hits.
//
// A ResponseWriter of it also implements http.Flusher and what
// http.ResponseController asks for but hijacking. As with net/http, it belongs
// to the handler's goroutine, and a content shorter than a declared
// Content-Length breaks the response off.
package nethttp

import (
	"context"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// Handler runs h.
func Handler(h http.Handler) message.Handler {
	return message.HandlerFunc(func(ctx context.Context, x *message.Exchange) { Serve(ctx, x, h) })
}

// Serve answers one exchange with h.
func Serve(ctx context.Context, x *message.Exchange, h http.Handler) {
	w := &responseWriter{reply: x.Reply, path: x.Path, header: make(http.Header), length: -1}
	r, err := newRequest(ctx, x)
	if err != nil {
		http.Error(w, "malformed request target", http.StatusBadRequest)
		w.finish()
		return
	}
	returned := false
	defer func() {
		if !returned { // a panic, which is the engine's to answer and to log
			x.Reply.Abort()
		}
	}()
	h.ServeHTTP(w, r)
	returned = true
	w.finish()
}

// newRequest makes net/http's view of an exchange.
func newRequest(ctx context.Context, x *message.Exchange) (*http.Request, error) {
	header := make(http.Header, len(x.Fields))
	var cookies []string
	for _, f := range x.Fields {
		switch f.Name {
		case "host":
		case "cookie":
			cookies = append(cookies, f.Value)
		default:
			header.Add(textproto.CanonicalMIMEHeaderKey(f.Name), f.Value)
		}
	}
	if len(cookies) > 0 {
		header.Set("Cookie", strings.Join(cookies, "; ")) // RFC 9113 §8.2.3
	}
	ctx = context.WithValue(ctx, http.LocalAddrContextKey, x.Local())
	r := (&http.Request{
		Method:     x.Method,
		Header:     header,
		Host:       x.Authority,
		RemoteAddr: x.Peer.String(),
		RequestURI: x.Path,
		Body:       http.NoBody,
	}).WithContext(ctx)
	switch x.Proto {
	case message.HTTP3:
		r.Proto, r.ProtoMajor = "HTTP/3.0", 3
	case message.HTTP2:
		r.Proto, r.ProtoMajor = "HTTP/2.0", 2
	case message.HTTP11:
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	default:
		r.Proto, r.ProtoMajor = "HTTP/1.0", 1
	}
	switch {
	case x.Method == http.MethodConnect:
		r.URL, r.RequestURI = &url.URL{Host: x.Authority}, x.Authority
	case x.Path == "*":
		r.URL = &url.URL{Path: "*"}
	default:
		u, err := url.ParseRequestURI(x.Path)
		if err != nil {
			return nil, err
		}
		r.URL = u
	}
	if x.TLS != nil {
		state := x.TLS()
		r.TLS = &state
	}
	if x.Body != nil {
		r.Body, r.ContentLength = &body{ReadCloser: x.Body, trailers: x.Trailers, request: r}, x.Length
		r.Trailer = announced(header)
	}
	return r, nil
}

// announced makes the map of the trailers that the request announces, which
// fill with the content's end.
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

// body fills in the request's trailers when it has been read.
type body struct {
	io.ReadCloser
	trailers func() []hpack.Field
	request  *http.Request
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != io.EOF || b.trailers == nil {
		return n, err
	}
	for _, f := range b.trailers() {
		if b.request.Trailer == nil {
			b.request.Trailer = make(http.Header)
		}
		b.request.Trailer.Add(f.Name, f.Value)
	}
	b.trailers = nil
	return n, err
}
