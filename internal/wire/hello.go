package wire

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/proxyproto"
)

// maxHello is how many bytes a ClientHello may take, the heads of its records
// counted. Browsers send 1,900 with a post-quantum key share; a session ticket
// with a certificate in it, or an encrypted hello, adds a few KiB.
const maxHello = 16 << 10

// What a peer can begin with instead of a ClientHello.
var (
	ErrPlainHTTP     = errors.New("the peer speaks HTTP without TLS")
	ErrNotTLS        = errors.New("the peer speaks no TLS")
	ErrHelloTooLarge = errors.New("the ClientHello is larger than 16 KiB")
	ErrProxyHeader   = errors.New("the peer begins with a PROXY header, and is not trusted to")
)

// AwaitHello waits until the peer's whole ClientHello has arrived, so that
// Handshake need not wait for it. The errors are ErrPlainHTTP, after which
// RefusePlain answers, ErrNotTLS, ErrHelloTooLarge, ErrProxyHeader, and those of
// the socket: os.ErrDeadlineExceeded after the deadline.
//
// A peer that is silent costs what a socket and a goroutine with a small stack
// do: neither a buffer nor the state of TLS. What it has sent of a hello is kept
// in a buffer of that size, of maxHello at most.
func (c *Conn) AwaitHello(deadline time.Time) error {
	if err := c.nc.SetReadDeadline(deadline); err != nil {
		return err
	}
	for {
		switch begin := judgeHello(c.cipherRest); {
		case begin == helloWhole:
			return nil
		case begin == helloHTTP:
			return ErrPlainHTTP
		case begin == helloAlien:
			return ErrNotTLS
		case begin == helloProxy:
			return ErrProxyHeader
		case begin == helloTooLarge || len(c.cipherRest) >= maxHello:
			return ErrHelloTooLarge
		}
		if err := c.readMore(maxHello); err != nil {
			return err
		}
	}
}

// Said reports how many bytes the peer has sent that nothing has taken yet,
// before Serve.
func (c *Conn) Said() int { return len(c.cipherRest) }

// readMore waits for bytes and adds them to cipherRest, up to limit in all.
func (c *Conn) readMore(limit int) error {
	if c.raw == nil {
		return c.readMoreBlocking(limit)
	}
	var n int
	var failed error
	err := c.raw.Read(func(fd uintptr) bool {
		s := scratches.Get().(*scratch)
		n, failed = readSocket(fd, s.cipherIn[:limit-len(c.cipherRest)])
		if n > 0 {
			c.cipherRest = append(c.cipherRest, s.cipherIn[:n]...)
		}
		s.release()
		return failed != error(ErrWouldBlock)
	})
	switch {
	case err != nil:
		return closedError(err)
	case failed != nil:
		return failed
	case n == 0:
		return io.EOF
	}
	c.opt.Metrics.Received.Add(c.stripe, uint64(n))
	return nil
}

// readMoreBlocking is readMore without a poller.
func (c *Conn) readMoreBlocking(limit int) error {
	have := len(c.cipherRest)
	c.cipherRest = slices.Grow(c.cipherRest, min(helloSize, limit-have))
	n, err := (*transport)(c).readSocket(c.cipherRest[have:min(cap(c.cipherRest), limit)])
	c.cipherRest = c.cipherRest[:have+n]
	if n > 0 {
		return nil // an error stays, and comes again
	}
	return err
}

// beginning is what the first bytes of a connection are.
type beginning uint8

const (
	helloPart beginning = iota // may become a ClientHello: more is needed
	helloWhole
	helloTooLarge
	helloHTTP  // a request without TLS
	helloProxy // a PROXY header
	helloAlien // none of these
)

const (
	recordHandshake  = 22 // ContentType, RFC 8446 §5.1
	messageHello     = 1  // HandshakeType, RFC 8446 §4
	messageHeaderLen = 4  // type and length, RFC 8446 §4
)

// judgeHello classifies b, all that a peer has sent. A ClientHello may span
// records (RFC 8446 §5.1). What is a handshake record and no hello counts as
// whole: TLS refuses it by what is there, with the right alert.
func judgeHello(b []byte) beginning {
	if len(b) == 0 {
		return helloPart
	}
	if b[0] != recordHandshake {
		return judgeAlien(b)
	}
	var header [messageHeaderLen]byte // of the message, which may be in parts itself
	message := 0                      // bytes of the message so far
	for len(b) >= recordHeaderLen {
		n := int(b[3])<<8 | int(b[4])
		if b[0] != recordHandshake || b[1] != majorVersion || n == 0 || n > maxCiphertext {
			return helloWhole
		}
		part := b[recordHeaderLen:min(recordHeaderLen+n, len(b))]
		if message < messageHeaderLen {
			copy(header[message:], part)
		}
		message += len(part)
		if message >= 1 && header[0] != messageHello {
			return helloWhole
		}
		if message >= messageHeaderLen {
			want := messageHeaderLen + (int(header[1])<<16 | int(header[2])<<8 | int(header[3]))
			if want > maxHello {
				return helloTooLarge
			}
			if message >= want && len(part) == n {
				return helloWhole
			}
		}
		b = b[recordHeaderLen+len(part):]
		if len(part) < n {
			break
		}
	}
	return helloPart
}

// judgeAlien distinguishes HTTP and PROXY headers from other things by as many
// bytes as a record's header has: of HTTP a method, and what begins a target. No
// method is PROXY.
func judgeAlien(b []byte) beginning {
	_, _, err := proxyproto.Parse(b[:min(len(b), recordHeaderLen)])
	proxy := errors.Is(err, proxyproto.ErrPart) // so far
	switch {
	case !proxy && (b[0] < 'A' || b[0] > 'Z'):
		return helloAlien
	case len(b) < recordHeaderLen:
		return helloPart
	case proxy:
		return helloProxy
	}
	for _, c := range b[:recordHeaderLen] {
		switch {
		case c == ' ':
			return helloHTTP
		case c < 'A' || c > 'Z':
			return helloAlien
		}
	}
	return helloHTTP
}
