package h1client

import (
	"bytes"

	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// state is what a parser expects next.
type state uint8

const (
	statusLine state = iota
	fieldLine        // or the empty line behind the fields
	toEnd            // content, up to the connection's end
	counted          // content, remain bytes
	chunkSize
	chunk // remain bytes
	chunkEnd
	trailerLine // or the empty line behind the trailers
	whole       // nothing: the response has ended
)

// parser takes a response apart as its bytes come. It keeps none of them: a
// line that is not whole stays with the caller.
type parser struct {
	state     state
	strict    bool // what would be a remark of exchange.Forbidden is an error
	remarks   exchange.Remarks
	headOnly  bool // the response is one to HEAD
	persist   bool // the connection lasts after the response
	status    int  // of the response; 0: its head is not whole
	remain    int64
	cache     exchange.CacheNote
	tagged    bool   // ETag is looked at
	tag       []byte // what it has
	scanned   int    // how much of the line that is not whole was searched for its end
	lines     int    // bytes of heads and trailers
	numFields int    // in them

	// The head that is being read; it may be an interim one.
	code              int
	minor             byte  // '1' or '0': of HTTP/1.1 or HTTP/1.0
	length            int64 // content-length; -1: none
	chunked           bool
	closes, keepAlive bool // what connection says
}

// begin prepares for the response to a request.
func (p *parser) begin(headOnly bool) {
	*p = parser{strict: p.strict, tagged: p.tagged, tag: p.tag[:0], headOnly: headOnly, length: -1}
}

// next takes a piece of the response off the front of b: n bytes, and what of
// them is content. If n is 0 it needs more of it, at least a byte behind the
// same ones, or the response is whole.
func (p *parser) next(b []byte) (n int, content []byte, f *exchange.Failure) {
	switch p.state {
	case toEnd, counted, chunk:
		content = p.content(b)
		return len(content), content, nil
	case chunkEnd:
		n, f = p.endChunk(b)
		return n, nil, f
	case whole:
		return 0, nil, nil
	}
	line, n, f := p.line(b)
	if n == 0 || f != nil {
		return 0, nil, f
	}
	switch p.state {
	case statusLine:
		f = p.parseStatus(line)
	case fieldLine:
		f = p.parseField(line)
	case chunkSize:
		f = p.parseChunkSize(line)
	case trailerLine:
		f = p.parseTrailer(line)
	}
	return n, nil, f
}

// version is how each status line begins.
const version = "HTTP/1."

// line cuts the line at the front of b, without its end. n is its length with
// the end, 0 if it is not whole. What is wrong with it is found as soon and
// named the same however the bytes come.
func (p *parser) line(b []byte) (line []byte, n int, f *exchange.Failure) {
	if n := min(len(b), len(version)); p.state == statusLine && string(b[:n]) != version[:n] {
		return nil, 0, errStatusLine // no HTTP/1: its first line may never end
	}
	for {
		end := 0
		if end, n, f = p.lineEnd(b); n == 0 || f != nil {
			return nil, 0, f
		}
		if p.strict || end == 0 || p.state != fieldLine && p.state != trailerLine {
			return p.cut(b, end, n)
		}
		// The first byte of the next line, which always follows a field, says
		// whether this one goes on there.
		switch {
		case n == len(b):
			p.scanned = n - 1
			return nil, 0, nil
		case b[n] != ' ' && b[n] != '\t':
			return p.cut(b, end, n)
		}
		for i := end; i < n; i++ {
			b[i] = ' ' // RFC 9112 §5.2: replace each received obs-fold with one or more SP octets
		}
		p.remarks |= exchange.Folded
		p.scanned = n
	}
}

// cut takes the line off.
func (p *parser) cut(b []byte, end, n int) ([]byte, int, *exchange.Failure) {
	p.scanned = 0
	if p.state != chunkSize {
		p.lines += n
	}
	return b[:end], n, nil
}

// lineEnd is where the line at the front of b ends, without its CRLF and with it;
// n is 0 if it is not whole. A single LF ends lines too (RFC 9112 §2.2), but not
// those of the chunked coding, where it is how responses are smuggled.
func (p *parser) lineEnd(b []byte) (end, n int, f *exchange.Failure) {
	n = bytes.IndexByte(b[p.scanned:], '\n') + 1
	size := len(b)
	if n > 0 {
		n += p.scanned
		size = n
	}
	switch {
	case p.state == chunkSize && size > maxChunkLine:
		return 0, 0, errChunkLine
	case p.state != chunkSize && size > maxHead-p.lines:
		return 0, 0, errHeadSize
	case n == 0:
		p.scanned = len(b)
		return 0, 0, nil
	case n > 1 && b[n-2] == '\r':
		return n - 2, n, nil
	case p.strict || p.state == chunkSize:
		return 0, 0, errLineEnd
	}
	p.remarks |= exchange.BareLF
	return n - 1, n, nil
}

// parseStatus reads "HTTP/1.1 200 OK" (RFC 9112 §4), also without the space
// before a reason that is not there.
func (p *parser) parseStatus(line []byte) *exchange.Failure {
	const at = len(version + "1 ")
	if len(line) < at+3 || line[at-1] != ' ' || len(line) > at+3 && line[at+3] != ' ' {
		return errStatusLine
	}
	p.minor = line[at-2]
	if p.minor != '0' && p.minor != '1' {
		return errStatusLine
	}
	p.code = 0
	for _, c := range line[at : at+3] {
		if c < '0' || c > '9' {
			return errStatusLine
		}
		p.code = p.code*10 + int(c-'0')
	}
	if p.code < 100 || !isText(line[at+3:]) {
		return errStatusLine
	}
	p.state = fieldLine
	return nil
}

// parseField reads "Name: value" (RFC 9112 §5), or the end of the head.
func (p *parser) parseField(line []byte) *exchange.Failure {
	if len(line) == 0 {
		return p.endHead()
	}
	name, value, f := p.splitField(line)
	if f != nil {
		return f
	}
	switch len(name) {
	case len(nameConnection):
		if bytes.EqualFold(name, nameConnection) {
			p.parseConnection(value)
		}
	case len(nameLength):
		if bytes.EqualFold(name, nameLength) {
			return p.parseLength(value)
		}
	case len(nameCoding):
		if bytes.EqualFold(name, nameCoding) {
			if p.chunked || !bytes.EqualFold(value, codingChunked) {
				return errCoding
			}
			p.chunked = true
		}
	case len(nameCacheStatus):
		if bytes.EqualFold(name, nameCacheStatus) {
			p.cache.SetStatus(value)
		}
	case len(nameAge):
		if bytes.EqualFold(name, nameAge) {
			p.cache.SetAge(value)
		}
	case len(nameETag):
		if p.tagged && bytes.EqualFold(name, nameETag) {
			p.tag = append(p.tag[:0], value...)
		}
	}
	return nil
}

var (
	nameConnection  = []byte("connection")
	nameLength      = []byte("content-length")
	nameCoding      = []byte("transfer-encoding")
	nameCacheStatus = []byte("cache-status")
	nameAge         = []byte("age")
	nameETag        = []byte("etag")
	codingChunked   = []byte("chunked")
	tokenClose      = []byte("close")
	tokenKeepAlive  = []byte("keep-alive")
	comma           = []byte(",")
)

// splitField checks a field line and counts it.
func (p *parser) splitField(line []byte) (name, value []byte, f *exchange.Failure) {
	if p.numFields++; p.numFields > maxFields {
		return nil, nil, errFieldCount
	}
	colon := 0
	for colon < len(line) && tokens[line[colon]] {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return nil, nil, errField
	}
	value = trimSpace(line[colon+1:])
	if !isText(value) {
		return nil, nil, errField
	}
	return line[:colon], value, nil
}

// parseConnection is RFC 9110 §7.6.1.
func (p *parser) parseConnection(value []byte) {
	for more := true; more; {
		var option []byte
		option, value, more = bytes.Cut(value, comma)
		option = trimSpace(option)
		p.closes = p.closes || bytes.EqualFold(option, tokenClose)
		p.keepAlive = p.keepAlive || bytes.EqualFold(option, tokenKeepAlive)
	}
}

// parseLength is RFC 9110 §8.6.
func (p *parser) parseLength(value []byte) *exchange.Failure {
	if len(value) == 0 {
		return errLength
	}
	n := int64(0)
	for _, c := range value {
		if c < '0' || c > '9' {
			return errLength
		}
		if n = n*10 + int64(c-'0'); n > maxSize {
			return errLength
		}
	}
	if p.length >= 0 && p.length != n {
		return errLengths
	}
	p.length = n
	return nil
}

// endHead decides what follows a head (RFC 9112 §6.3).
func (p *parser) endHead() *exchange.Failure {
	switch {
	case p.chunked && p.minor == '0': // RFC 9112 §6.1
		return errCoding10
	case p.chunked && p.length >= 0:
		return errCodingLength
	case p.code == 101:
		return errSwitching
	case p.code < 200: // interim: another head follows
		p.state, p.length, p.chunked, p.closes, p.keepAlive = statusLine, -1, false, false, false
		p.cache, p.tag = exchange.CacheNote{}, p.tag[:0]
		return nil
	}
	p.status = p.code
	p.persist = !p.closes && (p.minor == '1' || p.keepAlive) // RFC 9112 §9.3
	switch {
	case !p.hasContent():
		p.state = whole
	case p.chunked:
		p.state = chunkSize
	case p.length == 0:
		p.state = whole
	case p.length > 0:
		p.state, p.remain = counted, p.length
	default:
		p.state, p.persist = toEnd, false
		if p.minor == '1' { // HTTP/1.0 has nothing else
			p.remarks |= exchange.Endless
		}
	}
	return nil
}

// tokens are the bytes of a token (RFC 9110 §5.6.2).
var tokens = func() (t [256]bool) {
	for c := range t {
		t[c] = httpguts.IsTokenRune(rune(c))
	}
	return t
}()

// isText reports whether b may be the value of a field (RFC 9110 §5.5).
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// trimSpace takes off optional whitespace (RFC 9110 §5.6.3).
func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return trimRight(b)
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
