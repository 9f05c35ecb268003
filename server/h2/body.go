package h2

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// requestBody is a request's body between the connection that receives it and
// the handler that reads it. The stream's window bounds what it holds.
type requestBody struct {
	// read tells the connection that n bytes have left; expect that the
	// handler wants a body that the client holds back (RFC 9110 §10.1.1).
	read   func(n int)
	expect func()

	mu       sync.Mutex
	buf      []byte
	off      int
	failure  error // what a Read returns when buf is empty
	closed   bool  // by the handler: nothing is kept any more
	trailers http.Header
	deadline time.Time
	news     signal
}

// add takes content and returns how much of it was not kept.
func (b *requestBody) add(p []byte) (unkept int) {
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

// tooLarge makes reads fail beyond limit and reports whether that is new.
func (b *requestBody) tooLarge(limit int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failure != nil || b.closed {
		return false
	}
	b.failure = &http.MaxBytesError{Limit: limit}
	b.news.raise()
	return true
}

// addTrailers must come before end. The fields' strings are cloned.
func (b *requestBody) addTrailers(fields []hpack.Field) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range fields {
		if b.trailers == nil {
			b.trailers = make(http.Header)
		}
		b.trailers.Add(f.Name, strings.Clone(f.Value))
	}
}

// end notes that the body is complete.
func (b *requestBody) end() { b.fail(io.EOF) }

// fail ends the body with err, after what has arrived where err is io.EOF. It
// returns how many bytes nobody will read.
func (b *requestBody) fail(err error) (unread int) {
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

// starving reports whether a handler may be waiting for the peer.
func (b *requestBody) starving() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.buf) == b.off && !b.closed && b.failure == nil
}

// Read implements io.Reader, for the handler.
func (b *requestBody) Read(p []byte) (int, error) {
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

// Close implements io.Closer, for the handler: what comes later is dropped.
func (b *requestBody) Close() error {
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

// setDeadline bounds Reads that begin later, and one that is waiting.
func (b *requestBody) setDeadline(t time.Time) {
	b.mu.Lock()
	b.deadline = t
	b.mu.Unlock()
	b.news.raise()
}
