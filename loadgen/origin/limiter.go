package origin

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// limiter is a listener that counts connections, and accepts no more at a time
// than there is room for: others wait in the system's queue.
type limiter struct {
	net.Listener
	room *semaphore.Weighted
	n    *atomic.Uint64
	life context.Context // ends with the listener, and so does a wait for room
	end  context.CancelFunc
}

// newLimiter adds to n each connection that it accepts, most at a time.
func newLimiter(l net.Listener, most int, n *atomic.Uint64) *limiter {
	life, end := context.WithCancel(context.Background())
	return &limiter{l, semaphore.NewWeighted(int64(most)), n, life, end}
}

// Close implements net.Listener.
func (l *limiter) Close() error {
	l.end()
	return l.Listener.Close()
}

// Accept implements net.Listener.
func (l *limiter) Accept() (net.Conn, error) {
	if l.room.Acquire(l.life, 1) != nil {
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		l.room.Release(1)
		return nil, err
	}
	l.n.Add(1)
	return &limited{Conn: c, release: sync.OnceFunc(func() { l.room.Release(1) })}, nil
}

// limited is a connection that has a place in a limiter.
type limited struct {
	net.Conn
	release func()
}

// Close implements net.Conn.
func (c *limited) Close() error {
	defer c.release()
	return c.Conn.Close()
}
