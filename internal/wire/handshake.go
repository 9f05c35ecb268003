package wire

import (
	"crypto/tls"
	"slices"
	"time"
)

// helloSize is room for a client's first flight: 300 to 1,900 bytes, with a
// post-quantum key share.
const helloSize = 2 << 10

func (c *Conn) enterGate() {
	if !c.gated {
		c.opt.Handshakes.Enter()
		c.gated = true
	}
}

func (c *Conn) leaveGate() {
	if c.gated {
		c.gated = false
		c.opt.Handshakes.Leave()
	}
}

// Handshake agrees with the peer on TLS, before Serve. It blocks, until the
// deadline. After AwaitHello it does not wait for the ClientHello.
func (c *Conn) Handshake(deadline time.Time) error {
	c.enter(handshaking)
	if err := c.nc.SetDeadline(deadline); err != nil {
		return err
	}
	if err := c.handshake(); err != nil {
		return err
	}
	return c.nc.SetDeadline(time.Time{})
}

func (c *Conn) handshake() error {
	c.enterGate()
	defer c.leaveGate()
	// Made here, and not for peers that never say anything: it takes 2 KiB.
	if c.client {
		c.tls = tls.Client((*transport)(c), c.config)
	} else {
		c.tls = tls.Server((*transport)(c), c.config)
	}
	return c.tls.Handshake()
}

// awaitPeer is called before a handshake may wait for its peer: to read what is
// missing, of a ClientHello that was judged whole and is none as well, and to
// write.
func (c *Conn) awaitPeer() {
	c.leaveGate()
	if answered := c.Answered; answered != nil {
		c.Answered = nil
		answered()
	}
}

// readHandshake gives TLS what belongs to the record that it reads, and keeps
// what came behind it: a client's first request often comes with its Finished,
// and inside TLS it would wait unseen.
func (t *transport) readHandshake(p []byte) (int, error) {
	c := (*Conn)(t)
	for t.record == 0 {
		if t.record = recordLen(t.cipherRest); t.record > 0 {
			break
		}
		if t.cipherRest == nil {
			t.cipherRest = make([]byte, 0, helloSize)
		}
		t.cipherRest = slices.Grow(t.cipherRest, 1)
		if err := c.overfull(); err != nil {
			return 0, err
		}
		c.awaitPeer()
		n, err := t.readSocket(t.cipherRest[len(t.cipherRest):cap(t.cipherRest)])
		t.cipherRest = t.cipherRest[:len(t.cipherRest)+n]
		if n == 0 && err != nil {
			return 0, err
		}
	}
	c.enterGate()
	n := copy(p, t.cipherRest[:t.record])
	t.record -= n
	t.cipherRest = t.cipherRest[:copy(t.cipherRest, t.cipherRest[n:])]
	return n, nil
}

// writeHandshake sends what TLS has made, a flight at a time.
func (t *transport) writeHandshake(p []byte) (int, error) {
	c := (*Conn)(t)
	c.awaitPeer()
	n, err := c.nc.Write(p)
	c.opt.Metrics.Sent.Add(c.stripe, uint64(max(n, 0)))
	return n, err
}
