package fleet

import (
	"bufio"
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// maxHello is far more than a hello of any version takes.
	maxHello = 4 << 10

	// maxMessage is for targets with their bodies; all else is less than
	// 10 MiB.
	maxMessage = 64 << 20

	// silence is how long a side may be quiet, or take nothing of what it is
	// sent. The coordinator pings every beat, and the agent answers.
	silence = 10 * time.Second
	beat    = 2 * time.Second

	// chunk is what is written with one deadline.
	chunk = 64 << 10
)

// link carries values over an authenticated connection: one gob stream each
// way. One goroutine receives, any may send.
type link struct {
	conn *patient
	in   *budget
	dec  *gob.Decoder

	mu  sync.Mutex
	enc *gob.Encoder // writes to out
	out bytes.Buffer
}

// newLink leaves deadlines to the caller until watch.
func newLink(conn net.Conn) *link {
	l := &link{conn: &patient{Conn: conn}}
	l.in = &budget{reader: bufio.NewReader(l.conn)}
	l.dec = gob.NewDecoder(l.in)
	l.enc = gob.NewEncoder(&l.out)
	return l
}

// watch has reading and writing fail from now on when nothing has moved for
// silence.
func (l *link) watch() error {
	if err := l.conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	l.conn.limit = silence
	return nil
}

func (l *link) close() { _ = l.conn.Close() }

// recv reads the next value into v, which must be zero, and no more than limit
// bytes for it.
func (l *link) recv(v any, limit int) error {
	l.in.left = limit
	return l.dec.Decode(v)
}

// send writes a value. After an error no other can be sent; if bytes were
// written the link is closed, so that recv fails as well.
func (l *link) send(v any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.Reset()
	if err := l.enc.Encode(v); err != nil {
		return err
	}
	if n := l.out.Len(); n > maxMessage {
		return fmt.Errorf("a message of %d MiB, and %d are allowed: the targets and their bodies are too large", n>>20, maxMessage>>20)
	}
	_, err := l.conn.Write(l.out.Bytes())
	if err != nil {
		l.close()
	}
	if l.out.Cap() > 1<<20 {
		l.out = bytes.Buffer{} // it was a start: nothing else comes near
	}
	return err
}

// budget reads what one value may take. It is an io.ByteReader: gob does not
// read ahead of it.
type budget struct {
	reader *bufio.Reader
	left   int
}

var errTooLarge = errors.New("the message is larger than is allowed")

func (b *budget) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errTooLarge
	}
	n, err := b.reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (b *budget) ReadByte() (byte, error) {
	if b.left == 0 {
		return 0, errTooLarge
	}
	b.left--
	return b.reader.ReadByte()
}

// patient is a connection on which something must move within limit, unless
// that is 0.
type patient struct {
	net.Conn
	limit time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	if p.limit > 0 {
		if err := p.SetReadDeadline(time.Now().Add(p.limit)); err != nil {
			return 0, err
		}
	}
	return p.Conn.Read(b)
}

func (p *patient) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		if p.limit > 0 {
			if err := p.SetWriteDeadline(time.Now().Add(p.limit)); err != nil {
				return n, err
			}
		}
		part := 0
		part, err = p.Conn.Write(b[:min(len(b), chunk)])
		n, b = n+part, b[part:]
	}
	return n, err
}
