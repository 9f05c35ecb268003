package h1peer

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Server plays a script on each connection that it accepts.
type Server struct {
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex
	conns []*Peer
	done  bool
}

// Serve listens on the loopback interface until the test ends. play runs for the
// n-th connection, from 0, on a goroutine of its own, so that it must not end the
// test; the connection is closed when it returns, and its deadline is patience
// from its beginning.
func Serve(t testing.TB, patience time.Duration, play func(n int, c *Peer)) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{listener: l}
	s.running.Go(func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			c := New(t, conn)
			c.R.Reset(io.TeeReader(conn, &c.received))
			s.mu.Lock()
			s.conns = append(s.conns, c)
			if s.done {
				conn.Close()
			}
			s.mu.Unlock()
			s.running.Go(func() {
				defer conn.Close()
				play(n, c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		s.done = true
		for _, c := range s.conns {
			c.Conn.Close()
		}
		s.mu.Unlock()
		s.running.Wait()
	})
	return s
}

// Address is the host and port on which it listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// URL is the server's as an upstream or a target.
func (s *Server) URL() string { return "http://" + s.Address() }

// Conns are the connections that were accepted, in that order.
func (s *Server) Conns() []*Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[:len(s.conns):len(s.conns)]
}
