package h1

import (
	"bytes"
	"errors"
	"math"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// chunked decodes the chunked transfer coding (RFC 9112 §7.1) from what has
// arrived. Chunk extensions are ignored.
type chunked struct {
	limits   // of the trailer section
	state    chunkState
	left     int64 // of the chunk's data
	excess   int   // bytes of framing beyond what the data earns
	trailers []hpack.Field
}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkData
	chunkEnd      // CRLF behind the data
	chunkTrailers // after the last chunk
	chunkDone
)

const (
	// maxChunkLine bounds a chunk's size with its extensions, in bytes: no
	// client is known that sends any.
	maxChunkLine = 256

	// maxExcess bounds extensions, and the framing of tiny chunks, beyond 16
	// bytes and twice the data of each chunk: the figures of net/http's
	// answer to CVE-2023-39326.
	maxExcess   = 16 << 10
	chunkEarns  = 16
	earnsByByte = 2
)

var (
	errChunkSize = errors.New("malformed chunk size")
	errChunkEnd  = errors.New("chunk data does not end in CRLF")
	errExcess    = errors.New("too much framing for the data in it")
	errTrailers  = errors.New("malformed trailer section")
)

// next decodes the front of p: it returns a part of the content, of at most
// most bytes, that lies in p, and how much of p it took. 0 is that it takes more
// of p to go on; what is malformed beyond doubt is an error at once.
func (d *chunked) next(p []byte, most int) (content []byte, n int, err error) {
	switch d.state {
	case chunkSize:
		size, n, err := parseChunkSize(p)
		if n == 0 {
			return nil, 0, err
		}
		d.excess = max(0, d.excess+n-chunkEarns-int(min(earnsByByte*size, maxExcess)))
		if d.excess > maxExcess {
			return nil, 0, errExcess
		}
		d.left, d.state = size, chunkData
		if size == 0 {
			d.state = chunkTrailers
		}
		return nil, n, nil
	case chunkData:
		n = int(min(d.left, int64(len(p)), int64(most)))
		if d.left -= int64(n); d.left == 0 {
			d.state = chunkEnd
		}
		return p[:n], n, nil
	case chunkEnd:
		have := p[:min(len(p), len(crlf))]
		if !bytes.HasPrefix(crlf, have) {
			return nil, 0, errChunkEnd
		}
		if len(have) < len(crlf) {
			return nil, 0, nil
		}
		d.state = chunkSize
		return nil, len(crlf), nil
	case chunkTrailers:
		n, err = d.parseTrailers(p)
		return nil, n, err
	}
	return nil, 0, nil
}

// parseChunkSize reads a chunk's first line: chunk-size [ chunk-ext ] CRLF. n
// is its length, 0 if it is not whole or malformed.
func parseChunkSize(p []byte) (size int64, n int, err error) {
	i := 0
	for ; i < len(p); i++ {
		digit, ok := hexDigit(p[i])
		if !ok {
			break
		}
		if i == 16 || size > math.MaxInt64>>4/earnsByByte {
			return 0, 0, errChunkSize
		}
		size = size<<4 | digit
	}
	if i == len(p) {
		return 0, 0, nil
	}
	if i == 0 {
		return 0, 0, errChunkSize
	}
	extended, quoted, escaped := false, false, false
	for ; i < len(p); i++ {
		switch b := p[i]; {
		case i == maxChunkLine:
			return 0, 0, errChunkSize
		case b == '\r' && quoted:
			return 0, 0, errChunkSize // another recipient may look for the quote's end in the data
		case b == '\r':
			if !extended && i > 0 && (p[i-1] == ' ' || p[i-1] == '\t') {
				return 0, 0, errChunkSize // space, and no extension
			}
			if i+1 == len(p) {
				return 0, 0, nil
			}
			if p[i+1] != '\n' {
				return 0, 0, errChunkSize
			}
			return size, i + 2, nil
		case b == ';':
			extended, escaped = true, false
		case b == ' ', b == '\t':
			escaped = false
		case !extended, b < ' ', b == 0x7f:
			return 0, 0, errChunkSize
		case escaped:
			escaped = false
		case b == '"':
			quoted = !quoted
		case b == '\\':
			escaped = quoted
		}
	}
	return 0, 0, nil
}

func hexDigit(c byte) (int64, bool) {
	switch {
	case c >= '0' && c <= '9':
		return int64(c - '0'), true
	case c >= 'a' && c <= 'f':
		return int64(c-'a') + 10, true
	case c >= 'A' && c <= 'F':
		return int64(c-'A') + 10, true
	}
	return 0, false
}

// parseTrailers reads the trailer section and the empty line that ends it
// (RFC 9112 §7.1.2).
func (d *chunked) parseTrailers(p []byte) (n int, err error) {
	if bytes.HasPrefix(p, crlf) {
		d.state = chunkDone
		return len(crlf), nil
	}
	if len(p) == 1 && p[0] == '\r' {
		return 0, nil
	}
	end := bytes.Index(p, endOfHead)
	if end < 0 {
		if len(p) >= d.bytes || bareLF(p) || len(p) > 0 && lowerName[p[0]] == 0 {
			return 0, errTrailers
		}
		return 0, nil
	}
	n = end + len(endOfHead)
	if n > d.bytes {
		return 0, errTrailers
	}
	names := make([]byte, 0, n) // does not move
	for line := range bytes.SplitSeq(p[:end], crlf) {
		start := len(names)
		var value []byte
		var ok bool
		names, value, ok = appendName(names, line)
		name := view(names[start:])
		if !ok || framesMessage(name) || len(d.trailers) == d.fields {
			return 0, errTrailers
		}
		d.trailers = append(d.trailers, hpack.Field{Name: name, Value: string(value)})
	}
	d.state = chunkDone
	return n, nil
}

// framesMessage reports whether a field frames or routes a message, or concerns
// the connection: it is of no use in a trailer section (RFC 9110 §6.5.1), but to
// deceive another recipient.
func framesMessage(name string) bool {
	switch name {
	case "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	return false
}
