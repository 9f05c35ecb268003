package testkit

import (
	"net"
	"sync"
)

// Pipes is a listener in memory: each Dial connects the two ends of a
// [net.Pipe], which has no buffer, and fake time in it.
type Pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	// Remote is the peer's address of accepted connections; nil: none.
	Remote net.Addr
}

// NewPipes listens.
func NewPipes() *Pipes {
	return &Pipes{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Dial returns the client's end, when the other has been accepted.
func (p *Pipes) Dial() net.Conn {
	client, server := net.Pipe()
	if p.Remote != nil {
		server = addressed{server, p.Remote}
	}
	p.conns <- server
	return client
}

// addressed is a connection with another remote address.
type addressed struct {
	net.Conn
	remote net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.remote }

// Accept implements [net.Listener].
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (p *Pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr implements [net.Listener] with a loopback address.
func (p *Pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
