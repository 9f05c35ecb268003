package wire

import (
	"net"
	"time"
)

// transport is the net.Conn that TLS sees. In a turn: whole records from what
// was read, and a buffer that gathers the records of a batch for one system
// call. Before Serve and after Blocking: the socket itself.
type transport Conn

func (t *transport) Read(p []byte) (int, error) {
	c := (*Conn)(t)
	if c.blocking {
		if len(c.cipherRest) > 0 {
			n := copy(p, c.cipherRest)
			c.cipherRest = c.cipherRest[n:]
			return n, nil
		}
		n, err := c.nc.Read(p)
		c.opt.Metrics.ReceivedBytes.Add(c.stripe, uint64(max(n, 0)))
		return n, err
	}
	if c.record == 0 {
		c.record = c.recordLen()
	}
	if c.record == 0 {
		return 0, ErrWouldBlock
	}
	n := copy(p, c.cipherIn[c.opened:c.opened+c.record])
	c.opened += n
	c.record -= n
	return n, nil
}

func (t *transport) Write(p []byte) (int, error) {
	c := (*Conn)(t)
	if c.blocking {
		n, err := c.nc.Write(p)
		c.opt.Metrics.SentBytes.Add(c.stripe, uint64(max(n, 0)))
		return n, err
	}
	c.cipherOut = append(c.cipherOut, p...)
	return len(p), nil
}

func (t *transport) Close() error                       { return t.nc.Close() }
func (t *transport) LocalAddr() net.Addr                { return t.nc.LocalAddr() }
func (t *transport) RemoteAddr() net.Addr               { return t.nc.RemoteAddr() }
func (t *transport) SetDeadline(d time.Time) error      { return t.nc.SetDeadline(d) }
func (t *transport) SetReadDeadline(d time.Time) error  { return t.nc.SetReadDeadline(d) }
func (t *transport) SetWriteDeadline(d time.Time) error { return t.nc.SetWriteDeadline(d) }

// Blocking makes a net.Conn of a connection whose engine left: what the engine
// did not consume is read first. It waits until the backlog is written.
func (c *Conn) Blocking() (net.Conn, error) {
	if !c.backlog.wait(closeTime) {
		_ = c.nc.Close() // the peer did not read: nothing more to say to it
		return nil, c.backlog.failure()
	}
	if err := c.nc.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	c.blocking = true
	h := &handed{Conn: c.nc, opt: c.opt, rest: c.plainRest}
	c.plainRest = nil
	if c.tls != nil {
		h.Conn = c.tls
	} else {
		h.rest = append(h.rest, c.cipherRest...)
	}
	return h, nil
}

// handed is a connection given to somebody who reads and blocks.
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
