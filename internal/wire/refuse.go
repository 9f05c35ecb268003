package wire

import (
	"bytes"
	"time"
)

// AwaitPlainHead reads on, after ErrPlainHTTP, to the end of the request's head,
// and returns what it has of it, of maxHello bytes at most: less than a head
// if the deadline passes, the peer ends or there is too much. It is valid
// until RefusePlain.
func (c *Conn) AwaitPlainHead(deadline time.Time) []byte {
	c.enter(refusing)
	if c.nc.SetReadDeadline(deadline) == nil {
		for !bytes.Contains(c.cipherRest, []byte("\r\n\r\n")) && len(c.cipherRest) < maxHello {
			if c.readMore(maxHello) != nil {
				break
			}
		}
	}
	return c.cipherRest
}

// RefusePlain answers a peer that does not speak TLS, and closes the
// connection as an engine's Done does: what the peer still sends is read and
// dropped for a moment, so that a reset does not overtake the answer.
func (c *Conn) RefusePlain(answer []byte) {
	defer c.nc.Close()
	c.cipherRest = nil
	if c.nc.SetWriteDeadline(time.Now().Add(closeTime)) != nil {
		return
	}
	n, err := c.nc.Write(answer)
	c.opt.Metrics.Sent.Add(c.stripe, uint64(max(n, 0)))
	if err == nil {
		c.linger()
	}
}
