package h3

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/head"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// decoded is what a head is decoded into.
type decoded struct {
	fields  []hpack.Field
	request head.Request
	lookup  message.Lookup
}

var decodeds = sync.Pool{New: func() any { return new(decoded) }}

// sections are those in which encoded heads are put together.
var sections = sync.Pool{New: func() any { return new([]byte) }}

// bytes is the memory that a head takes while its answer waits for the peer.
func (d *decoded) bytes() int64 {
	n := cap(d.fields) * fieldBytes
	for i := range d.fields {
		n += len(d.fields[i].Name) + len(d.fields[i].Value)
	}
	return int64(n)
}

func (d *decoded) release() {
	clear(d.fields)
	d.fields = d.fields[:0]
	d.request = head.Request{}
	d.lookup.Reset()
	decodeds.Put(d)
}

// takeHead reads the head, for which it has a token, and gives that back.
func (s *stream) takeHead(d *decoded) error {
	defer func() { <-s.conn.heads }()
	return s.readHead(d)
}

// readHead reads a request's head (RFC 9114 §4.1) within the time for it, and
// whether anything follows. A head that is too large is answered.
func (s *stream) readHead(d *decoded) error {
	l := &s.conn.cfg.Limits
	if err := s.quic.SetReadDeadline(s.began.Add(l.Head)); err != nil {
		return err
	}
	truncated, err := s.readFields(d)
	if err != nil {
		return err
	}
	malformed := d.request.Parse(d.fields)
	d.request.Identity = s.conn.identity
	s.headOnly = d.request.Method == http.MethodHead
	if truncated {
		s.conn.limit(metrics.LimitHeaderList)
		d.request.Client = client.Peer(s.peer)
		return s.refuseLarge(&d.request.Request)
	}
	if malformed != "" {
		return streamError(codeMessageError, malformed)
	}
	d.request.Client, d.request.Trusted = s.conn.cfg.Client.Of(client.Peer(s.peer), &d.request.Request)
	if s.ends, err = s.endsHere(&d.request); err != nil {
		return err
	}
	return s.quic.SetReadDeadline(time.Time{})
}

// readFields reads and decodes the field section of a head. truncated: it exceeds a
// limit.
func (s *stream) readFields(d *decoded) (truncated bool, err error) {
	b := sections.Get().(*[]byte)
	defer sections.Put(b)
	section, err := s.readSection((*b)[:0])
	s.mu.Lock()
	s.began = time.Now()
	s.mu.Unlock()
	if err != nil {
		return false, err
	}
	*b = section
	l := &s.conn.cfg.Limits
	if d.fields, truncated, err = decodeFields(d.fields[:0], section, l.HeaderBytes, l.HeaderFields); err != nil {
		return false, connError(codeDecompressionFailed, err.Error())
	}
	return truncated, nil
}

// readSection reads frames up to the first HEADERS frame, and appends its payload to
// dst.
func (s *stream) readSection(dst []byte) ([]byte, error) {
	for {
		h, err := readFrameHead(s.in)
		if err != nil {
			return nil, err
		}
		if f := h.belongs(); f != nil {
			return nil, f
		}
		switch {
		case h.kind == frameData:
			return nil, connError(codeFrameUnexpected, "DATA in front of HEADERS") // §4.1
		case h.kind != frameHeaders:
			if err := s.ignore(h); err != nil {
				return nil, err
			}
			continue
		case h.length > uint64(headerBlockFactor*s.conn.cfg.Limits.HeaderBytes):
			s.conn.limit(metrics.LimitHeaderBlock)
			return nil, s.refuseLarge(&message.Request{Client: client.Peer(s.peer)})
		}
		return readSome(s.in, dst, int(h.length))
	}
}

// readSome appends n bytes to dst, whose memory grows as they come.
func readSome(r io.Reader, dst []byte, n int) ([]byte, error) {
	for n > 0 {
		part := min(n, readBuffer)
		at := len(dst)
		dst = append(dst, make([]byte, part)...)
		if _, err := io.ReadFull(r, dst[at:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return dst[:0], err
		}
		n -= part
	}
	return dst, nil
}

// ignore reads over a frame of an unknown type (RFC 9114 §9).
func (s *stream) ignore(h frameHead) error {
	if f := s.conn.useless("a frame of an unknown type"); f != nil {
		return f
	}
	if h.length > maxUnknown {
		return streamError(codeExcessiveLoad, "a large frame of an unknown type")
	}
	return skip(s.in, h.length)
}

// endsHere reports whether the request has neither content nor trailers. For what
// mostly has none, the end or a further frame belongs to the head and has the time
// for it; for any other request that is what has come.
func (s *stream) endsHere(r *head.Request) (bool, error) {
	if s.in.Buffered() > 0 {
		return false, nil
	}
	expects, _ := r.Field("expect")
	waits := mostlyNone(r.Method) && r.Length <= 0 && !strings.EqualFold(expects, continues)
	if !waits {
		if err := s.quic.SetReadDeadline(time.Unix(1, 0)); err != nil {
			return false, err
		}
	}
	switch _, err := s.in.Peek(1); {
	case err == nil:
		return false, nil
	case err == io.EOF:
		return true, nil
	case errors.Is(err, os.ErrDeadlineExceeded) && !waits:
		return false, nil
	default:
		return false, err
	}
}

// mostlyNone reports whether requests with that method mostly have no content.
func mostlyNone(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete:
		return true
	}
	return false
}

// continues is the expectation of a client that holds its content back (RFC 9110
// §10.1.1).
const continues = "100-continue"
