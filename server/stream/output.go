package stream

import (
	"os"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// errDeadline is what a read or a write past its deadline returns.
var errDeadline = os.ErrDeadlineExceeded

// maxOutput is how much a handler may write ahead of the peer, in bytes.
const maxOutput = 64 << 10

// Output is a response's content between the handler that writes it and the
// connection that sends it.
type Output struct {
	mu       sync.Mutex
	buf      []byte
	sent     int // of buf
	ended    bool
	trailers []hpack.Field
	failure  error
	room     signal
}

// NewOutput makes an empty output.
func NewOutput() *Output { return &Output{room: newSignal()} }

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
		o.mu.Lock()
		if err := o.failure; err != nil {
			o.mu.Unlock()
			return n, err
		}
		part := p[:min(len(p), max(0, maxOutput-(len(o.buf)-o.sent)))]
		o.buf = append(o.buf, part...)
		o.mu.Unlock()
		n += len(part)
		p = p[len(part):]
		if len(part) > 0 {
			news()
		}
		if len(p) == 0 {
			return n, nil
		}
		if err := wait(o.room, deadline()); err != nil {
			return n, err
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
	o.buf, o.sent = nil, 0
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
	left := len(o.buf) - o.sent
	return left > 0 && windowOpen || left == 0 && o.ended
}

// Take appends up to most bytes to dst.
func (o *Output) Take(dst []byte, most int) ([]byte, message.Part) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.buf[o.sent:]
	p = p[:min(len(p), most)]
	dst = append(dst, p...)
	o.sent += len(p)
	waiting := o.sent < len(o.buf)
	if !waiting {
		o.buf, o.sent = o.buf[:0], 0
	} else if o.sent >= maxOutput/2 {
		o.buf = o.buf[:copy(o.buf, o.buf[o.sent:])]
		o.sent = 0
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
