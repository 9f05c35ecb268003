package wire

import (
	"net"
	"os"
	"time"
)

// transport is the net.Conn that TLS sees: what stands behind it depends on the
// connection's phase.
type transport Conn

// phase is who drives a connection.
type phase uint8

const (
	handshaking phase = iota // TLS itself: it blocks on the socket
	turning                  // an engine: whole records from what was read, records gathered for one write
	handedOver               // whoever got Blocking's result: it blocks on the socket
)

func (t *transport) Read(p []byte) (int, error) {
	c := (*Conn)(t)
	switch c.phase {
	case handshaking:
		return t.readHandshake(p)
	case handedOver:
		if len(c.cipherRest) == 0 {
			return t.readSocket(p)
		}
		n := copy(p, c.cipherRest)
		c.cipherRest = c.cipherRest[n:]
		return n, nil
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
		n, err := c.nc.Write(p)
		c.opt.Metrics.Sent.Add(c.stripe, uint64(max(n, 0)))
		return n, err
	}
	c.cipherOut = append(c.cipherOut, p...)
	return len(p), nil
}

func (t *transport) Close() error                      { return t.nc.Close() }
func (t *transport) LocalAddr() net.Addr               { return t.nc.LocalAddr() }
func (t *transport) RemoteAddr() net.Addr              { return t.nc.RemoteAddr() }
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

// Blocking makes a net.Conn of a connection whose engine left: what the engine
// did not consume is read first. It waits until the backlog is written.
func (c *Conn) Blocking() (net.Conn, error) {
	if !c.backlog.wait(closeTime) {
		_ = c.nc.Close() // the peer did not read: nothing more to say to it
		if err := c.backlog.failure(); err != nil {
			return nil, err
		}
		return nil, os.ErrDeadlineExceeded
	}
	if err := c.nc.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	c.phase = handedOver
	h := &handed{Conn: c.nc, opt: c.opt, rest: c.plainRest}
	c.plainRest = nil
	if c.tls != nil {
		h.Conn = c.tls
	} else {
		h.rest = append(h.rest, c.cipherRest...)
	}
	return h, nil
}

// handed is a connection given away, for reads and writes that block.
type handed struct {
	net.Conn
	opt  *Options
	rest []byte // read, and not consumed, before
}

func (h *handed) Read(p []byte) (int, error) {
	if len(h.rest) > 0 {
		n := copy(p, h.rest)
		h.rest = h.rest[n:]
		return n, nil
	}
	return h.Conn.Read(p)
}

// Write gives the peer the same time for the same bytes as the backlog does.
func (h *handed) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if err := h.SetWriteDeadline(time.Now().Add(h.opt.WriteTimeout)); err != nil {
			return n, err
		}
		wrote, err := h.Conn.Write(p[:min(len(p), h.opt.WriteQuantum)])
		n += wrote
		if err != nil {
			return n, err
		}
		p = p[wrote:]
	}
	return n, nil
}

// CloseWrite ends our half, as net/http does before it closes.
func (h *handed) CloseWrite() error {
	if c, ok := h.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}
