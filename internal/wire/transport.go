package wire

import (
	"net"
	"time"
)

// transport is the net.Conn that TLS sees. While TLS itself drives, in a
// handshake, it blocks on the socket; under an engine it gives whole records of
// what was read, and gathers records for one write.
type transport Conn

func (t *transport) Read(p []byte) (int, error) {
	c := (*Conn)(t)
	if c.phase == handshaking {
		return t.readHandshake(p)
	}
	if c.record == 0 {
		c.record = recordLen(c.cipherIn[c.opened:c.filled])
	}
	if c.record == 0 {
		return 0, ErrWouldBlock
	}
	n := copy(p, c.cipherIn[c.opened:c.opened+c.record])
	c.opened += n
	c.record -= n
	return n, nil
}

func (t *transport) readSocket(p []byte) (int, error) {
	n, err := t.nc.Read(p)
	t.opt.Metrics.Received.Add(t.stripe, uint64(max(n, 0)))
	return n, err
}

func (t *transport) Write(p []byte) (int, error) {
	c := (*Conn)(t)
	if c.phase != turning {
		return t.writeHandshake(p)
	}
	c.cipherOut = append(c.cipherOut, p...)
	return len(p), nil
}

func (t *transport) Close() error                      { return t.nc.Close() }
func (t *transport) LocalAddr() net.Addr               { return t.nc.LocalAddr() }
func (t *transport) RemoteAddr() net.Addr              { return (*Conn)(t).RemoteAddr() }
func (t *transport) SetDeadline(d time.Time) error     { return t.nc.SetDeadline(d) }
func (t *transport) SetReadDeadline(d time.Time) error { return t.nc.SetReadDeadline(d) }

// SetWriteDeadline is what crypto/tls does before and after close_notify: in a
// turn that must not reach the socket, to which the backlog may be writing.
func (t *transport) SetWriteDeadline(d time.Time) error {
	if t.phase == turning {
		return nil
	}
	return t.nc.SetWriteDeadline(d)
}
