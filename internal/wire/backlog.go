package wire

import (
	"errors"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Budget is the memory that the backlogs of all connections share.
type Budget interface {
	// Join begins a backlog. cut ends its connection, soon and from any
	// goroutine: it is called if the memory is needed for others.
	Join(cut func()) Share
}

// Share is one backlog's part of a [Budget]. Its methods are safe for concurrent
// use, but for Moved, which one goroutine at a time calls.
type Share interface {
	Take(n int64) bool // false: there is no memory for n bytes more
	Moved(n int)       // n bytes went to the peer
	Leave()            // the backlog is gone: all that it took is given back
}

// ErrNoMemory is the end of a connection whose backlog there is no memory for.
var ErrNoMemory = errors.New("no memory for what the peer does not read")

// queueUnit is the unit in bytes in which a queue grows, so that it need not for
// each answer to a control frame.
const queueUnit = 1 << 10

// backlog is what the socket did not take at once, and the goroutine that
// writes it: started by the first byte, ended by the last. An idle or a fast
// connection has none. Its buffers count, with their capacity, on its share of
// the budget.
type backlog struct {
	conn    *Conn
	drained atomic.Bool  // became empty, or failed, since the last turn looked
	size    atomic.Int64 // bytes queued or being written; negative after a failure

	mu     sync.Mutex
	queue  []byte
	writer *writer // nil: none lives
	err    error
}

// writer is the goroutine that writes a backlog.
type writer struct {
	ended chan struct{} // closed at its end
	share Share         // nil: there is no budget
	cut   atomic.Bool   // its memory is needed
}

func (b *backlog) active() bool { return b.size.Load() != 0 }

func (b *backlog) len() int { return int(max(b.size.Load(), 0)) }

// failure is the writer's error.
func (b *backlog) failure() error {
	if b.size.Load() >= 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// add copies p to the end of the queue.
func (b *backlog) add(p []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	if b.writer == nil {
		w := &writer{ended: make(chan struct{})}
		if budget := b.conn.opt.Budget; budget != nil {
			w.share = budget.Join(func() { b.cutOff(w) })
		}
		b.writer = w
		defer func() { go b.write(w) }() // it finds what is added now
	}
	if !b.reserve(len(p)) {
		b.cutOff(b.writer)
		b.fail(ErrNoMemory)
		return b.err
	}
	b.queue = append(b.queue, p...)
	b.size.Add(int64(len(p)))
	return nil
}

// reserve makes room for n bytes more and reports whether there is memory for
// it. b.mu is held: taking memory may cut others, which takes no such lock.
func (b *backlog) reserve(n int) bool {
	need, had := len(b.queue)+n, cap(b.queue)
	if need <= had {
		return true
	}
	size := (max(need, min(2*had, had+FlushSize)) + queueUnit - 1) / queueUnit * queueUnit
	if s := b.writer.share; s != nil && !s.Take(int64(size-had)) {
		return false
	}
	b.queue = append(make([]byte, 0, size), b.queue...)
	return true
}

// cutOff makes the writer fail. It takes no lock, and closes nothing, which
// would wait for the turn in which it may be called.
func (b *backlog) cutOff(w *writer) {
	if w.cut.Swap(true) {
		return
	}
	b.conn.opt.Metrics.Cut(b.conn.stripe)
	_ = b.conn.nc.SetWriteDeadline(time.Unix(1, 0)) // on a closed connection it fails anyway
}

// fail ends the backlog with err. b.mu is held.
func (b *backlog) fail(err error) {
	if b.err == nil {
		b.err = err
	}
	b.size.Store(math.MinInt64 / 2) // below 0 whatever is still written
}

func (b *backlog) write(w *writer) {
	defer close(w.ended)
	if w.share != nil {
		defer w.share.Leave()
	}
	var spare []byte
	for {
		b.mu.Lock()
		p := b.queue
		if len(p) == 0 || b.err != nil {
			b.queue, b.writer = nil, nil
			b.mu.Unlock()
			b.drained.Store(true)
			b.conn.Wake()
			return
		}
		b.queue = spare[:0]
		b.mu.Unlock()
		if err := b.writeAll(w, p); err != nil {
			b.mu.Lock()
			b.fail(err)
			b.mu.Unlock()
		}
		spare = p
	}
}

// writeAll writes p, WriteQuantum bytes at a time, each within the timeout.
func (b *backlog) writeAll(w *writer, p []byte) error {
	for len(p) > 0 {
		n, err := b.writeSome(w, p[:min(len(p), b.conn.opt.WriteQuantum)])
		p = p[n:]
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *backlog) writeSome(w *writer, p []byte) (n int, err error) {
	c := b.conn
	end := time.Now().Add(c.opt.WriteTimeout)
	if err := c.nc.SetWriteDeadline(end); err != nil {
		return 0, err
	}
	if w.cut.Load() { // behind the deadline: cutOff sets another one after cut
		return 0, ErrNoMemory
	}
	n, err = c.nc.Write(p)
	b.size.Add(int64(-n))
	c.opt.Metrics.Sent.Add(c.stripe, uint64(n))
	if w.share != nil {
		w.share.Moved(n)
	}
	switch {
	case err == nil || !errors.Is(err, os.ErrDeadlineExceeded):
		return n, err
	case w.cut.Load():
		return n, ErrNoMemory
	case time.Now().Before(end):
		return n, nil // another writer's cut came late: set our deadline again
	}
	c.opt.Metrics.Stalled(c.stripe)
	return n, err
}

// wait waits for the writer to end and reports whether everything was written
// within d.
func (b *backlog) wait(d time.Duration) bool {
	b.mu.Lock()
	w := b.writer
	b.mu.Unlock()
	if w != nil {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-w.ended:
		case <-timer.C:
			return false
		}
	}
	return b.size.Load() == 0
}
