package stream

import (
	"os"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// errDeadline is what a read or a write past its deadline returns.
var errDeadline = os.ErrDeadlineExceeded

// maxOutput is how much a handler may write ahead of the peer, in bytes.
const maxOutput = 64 << 10

// memoryWait is how long a writer waits for memory while the peer has yet to
// take what was written before: a client that reads takes some of it in far less.
const memoryWait = 10 * time.Second

// Output is a response's content between the handler that writes it and the
// connection that sends it. Its memory counts on a ticket, from the first write
// that waits for the connection until that has taken all.
type Output struct {
	ticket *memory.Ticket

	mu       sync.Mutex
	buf      buffer
	ended    bool
	trailers []hpack.Field
	failure  error
	room     signal
}

// NewOutput makes an empty output. ticket may be nil.
func NewOutput(ticket *memory.Ticket) *Output { return &Output{ticket: ticket, room: newSignal()} }

// signal wakes one waiter; one that comes later finds it too.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// write adds p, in parts if it is more than there is room for. news is
// called after each part. It returns how much the output took.
func (o *Output) write(p []byte, deadline func() time.Time, news func()) (n int, err error) {
	for {
		part, err := o.add(p)
		n += part
		p = p[part:]
		if part > 0 {
			news()
		}
		switch {
		case err == ErrMemory && o.waiting() > 0:
			err = o.wait(deadline(), time.Now().Add(memoryWait))
		case err == nil && len(p) > 0:
			err = o.wait(deadline(), time.Time{})
		}
		if err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// wait waits for room until the first of two deadlines, each zero for none. The
// second is that of a wait for memory.
func (o *Output) wait(deadline, memory time.Time) error {
	if memory.IsZero() || !deadline.IsZero() && deadline.Before(memory) {
		return wait(o.room, deadline)
	}
	if wait(o.room, memory) != nil {
		return ErrMemory
	}
	return nil
}

// waiting is how much waits for the connection.
func (o *Output) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.len()
}

// add adds as much of p as may be, and takes memory for it. Memory is taken
// without the lock, for others may be cut for it. There is one writer.
func (o *Output) add(p []byte) (n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		if o.failure != nil {
			return 0, o.failure
		}
		n = min(len(p), max(0, maxOutput-o.buf.len()))
		if n <= o.buf.room() {
			o.buf.add(p[:n])
			return n, nil
		}
		want := o.buf.len() + n
		before := o.buf.memory()
		more := int64(capFor(want) - before)
		o.mu.Unlock()
		ok := o.ticket.Take(more)
		o.mu.Lock()
		switch unchanged := o.failure == nil && o.buf.memory() == before; {
		case ok && unchanged:
			o.buf.grow(want)
		case ok: // drained meanwhile, and its memory given back
			o.ticket.Give(more)
		case unchanged:
			n = min(n, o.buf.room())
			o.buf.add(p[:n])
			return n, ErrMemory
		}
	}
}

// end notes that nothing more comes but trailers.
func (o *Output) end(trailers []hpack.Field) {
	o.mu.Lock()
	o.ended, o.trailers = true, trailers
	o.mu.Unlock()
}

// Fail makes every further write fail.
func (o *Output) Fail(err error) {
	o.mu.Lock()
	if o.failure == nil {
		o.failure = err
	}
	o.ticket.Give(int64(o.buf.drop()))
	o.mu.Unlock()
	o.room.raise()
}

// failed is the error that writes fail with.
func (o *Output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failure
}

// Sendable reports whether there is something to send: content if a window
// allows it, or the end, which needs none.
func (o *Output) Sendable(windowOpen bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	left := o.buf.len()
	return left > 0 && windowOpen || left == 0 && o.ended
}

// Take appends up to most bytes to dst.
func (o *Output) Take(dst []byte, most int) ([]byte, message.Part) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.buf.unread()
	p = p[:min(len(p), most)]
	dst = append(dst, p...)
	o.buf.read(len(p))
	waiting := o.buf.len() > 0
	if !waiting {
		o.ticket.Give(int64(o.buf.drop()))
	}
	if len(p) > 0 {
		o.room.raise()
	}
	return dst, message.Part{N: len(p), End: o.ended && !waiting, More: waiting, Trailers: o.trailers}
}

// wait waits for s until the deadline, zero for none.
func wait(s signal, deadline time.Time) error {
	if deadline.IsZero() {
		<-s
		return nil
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-s:
		return nil
	case <-timer.C:
		return errDeadline
	}
}
