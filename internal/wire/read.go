package wire

import (
	"io"
	"slices"
	"time"
)

const (
	recordHeaderLen = 5                // RFC 8446 §5.1
	majorVersion    = 3                // in every record's header, RFC 8446 §5.1
	maxRecord       = 16 << 10         // plaintext of a record, RFC 8446 §5.1
	maxCiphertext   = maxRecord + 2048 // RFC 5246 §6.2.3, the more generous
)

// TurnFills is how often an engine should call Fill in a turn. Each brings a
// record, 16 KiB at most, with up to 16 before it that TLS answers itself
// (KeyUpdate): a peer that never lets the socket run dry would else keep the
// turn from its end, and with it timeouts, other streams and the flush of what
// TLS answered.
const TurnFills = 16

// TurnTime is for how long an engine should handle input in a turn: 16 records can have
// twenty thousand requests, and others wait meanwhile.
const TurnTime = 250 * time.Microsecond

// Unread is the plaintext that has arrived and was not consumed: valid until
// the next Fill, or the end of the turn.
func (c *Conn) Unread() []byte { return c.plainIn[c.taken:] }

// Consume takes n bytes off the front of Unread.
func (c *Conn) Consume(n int) {
	c.took = true
	c.taken += n
	if c.taken == len(c.plainIn) {
		c.plainIn, c.taken = c.plainIn[:0], 0
	}
}

// Fill adds what has arrived to Unread, at least a byte if it returns nil.
// It returns ErrWouldBlock if nothing has arrived, io.EOF after the peer's
// end, and any other error for good.
func (c *Conn) Fill() error {
	if c.readErr != nil {
		return c.readErr
	}
	for {
		if c.tls == nil && c.filled > 0 {
			c.plainIn = append(c.plainIn, c.cipherIn[:c.filled]...)
			c.filled = 0
			return nil
		}
		if c.tls != nil && (c.record > 0 || recordLen(c.cipherIn[c.opened:c.filled]) > 0) {
			n, err := c.decrypt()
			if n > 0 {
				return nil // an error stays, and comes again
			}
			if err != nil && err != error(ErrWouldBlock) {
				c.readErr = err
				return err
			}
			continue
		}
		if !c.readable {
			return ErrWouldBlock
		}
		if err := c.receive(); err != nil {
			if err != error(ErrWouldBlock) {
				c.readErr, c.lost = err, true
			}
			return err
		}
	}
}

// decrypt takes one record's plaintext.
func (c *Conn) decrypt() (int, error) {
	if c.taken > 0 && cap(c.plainIn)-len(c.plainIn) < maxRecord {
		n := copy(c.plainIn, c.plainIn[c.taken:])
		c.plainIn, c.taken = c.plainIn[:n], 0
	}
	c.plainIn = slices.Grow(c.plainIn, maxRecord)
	if c.record == 0 {
		if n := recordLen(c.cipherIn[c.opened:c.filled]); c.feed(c.cipherIn[c.opened : c.opened+n]) {
			c.opened += n
		}
	}
	have := len(c.plainIn)
	n, err := c.tls.Read(c.plainIn[have : have+maxRecord])
	c.plainIn = c.plainIn[:have+n]
	if e := c.overfull(); e != nil {
		return n, e
	}
	return n, err
}

// recordLen is the length of the TLS record at the front of b if it is
// whole, else 0. What is too long or no TLS, plain HTTP say, counts as whole:
// crypto/tls refuses it by its header.
//
// TLS is given whole records only, one at a time. So a read of it needs no
// second one to see that there is nothing more.
func recordLen(b []byte) int {
	if len(b) < recordHeaderLen {
		return 0
	}
	n := recordHeaderLen + (int(b[3])<<8 | int(b[4]))
	if b[1] != majorVersion || n > recordHeaderLen+maxCiphertext {
		return len(b)
	}
	if n > len(b) {
		return 0
	}
	return n
}

// receive reads once from the socket into cipherIn: a record and what begins behind it if
// the connection is to wait for its next turn, and keeps what it has not handled.
func (c *Conn) receive() error {
	if c.opened > 0 {
		copy(c.cipherIn, c.cipherIn[c.opened:c.filled])
		c.filled -= c.opened
		c.opened = 0
	}
	room := c.cipherIn[c.filled:]
	if c.long {
		room = c.cipherIn[c.filled:min(max(maxCiphertext+recordHeaderLen, c.filled+1), len(c.cipherIn))]
	}
	n, err := c.readSocket(room)
	c.readable = n == len(room)
	c.confirmed = n <= 0
	if err != nil {
		return err
	}
	if n == 0 {
		return io.EOF
	}
	c.filled += n
	c.received = true
	c.opt.Metrics.Received.Add(c.stripe, uint64(n))
	return nil
}

func (c *Conn) readSocket(p []byte) (int, error) {
	if c.pump != nil {
		return c.pump.read(p)
	}
	return readSocket(c.fd, p)
}
