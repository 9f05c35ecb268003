package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
)

// conn is an HTTP/1.1 connection to an upstream, above TLS, with a framer in
// its way in.
//
// The framer belongs to the goroutine that calls Read, net/http's, from the
// first byte of a request until the response has ended; begin, which is called
// by the fetch that got the connection, has it in between. state hands it over.
type conn struct {
	net.Conn
	state  atomic.Uint32
	framer framer
	broken atomic.Pointer[error] // why the connection is of no more use

	// Of the request that is about to be written; given by begin, taken by
	// the first Write.
	cut    []byte // what is left out of the request line: see target
	reused bool
	peek   *peeker

	// Of the reader, see whole.
	held  *body  // a content that the upstream may refuse; given behind begin
	front []byte // was received, and is what Read returns next

	begun atomic.Bool // the last request is being written, or was
}

// What state says.
const (
	connIdle  uint32 = iota // no request: any byte that comes is unasked
	connTaken               // begin was called, nothing is written yet
	connAsked               // a response is expected
	connBroken
)

var (
	// errUnasked: an answer without a request. It would be taken for the
	// answer to the next one (RFC 9112 §9.2 has the client close instead).
	errUnasked = &protocolError{httpProtocolError, "bytes that were not asked for on an idle connection"}
	errCut     = &protocolError{httpResponseIncomplete, "the connection ended in the middle of the response"}
	errEnded   = errors.New("the idle connection has ended")
	errTaken   = errors.New("a connection was used before its last response ended")
)

func newConn(c net.Conn) *conn {
	return &conn{Conn: c, peek: newPeeker(c)}
}

// begin readies the connection for a request, whose response is followed into
// out.
func (c *conn) begin(m method, cut []byte, reused bool, out *reply) {
	c.begun.Store(false)
	if c.state.Load() != connIdle {
		c.fail(errTaken)
		return
	}
	c.framer.begin(m, out)
	c.held = nil
	c.cut, c.reused = cut, reused
	if !c.state.CompareAndSwap(connIdle, connTaken) {
		c.fail(errTaken)
	}
}

// fail makes the connection useless, and returns why it is.
func (c *conn) fail(err error) error {
	c.broken.CompareAndSwap(nil, &err)
	c.state.Store(connBroken)
	return *c.broken.Load()
}

// discard makes the connection useless before a request is written to it.
func (c *conn) discard(err error) {
	c.begun.Store(false)
	_ = c.fail(err)
}

// Read implements [net.Conn]. What it returns is part of the response.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.front) > 0 {
		n := copy(p, c.front)
		if c.front = c.front[n:]; len(c.front) == 0 {
			c.front = nil
		}
		return n, nil
	}
	n, err := c.receive(p)
	if n > 0 && c.held != nil {
		return c.whole(p, n)
	}
	return n, err
}

// maxCollected is what whole may hold: the largest head, and as much as comes with
// its beginning. Informational responses are passed on, unless the next begins with
// the last bytes that were read.
const maxCollected = maxHead + bufferSize

// whole collects the head that p[:n] begins. A final one that comes before the
// content was asked for refuses it (RFC 9110 §10.1.1): to net/http, which would
// send the content to keep the connection, it is the connection's last. The
// framer has passed all of it.
func (c *conn) whole(p []byte, n int) (int, error) {
	all := append([]byte(nil), p[:n]...)
	for c.framer.stage == stageHead && len(c.framer.partial) > 0 && !c.framer.asked {
		n, err := c.receive(p)
		if n == 0 {
			return 0, err
		}
		if all = append(all, p[:n]...); len(all) > maxCollected {
			return 0, c.fail(&protocolError{httpResponseHeadSize, "informational responses and a head that are too long together"})
		}
		c.framer.final += len(all) - n
	}
	if c.framer.stage != stageHead || c.framer.asked {
		if !c.framer.asked && c.framer.out.status != 101 && c.held.decide(refused) {
			all = slices.Insert(all, c.framer.final-len("\r\n"), []byte("connection: close\r\n")...)
		}
		c.held = nil
	}
	n = copy(p, all)
	if n < len(all) {
		c.front = all[n:]
	}
	return n, nil
}

// receive reads what the framer accepts.
func (c *conn) receive(p []byte) (int, error) {
	if err := c.broken.Load(); err != nil {
		return 0, *err
	}
	n, err := c.Conn.Read(p)
	if n == 0 {
		if err == io.EOF && c.state.Load() == connAsked && c.framer.cut() {
			err = c.fail(errCut)
		}
		return 0, err
	}
	if c.state.Load() != connAsked {
		return 0, c.fail(errUnasked)
	}
	if c.framer.stage == stageTunnel {
		return n, err
	}
	used, bad := c.framer.next(p[:n])
	if head := c.framer.spare; head > 0 && bad == nil && c.held == nil {
		left := shorten(p[:head])
		copy(p[left:], p[head:n])
		n, used = n-(head-left), used-(head-left)
	}
	switch {
	case bad != nil:
		bad = c.fail(bad)
		if used == 0 {
			return 0, bad
		}
		return used, nil
	case used < n:
		c.fail(errUnasked) // behind a response that is whole
		return used, nil
	case c.framer.done():
		c.state.CompareAndSwap(connAsked, connIdle)
	}
	return n, err
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	if c.state.Load() == connTaken {
		if c.reused {
			if err := c.peek.pending(); err != nil {
				return 0, c.fail(err)
			}
		}
		if !c.state.CompareAndSwap(connTaken, connAsked) {
			return 0, *c.broken.Load()
		}
		c.begun.Store(true)
		if len(c.cut) > 0 {
			return c.writeCut(p)
		}
	} else if !c.begun.Load() {
		return 0, c.fail(errTaken) // it broke since it was chosen
	}
	return c.Conn.Write(p) // also the rest of a request whose response broke the connection
}

// writeCut writes the first bytes of a request without what is to be cut.
func (c *conn) writeCut(p []byte) (int, error) {
	at := bytes.Index(p, c.cut)
	if at < 0 {
		return 0, c.fail(errors.New("the request line is longer than the write buffer"))
	}
	line := append(append(make([]byte, 0, len(p)), p[:at]...), p[at+len(c.cut):]...)
	if n, err := c.Conn.Write(line); err != nil {
		return n, err
	}
	return len(p), nil
}

// CloseWrite ends the way out, for a tunnel one of whose sides has ended.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}
