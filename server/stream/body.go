package stream

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/memory"
)

// Body is a request's content between the connection that receives it and the
// handler that reads it. What it holds is bounded by the connection, which
// receives no more than it has given credit for, and its memory counts on a
// ticket.
type Body struct {
	ticket *memory.Ticket

	// read reports to the connection that n bytes have left; expect that
	// the handler reads content that the client holds back (RFC 9110
	// §10.1.1), nil if it holds back nothing.
	read   func(n int)
	expect func()

	mu       sync.Mutex
	buf      buffer
	failure  error // what a Read returns when buf is empty
	closed   bool  // by the handler: nothing is kept any more
	trailers []hpack.Field
	deadline time.Time
	news     signal // more content, an end, another deadline
}

// NewBody makes an empty body. ticket and expect may be nil.
func NewBody(ticket *memory.Ticket, read func(n int), expect func()) *Body {
	return &Body{ticket: ticket, read: read, expect: expect, news: newSignal()}
}

// Add takes content and returns how much of it was not kept: all of it if the
// handler reads no more, and then no error, or if there is no memory for it.
// Memory is taken without the lock, for others may be cut for it.
func (b *Body) Add(p []byte) (unkept int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		if b.closed || b.failure != nil {
			return len(p), nil
		}
		if len(p) <= b.buf.room() {
			b.buf.add(p)
			b.news.raise()
			return 0, nil
		}
		want := b.buf.len() + len(p)
		before := b.buf.memory()
		more := int64(capFor(want) - before)
		b.mu.Unlock()
		ok := b.ticket.Take(more)
		b.mu.Lock()
		switch unchanged := !b.closed && b.failure == nil && b.buf.memory() == before; {
		case ok && unchanged:
			b.buf.grow(want)
		case ok: // read meanwhile, and its memory given back
			b.ticket.Give(more)
		case unchanged:
			return len(p), ErrMemory
		}
	}
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
	n := 0
	for _, f := range fields {
		b.trailers = append(b.trailers, hpack.Field{Name: strings.Clone(f.Name), Value: strings.Clone(f.Value)})
		n += len(f.Name) + len(f.Value) + fieldBytes
	}
	if n > 0 {
		b.ticket.Hold(int64(n)) // until the exchange ends
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
		unread = b.buf.len()
		b.drop()
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
	return b.buf.len() == 0 && !b.closed && b.failure == nil
}

// Read implements io.Reader, for the handler.
func (b *Body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		b.mu.Lock()
		n := copy(p, b.buf.unread())
		b.buf.read(n)
		if b.buf.len() == 0 {
			b.drop()
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
	unread := b.buf.len()
	b.drop()
	b.closed = true
	b.mu.Unlock()
	b.news.raise() // for a Read that waits
	if unread > 0 {
		b.read(unread)
	}
	return nil
}

// drop gives the memory back. b.mu is held.
func (b *Body) drop() { b.ticket.Give(int64(b.buf.drop())) }

// SetDeadline bounds Reads that begin later, and one that is waiting.
func (b *Body) SetDeadline(t time.Time) {
	b.mu.Lock()
	b.deadline = t
	b.mu.Unlock()
	b.news.raise()
}
