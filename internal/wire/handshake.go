package wire

import (
	"crypto/tls"
	"runtime"
	"slices"
	"time"
)

// helloSize is room for a client's first flight: 300 to 1,900 bytes, with a
// post-quantum key share.
const helloSize = 2 << 10

// Gate bounds how many handshakes compute at once. One takes as long as
// hundreds of hits, so a thousand that arrive together would keep the hits of
// all other connections waiting for a third of a second. Behind the gate they
// wait themselves, and between any two of them all others have a turn.
// A handshake that waits for its client is outside. A nil Gate stands open.
type Gate chan struct{}

// NewGate makes a gate for n handshakes: one for each core computes as many as
// there could be.
func NewGate(n int) Gate { return make(Gate, n) }

func (g Gate) enter() {
	if g != nil {
		g <- struct{}{}
		runtime.Gosched() // behind all that can run now
	}
}

func (g Gate) leave() {
	if g != nil {
		<-g
	}
}

// Handshake agrees with the peer on TLS, before Serve. It blocks, until the
// deadline. After AwaitHello it does not wait for the ClientHello.
func (c *Conn) Handshake(deadline time.Time) error {
	if err := c.nc.SetDeadline(deadline); err != nil {
		return err
	}
	if err := c.handshake(); err != nil {
		return err
	}
	return c.nc.SetDeadline(time.Time{})
}

func (c *Conn) handshake() error {
	c.opt.Gate.enter()
	defer c.opt.Gate.leave()
	// Made here, and not for peers that never say anything: it takes 2 KiB.
	if c.client {
		c.tls = tls.Client((*transport)(c), c.config)
	} else {
		c.tls = tls.Server((*transport)(c), c.config)
	}
	return c.tls.Handshake()
}

// readHandshake gives TLS what belongs to the record that it reads, and keeps
// what came behind it: a client's first request often comes with its Finished,
// and inside TLS it would wait unseen.
func (t *transport) readHandshake(p []byte) (int, error) {
	for t.record == 0 {
		if t.record = recordLen(t.cipherRest); t.record > 0 {
			break
		}
		if t.cipherRest == nil {
			t.cipherRest = make([]byte, 0, helloSize)
		}
		t.cipherRest = slices.Grow(t.cipherRest, 1)
		t.opt.Gate.leave()
		n, err := t.readSocket(t.cipherRest[len(t.cipherRest):cap(t.cipherRest)])
		t.opt.Gate.enter()
		t.cipherRest = t.cipherRest[:len(t.cipherRest)+n]
		if n == 0 && err != nil {
			return 0, err
		}
	}
	n := copy(p, t.cipherRest[:t.record])
	t.record -= n
	t.cipherRest = t.cipherRest[:copy(t.cipherRest, t.cipherRest[n:])]
	return n, nil
}
