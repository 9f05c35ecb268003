package proxy

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"
)

// SpareSockets are the descriptors for an upstream beside those of its
// [Config.MaxRequests]: the connection of a health check, and the second one of a
// connection that is being made.
const SpareSockets = 2

// dialSockets is what it takes to make a connection: questions to the DNS, or
// attempts, for IPv4 and IPv6 at the same time (RFC 8305).
const dialSockets = 2

// idleLooks is how often idle connections are closed while one cannot be made for
// lack of descriptors. Those that become idle meanwhile mostly serve the request
// that waits.
const idleLooks = 100 * time.Millisecond

// sockets are the descriptors that connections to one upstream take: in use, idle
// or being made. net/http's pools have no limit for all of these together.
type sockets struct {
	free      *semaphore.Weighted
	closeIdle func()
}

// newSockets has the descriptors for so many requests.
func newSockets(requests int) *semaphore.Weighted {
	return semaphore.NewWeighted(int64(requests) + SpareSockets)
}

// dial makes connections as network does, within the limit. If it is reached, idle
// connections are closed for a new one, which waits as long as its context.
func (s *sockets) dial(network dialFunc) dialFunc {
	return func(ctx context.Context, kind, address string) (net.Conn, error) {
		if err := s.take(ctx); err != nil {
			return nil, err
		}
		c, err := network(ctx, kind, address)
		if err != nil {
			s.free.Release(dialSockets)
			return nil, err
		}
		s.free.Release(dialSockets - 1)
		return &socket{Conn: c, release: sync.OnceFunc(func() { s.free.Release(1) })}, nil
	}
}

func (s *sockets) take(ctx context.Context) error {
	for !s.free.TryAcquire(dialSockets) {
		s.closeIdle()
		look, cancel := context.WithTimeout(ctx, idleLooks)
		err := s.free.Acquire(look, dialSockets)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return newError(connectionLimitReached, errors.New("all descriptors for connections to the upstream are in use"))
		}
	}
	return nil
}

// socket is a connection that counts until it is closed.
type socket struct {
	net.Conn
	release func()
}

// Close implements [net.Conn].
func (s *socket) Close() error {
	defer s.release()
	return s.Conn.Close()
}

// CloseWrite ends the way out; all of it if there is no half of it.
func (s *socket) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return s.Close()
}

// SyscallConn implements [syscall.Conn], for the peeker.
func (s *socket) SyscallConn() (syscall.RawConn, error) {
	if c, ok := s.Conn.(syscall.Conn); ok {
		return c.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
