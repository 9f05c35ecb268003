package h1client

import (
	"bytes"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// hasContent reports whether content follows the head that was read, be it
// empty (RFC 9110 §6.4.1).
func (p *parser) hasContent() bool {
	return !p.headOnly && p.status != 204 && p.status != 304
}

// inContent reports whether the end of the content is yet to come, and would
// be marked.
func (p *parser) inContent() bool { return p.state >= counted && p.state < whole }

// content is what of b is content.
func (p *parser) content(b []byte) []byte {
	if p.state == toEnd {
		return b
	}
	b = b[:min(int64(len(b)), p.remain)]
	if p.remain -= int64(len(b)); p.remain > 0 {
		return b
	}
	if p.state == chunk {
		p.state = chunkEnd
	} else {
		p.state = whole
	}
	return b
}

// parseChunkSize reads "1f;extension" (RFC 9112 §7.1). Extensions mean nothing
// here. Space before one, or before the line's end, is what some servers send.
func (p *parser) parseChunkSize(line []byte) *exchange.Failure {
	digits, extension, _ := bytes.Cut(line, semicolon)
	digits = trimRight(digits)
	if len(digits) == 0 || len(digits) > 16 || !isText(extension) {
		return errChunk
	}
	size := uint64(0) // of 16 digits at most
	for _, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return errChunk
		}
		size = size<<4 | uint64(c)
	}
	switch {
	case size > maxSize:
		return errChunkSize
	case size == 0:
		p.state = trailerLine
	default:
		p.state, p.remain = chunk, int64(size)
	}
	return nil
}

var semicolon = []byte(";")

// endChunk reads the line's end behind a chunk.
func (p *parser) endChunk(b []byte) (n int, f *exchange.Failure) {
	const end = "\r\n"
	n = min(len(b), len(end))
	if string(b[:n]) != end[:n] {
		return 0, errChunk
	}
	if n < len(end) {
		return 0, nil
	}
	p.state = chunkSize
	return n, nil
}

// parseTrailer reads a field behind the last chunk, which says nothing that
// counts here, or the end of the response (RFC 9112 §7.1.2).
func (p *parser) parseTrailer(line []byte) *exchange.Failure {
	if len(line) == 0 {
		p.state = whole
		return nil
	}
	_, _, f := p.splitField(line)
	return f
}
