package h3

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// sayHello opens our control stream with SETTINGS as its first frame (RFC 9114
// §6.2.1). A table of QPACK is none of them: the peer may use none then.
func (c *Conn) sayHello() error {
	q, err := c.quic.OpenUniStream()
	var full *quic.StreamLimitReachedError
	switch {
	case errors.As(err, &full): // a client has to let us open three (§6.2)
		c.fail(connError(codeStreamCreation, "no room for the control stream"))
		return err
	case err != nil:
		c.ended(err)
		return err
	}
	var settings []byte
	settings = quicvarint.Append(settings, settingMaxFieldSection)
	settings = quicvarint.Append(settings, uint64(c.cfg.Limits.HeaderBytes))
	settings = quicvarint.Append(settings, settingExtendedConnect)
	settings = quicvarint.Append(settings, 1)
	hello := quicvarint.Append(nil, streamControl)
	hello = append(appendFrameHead(hello, frameSettings, len(settings)), settings...)
	c.hello = q
	defer close(c.greeted)
	if _, err := q.Write(hello); err != nil { // it is buffered: the first of its stream
		c.ended(err)
		return err
	}
	return nil
}

// critical are the streams without which a connection cannot be, of which the peer
// opens one each (RFC 9114 §6.2.1, RFC 9204 §4.2).
type critical struct{ controlled, encodes, decodes bool }

// acceptUni receives the peer's unidirectional streams until the connection ends.
func (c *Conn) acceptUni() {
	for {
		q, err := c.quic.AcceptUniStream(context.Background())
		if err != nil {
			return
		}
		go func() {
			defer c.survive("a connection", c.fall)
			if f := c.serveUni(q); f != nil {
				c.fail(f)
			}
			q.ReleaseStreamCredit()
		}()
	}
}

// serveUni receives a unidirectional stream. The error is the connection's.
func (c *Conn) serveUni(q *quic.ReceiveStream) *failure {
	r := bufio.NewReaderSize(q, 64) // what comes on it is short
	kind, err := c.readType(q, r)
	if err != nil {
		q.CancelRead(codeStreamCreation)
		return c.useless("a stream without a type")
	}
	switch kind {
	case streamControl:
		return c.only(&c.controlled, q, func() error { return c.readControl(r) })
	case streamEncoder:
		return c.only(&c.encodes, q, func() error { return readEncoder(r) })
	case streamDecoder:
		return c.only(&c.decodes, q, func() error { return c.readDecoder(r) })
	case streamPush:
		return connError(codeStreamCreation, "a push stream from a client")
	}
	q.CancelRead(codeStreamCreation)
	return c.useless("a stream of an unknown type")
}

// readType reads the type of a stream within the time for a head.
func (c *Conn) readType(q *quic.ReceiveStream, r source) (uint64, error) {
	if err := q.SetReadDeadline(time.Now().Add(c.cfg.Limits.Head)); err != nil {
		return 0, err
	}
	kind, err := readVarint(r)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.limit(metrics.LimitHeadTimeout)
	}
	if err != nil {
		return 0, err
	}
	return kind, q.SetReadDeadline(time.Time{})
}

// only serves a stream of which there is one, and which does not end before its
// connection.
func (c *Conn) only(is *bool, q *quic.ReceiveStream, read func() error) *failure {
	c.mu.Lock()
	second := *is
	*is = true
	c.mu.Unlock()
	if second {
		return connError(codeStreamCreation, "a second stream of a kind of which there is one")
	}
	err := read()
	var f *failure
	switch {
	case errors.As(err, &f):
		return f
	case c.quic.Context().Err() != nil:
		return nil
	case err == io.ErrUnexpectedEOF:
		return connError(codeFrameError, "a control stream that ends within a frame")
	}
	return connError(codeClosedCriticalStream, "a control stream that ends")
}

// readControl reads the peer's control stream (RFC 9114 §6.2.1). None of its
// settings changes what we send: we push nothing, and refer to no table.
func (c *Conn) readControl(r source) error {
	for first := true; ; first = false {
		h, err := readFrameHead(r)
		if err != nil {
			return err
		}
		if f := h.controls(first); f != nil {
			return f
		}
		if !first {
			if f := c.useless(fmt.Sprintf("a frame of type %#x", h.kind)); f != nil {
				return f
			}
		}
		if err := skip(r, h.length); err != nil {
			return err
		}
	}
}

// controls reports whether a frame may stand on the control stream, at its
// beginning if first is set (RFC 9114 §6.2.1, §7.2).
func (h frameHead) controls(first bool) *failure {
	switch {
	case first && h.kind != frameSettings:
		return connError(codeMissingSettings, "a control stream that does not begin with SETTINGS")
	case h.length > maxUnknown:
		return connError(codeExcessiveLoad, "a large frame on the control stream")
	case !first && h.kind == frameSettings:
		return connError(codeFrameUnexpected, "SETTINGS twice")
	}
	switch h.kind {
	case frameData, frameHeaders, framePushPromise, 0x2, 0x6, 0x8, 0x9: // the last four are HTTP/2's (§7.2.8)
		return connError(codeFrameUnexpected, fmt.Sprintf("a frame of type %#x on the control stream", h.kind))
	}
	return nil
}

// readEncoder reads the peer's QPACK encoder stream (RFC 9204 §4.3). Without a table
// there is one instruction that it may send: that its capacity is 0.
func readEncoder(r source) error {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return err
		}
		if b != 0x20 {
			return connError(codeEncoderStreamError, "an entry for a table that has no room")
		}
	}
}

// readDecoder reads the peer's QPACK decoder stream (RFC 9204 §4.4): what we sent
// refers to nothing that it could acknowledge. It may say which streams it has given
// up (§4.4.2).
func (c *Conn) readDecoder(r source) error {
	for {
		if _, err := r.ReadByte(); err != nil {
			return err
		}
		if f := c.useless("an instruction of QPACK"); f != nil {
			return f
		}
	}
}
