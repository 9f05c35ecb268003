package stream

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Body is a request's content between the connection that receives it and the
// handler that reads it. What it holds is bounded by the connection, which
// receives no more than it has given credit for.
type Body struct {
	// read reports to the connection that n bytes have left; expect that
	// the handler reads content that the client holds back (RFC 9110
	// §10.1.1), nil if it holds back nothing.
	read   func(n int)
	expect func()

	mu       sync.Mutex
	buf      []byte
	off      int
	failure  error // what a Read returns when buf is empty
	closed   bool  // by the handler: nothing is kept any more
	trailers []hpack.Field
	deadline time.Time
	news     signal // more content, an end, another deadline
}

// NewBody makes an empty body. expect may be nil.
func NewBody(read func(n int), expect func()) *Body {
	return &Body{read: read, expect: expect, news: newSignal()}
}

// Add takes content and returns how much of it was not kept.
func (b *Body) Add(p []byte) (unkept int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.failure != nil {
		return len(p)
	}
	if b.off > 0 && b.off >= len(b.buf)/2 { // keep no more than is unread
		b.buf = b.buf[:copy(b.buf, b.buf[b.off:])]
		b.off = 0
	}
	b.buf = append(b.buf, p...)
	b.news.raise()
	return 0
}

// TooLarge makes reads fail beyond limit and reports whether that is new.
func (b *Body) TooLarge(limit int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failure != nil || b.closed {
		return false
	}
	b.failure = &http.MaxBytesError{Limit: limit}
	b.news.raise()
	return true
}

// AddTrailers must come before End. The fields' strings are cloned.
func (b *Body) AddTrailers(fields []hpack.Field) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range fields {
		b.trailers = append(b.trailers, hpack.Field{Name: strings.Clone(f.Name), Value: strings.Clone(f.Value)})
	}
}

// Trailers is the trailer section, complete when Read has returned io.EOF.
func (b *Body) Trailers() []hpack.Field {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trailers
}

// End notes that the body is complete.
func (b *Body) End() { b.Fail(io.EOF) }

// Fail ends the body with err, after what has arrived if err is io.EOF. It
// returns how many bytes will not be read.
func (b *Body) Fail(err error) (unread int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != io.EOF || b.closed {
		unread = len(b.buf) - b.off
		b.buf, b.off = nil, 0
		if b.failure == io.EOF {
			b.failure = err // cut short what the handler has not read
		}
	}
	if b.failure == nil {
		b.failure = err
	}
	b.news.raise()
	return unread
}

// Starving reports whether a handler may be waiting for the peer.
func (b *Body) Starving() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.buf) == b.off && !b.closed && b.failure == nil
}

// Read implements io.Reader, for the handler.
func (b *Body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		b.mu.Lock()
		n := copy(p, b.buf[b.off:])
		b.off += n
		if b.off == len(b.buf) {
			b.buf, b.off = b.buf[:0], 0
		}
		failure, deadline, expect := b.failure, b.deadline, b.expect
		if b.closed {
			failure = http.ErrBodyReadAfterClose
		}
		b.expect = nil
		b.mu.Unlock()
		switch {
		case n > 0:
			b.read(n)
			return n, nil
		case failure != nil:
			return 0, failure
		}
		if expect != nil {
			expect()
		}
		if err := wait(b.news, deadline); err != nil {
			return 0, err
		}
	}
}

// Awaited reports whether the client holds the content back and no Read has
// asked for it: it may never be sent.
func (b *Body) Awaited() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.expect != nil
}

// Close implements io.Closer, for the handler: what comes later is dropped.
func (b *Body) Close() error {
	b.mu.Lock()
	unread := len(b.buf) - b.off
	b.buf, b.off, b.closed = nil, 0, true
	b.mu.Unlock()
	b.news.raise() // for a Read that waits
	if unread > 0 {
		b.read(unread)
	}
	return nil
}

// SetDeadline bounds Reads that begin later, and one that is waiting.
func (b *Body) SetDeadline(t time.Time) {
	b.mu.Lock()
	b.deadline = t
	b.mu.Unlock()
	b.news.raise()
}
