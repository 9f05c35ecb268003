package wire

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// backlog is what the socket did not take at once, and the goroutine that
// writes it: started by the first byte, ended by the last. An idle or a fast
// connection has none.
type backlog struct {
	conn    *Conn
	drained atomic.Bool  // became empty, or failed, since the last turn looked
	size    atomic.Int64 // bytes queued or being written; -1 after a failure

	mu    sync.Mutex
	queue []byte
	ended chan struct{} // closed when the writer ends; nil: none lives
	err   error
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
	b.queue = append(b.queue, p...)
	b.size.Add(int64(len(p)))
	if b.ended == nil {
		b.ended = make(chan struct{})
		go b.write(b.ended)
	}
	return nil
}

func (b *backlog) write(ended chan struct{}) {
	defer close(ended)
	var spare []byte
	for {
		b.mu.Lock()
		p := b.queue
		if len(p) == 0 || b.err != nil {
			b.queue, b.ended = nil, nil
			b.mu.Unlock()
			b.drained.Store(true)
			b.conn.Wake()
			return
		}
		b.queue = spare[:0]
		b.mu.Unlock()
		if err := b.writeAll(p); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				b.conn.opt.Metrics.Stalled(b.conn.stripe)
			}
			b.mu.Lock()
			b.err = err
			b.mu.Unlock()
			b.size.Store(-1)
		}
		spare = p
	}
}

// writeAll writes p, WriteQuantum bytes at a time, each within the timeout.
func (b *backlog) writeAll(p []byte) error {
	c := b.conn
	for len(p) > 0 {
		quantum := p[:min(len(p), c.opt.WriteQuantum)]
		if err := c.nc.SetWriteDeadline(time.Now().Add(c.opt.WriteTimeout)); err != nil {
			return err
		}
		n, err := c.nc.Write(quantum)
		b.size.Add(int64(-n))
		c.opt.Metrics.Sent.Add(c.stripe, uint64(n))
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// wait waits for the writer to end and reports whether everything was written
// within d.
func (b *backlog) wait(d time.Duration) bool {
	b.mu.Lock()
	ended := b.ended
	b.mu.Unlock()
	if ended != nil {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
			return false
		}
	}
	return b.size.Load() == 0
}
