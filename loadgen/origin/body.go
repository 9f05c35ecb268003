package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// breakage is how an answer is broken off.
type breakage uint8

const (
	short   breakage = iota // the connection is closed, or the stream reset, in the middle of the content
	reset                   // the connection is reset in TCP there, or the stream
	endless                 // a chunk, or a stream, goes on without another byte
	silent                  // no answer
)

var breakages = []string{"short", "reset", "endless", "silent"}

const (
	// writeTime is for a write to a client that does not read.
	writeTime = 30 * time.Second

	// dripStep is in how long pieces slow contents are written.
	dripStep = 100 * time.Millisecond

	// dripLeast is the least such a piece has: less would be more packets than
	// content.
	dripLeast = 64
)

var errBroken = errors.New("broken off, as a rule says")

// body is a ResponseWriter that counts, takes its time and breaks off. It belongs
// to the goroutine of the request.
type body struct {
	http.ResponseWriter
	control *http.ResponseController
	req     *http.Request
	rule    *Rule
	fate    fate
	counts  *counts
	limit   time.Duration // for a write

	status   int
	left     int64 // bytes until it breaks off; -1: it does not
	sent     int64
	begin    time.Time // of a drip
	err      error     // of the first write that failed
	broke    bool
	hijacked bool
}

// WriteHeader implements http.ResponseWriter.
func (b *body) WriteHeader(status int) {
	if b.status != 0 {
		return // net/http would warn
	}
	b.status, b.left = status, -1
	if size, err := strconv.ParseInt(b.Header().Get("Content-Length"), 10, 64); err == nil && b.fate.broken && size > 0 {
		b.left = size / 2
		if b.fate.breaks == endless && b.req.ProtoAtLeast(1, 1) { // without a length HTTP/1.0 would take the end for that of the content
			b.Header().Del("Content-Length")
			b.Header().Del("Accept-Ranges") // what is endless has no ranges
		}
	}
	b.bound() // the head may be all that is written
	b.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (b *body) Write(p []byte) (n int, err error) {
	for n < len(p) && b.err == nil {
		var sent int
		sent, b.err = b.piece(p[n:])
		n += sent
		b.sent += int64(sent)
		b.counts.bytesOut.Add(uint64(sent))
	}
	return n, b.err
}

// piece writes as much of p as may be now.
func (b *body) piece(p []byte) (int, error) {
	if b.left == 0 {
		return 0, b.breakOff(p)
	}
	if b.left > 0 {
		p = p[:min(int64(len(p)), b.left)]
	}
	if b.rule.drip > 0 {
		p = p[:min(len(p), max(int(b.rule.drip*dripStep.Seconds()), dripLeast))]
		if err := b.drip(len(p)); err != nil {
			return 0, err
		}
	}
	b.bound()
	n, err := b.ResponseWriter.Write(p)
	if err == nil && b.rule.drip > 0 {
		err = b.control.Flush()
	}
	if b.left > 0 {
		b.left -= int64(n)
	}
	return n, err
}

// bound gives the client time for what is written next. It is lifted while
// nothing is: HTTP/2 resets a stream as it passes.
func (b *body) bound() { _ = b.control.SetWriteDeadline(time.Now().Add(b.limit)) } // both protocols have one

func (b *body) lift() { _ = b.control.SetWriteDeadline(time.Time{}) }

// drip waits until n bytes more may be sent.
func (b *body) drip(n int) error {
	if b.begin.IsZero() {
		b.begin = time.Now()
	}
	b.lift()
	due := time.Duration(float64(b.sent+int64(n)) / b.rule.drip * float64(time.Second))
	return wait(b.req.Context(), time.Until(b.begin.Add(due)))
}

// breakOff ends the content before its end. rest is what would come.
func (b *body) breakOff(rest []byte) error {
	b.broke = true
	b.bound()
	if err := b.control.Flush(); err != nil {
		return err
	}
	if b.req.ProtoMajor != 1 {
		if b.fate.breaks == endless {
			b.holdOpen()
		}
		return errBroken // and the stream is reset
	}
	switch b.fate.breaks {
	case reset:
		b.hijack(func(c net.Conn) {
			if tcp := socket(c); tcp != nil {
				_ = tcp.SetLinger(0) // closing is a reset then
			}
		})
	case endless:
		if b.req.ProtoAtLeast(1, 1) { // else there are no chunks
			b.hijack(func(c net.Conn) {
				_, _ = fmt.Fprintf(c, "%x\r\n", len(rest)) // a chunk, of which nothing comes
				b.holdConn(c)
			})
		}
	}
	return errBroken
}

// hijack takes the connection over, for do, and closes it.
func (b *body) hijack(do func(net.Conn)) {
	c, _, err := b.control.Hijack()
	if err != nil {
		return // it is closed by the handler's end
	}
	b.hijacked = true
	_ = c.SetDeadline(time.Now().Add(b.limit)) // do sets another one if it waits for longer
	do(c)
	_ = socketClose(c)
}

// socket is the TCP connection under c; nil: there is none.
func socket(c net.Conn) *net.TCPConn {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	if l, ok := c.(*limited); ok {
		c = l.Conn
	}
	tcp, _ := c.(*net.TCPConn)
	return tcp
}

// socketClose closes without close_notify: what ends like this has not ended.
func socketClose(c net.Conn) error {
	if secure, ok := c.(*tls.Conn); ok {
		return secure.NetConn().Close()
	}
	return c.Close()
}

// holdOpen waits until the client has gone, or for the rule's hold.
func (b *body) holdOpen() {
	b.lift()
	_ = wait(b.req.Context(), b.rule.hold) // either is the end
}

// holdConn is holdOpen of a connection that was taken over.
func (b *body) holdConn(c net.Conn) {
	defer context.AfterFunc(b.req.Context(), func() { _ = c.SetDeadline(time.Now()) })()
	_ = c.SetDeadline(time.Now().Add(b.rule.hold))
	for buf := make([]byte, 512); ; {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}
