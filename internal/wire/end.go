package wire

import (
	"cmp"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// How long and how much is still read, and dropped, after the last that we
// send: closing a socket with unread data resets it, and a reset can overtake
// the GOAWAY or the response before it (RFC 9112 §9.6). A client that is
// uploading is read on while it sends lingerQuantum in each lingerStep, so that
// one that was refused after its head, and looks for the answer behind its last
// byte, can read why: 64 MiB is beyond what is uploaded in one piece, 30 seconds
// are 20 MiB on a line of 6 Mbit/s, and 1 KiB/s is the least rate of content by
// default. One that is silent costs a lingerStep.
const (
	lingerTime    = 30 * time.Second
	lingerStep    = time.Second
	lingerBytes   = 64 << 20
	lingerQuantum = 1 << 10
)

type halfCloser interface{ CloseWrite() error }

// readOn reads on until the peer's end, or a limit. How it ends does not
// matter.
func (c *Conn) readOn() {
	end := time.Now().Add(lingerTime)
	for left := int64(lingerBytes); left > 0; {
		step := time.Now().Add(lingerStep)
		if step.After(end) {
			step = end
		}
		if c.nc.SetReadDeadline(step) != nil {
			return
		}
		n, err := io.CopyN(io.Discard, c.nc, left)
		if !errors.Is(err, os.ErrDeadlineExceeded) || n < lingerQuantum || !time.Now().Before(end) {
			return
		}
		left -= n
	}
}

// EndOutput ends our half of the connection behind what was flushed, and leaves
// the peer's open. It is for a turn, when nothing is queued (see Congested).
func (c *Conn) EndOutput() {
	if c.tls != nil {
		_ = c.tls.CloseWrite() // into the records; fails only if writing has
		_ = c.send()           // the next Flush has the error too
		return
	}
	if half, ok := c.nc.(halfCloser); ok {
		_ = half.CloseWrite() // fails only on a connection that has ended
	}
}

// ResetAtEnd makes Done reset the connection rather than end it, so that the
// peer does not take what it has for the whole. It is for a turn.
func (c *Conn) ResetAtEnd() { c.reset = true }

// LastWord is why the peer ended the connection by its own account, if writing failed
// with err and an alert of the peer is unread: one that refuses a certificate may say
// so when the handshake is over for this side, and end under what is on its way. Else
// it is err. It is for a turn, and what came before the alert is dropped.
func (c *Conn) LastWord(err error) error {
	c.readable, c.readErr = true, nil // which writing may have set
	defer func() { c.readErr = cmp.Or(c.readErr, err) }()
	for range TurnFills {
		last := c.Fill()
		if last == nil {
			c.Consume(len(c.Unread()))
			continue
		}
		if alert := new(net.OpError); errors.As(last, &alert) && alert.Op == "remote error" { // crypto/tls marks alerts so
			return last
		}
		break
	}
	return err
}

// resets reports whether the end is to be a reset, and prepares it.
func (c *Conn) resets() bool {
	if !c.reset {
		return false
	}
	if tcp, ok := c.nc.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0) // fails only on a connection that has ended
	}
	return true
}
