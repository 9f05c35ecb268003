package proxy

import (
	"bytes"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// framer follows the bytes of the responses on one HTTP/1.1 connection, accepts
// only what RFC 9112 allows, and finds the byte at which each response ends. It
// reads no socket and holds no content.
//
// net/http's own reader is behind it and sees only bytes that passed. That
// reader joins folded lines, takes a bare LF for a line's end, drops a
// Content-Length beside a Transfer-Encoding, and gives bytes behind a response
// to the next request when that is fast enough: each is how two parties come to
// see different responses in the same bytes (RFC 9112 §11).
type framer struct {
	stage  stage
	out    *reply // of the exchange that is going on
	method method

	left     uint64 // bytes of the content or the chunk that are to come
	digits   int    // of the chunk size so far
	ext      bool   // in a chunk extension
	line     int    // bytes of the chunk-size line so far
	informs  int    // informational heads of this response
	partial  []byte // of a head or a trailer section that came in pieces
	scanned  int    // bytes of partial that hold no end
	sawSpace bool   // white space behind a chunk size: an extension or the end follows
	asked    bool   // 100 (Continue) came
	final    int    // where a final head ended in what next saw last, 0 if none did
	spare    int    // length of a final head that came whole and first in what next saw last: see shorten
}

// reply is what a framer found out about one response. It is written before the
// last byte of the head (or of the trailers) is passed on, and then left alone.
type reply struct {
	status   int
	fields   []hpack.Field // without hop-by-hop fields and Content-Length
	length   int64         // of Content-Length, -1 without one
	upgrade  string        // the Upgrade field
	began    atomic.Bool   // a byte of the response has arrived; the fetch looks at any time
	more     bool          // bytes of the content came with the head
	trailers []hpack.Field
}

// method is what of a request's method the end of its response depends on.
type method uint8

const (
	otherMethod method = iota
	headMethod
	connectMethod
	upgradeMethod // a request with an Upgrade field
)

// stage is the part of a response that the next byte belongs to.
type stage uint8

const (
	stageDone stage = iota // no response is expected
	stageHead
	stageLength // in a content of a known length
	stageClose  // in a content that the connection's end ends
	stageChunkSize
	stageChunkSizeLF
	stageChunkData
	stageChunkCR
	stageChunkLF
	stageTrailers
	stageTunnel
)

const (
	// maxHead is the largest response head. 64 KiB is eight times what
	// servers send with all their cookies and policies.
	maxHead = 64 << 10
	// maxFields bounds what a head of many tiny fields costs: 40 bytes each
	// beside its text.
	maxFields = 256
	// maxTrailers: checksums, timings and a status are a few hundred bytes.
	// net/http needs the section whole in its buffer of bufferSize.
	maxTrailers = 3 << 10
	// maxInforms is how many informational heads may precede a response:
	// 102 every few seconds, and 103 more than once.
	maxInforms = 32
	// maxChunkLine is the longest chunk-size line. Extensions have no known use;
	// each byte of them is work without content.
	maxChunkLine = 256
	// maxChunkDigits keeps the size of a chunk within 60 bits.
	maxChunkDigits = 15
)

// begin expects a response to a request.
func (f *framer) begin(m method, out *reply) {
	*f = framer{stage: stageHead, out: out, method: m, partial: f.partial[:0]}
}

// done reports that the response has ended, so that no byte may come.
func (f *framer) done() bool { return f.stage == stageDone }

// cut reports whether a response has begun that an end of the connection here
// would leave incomplete (RFC 9112 §8).
func (f *framer) cut() bool {
	return f.out.began.Load() && f.stage != stageDone && f.stage != stageClose && f.stage != stageTunnel
}

// next follows p, the next bytes. n is how many of them are part of the
// response: fewer than len(p), without an error, if it ended before. An error
// is final; the n bytes before it are sound.
func (f *framer) next(p []byte) (n int, err error) {
	if len(p) > 0 && !f.out.began.Load() {
		f.out.began.Store(true)
	}
	f.spare, f.final = 0, 0
	for n < len(p) && f.stage != stageDone {
		rest := p[n:]
		used := 0
		switch f.stage {
		case stageHead:
			pieces := len(f.partial) > 0
			used, err = f.section(rest, maxHead, httpResponseHeadSize, f.head)
			if f.stage != stageHead && err == nil {
				f.final = n + used
				f.out.more = used < len(rest)
			}
			if n == 0 && !pieces && (f.stage == stageLength || f.stage == stageDone || f.stage == stageClose) {
				f.spare = used
			}
		case stageTrailers:
			used, err = f.section(rest, maxTrailers, httpResponseTrailerSize, f.trailers)
		case stageLength, stageChunkData:
			used = int(min(uint64(len(rest)), f.left))
			if f.left -= uint64(used); f.left == 0 {
				if f.stage == stageChunkData {
					f.stage = stageChunkCR
				} else {
					f.stage = stageDone
				}
			}
		case stageClose, stageTunnel:
			return len(p), nil
		default:
			used, err = 1, f.chunk(rest[0])
		}
		if err != nil {
			return n, err
		}
		n += used
	}
	return n, nil
}

// section collects a head or a trailer section, and gives it to take when it
// is whole. A line that does not end with CR LF is refused at once.
func (f *framer) section(p []byte, limit int, kind string, take func([]byte) error) (used int, err error) {
	whole, fresh := p, 0
	if len(f.partial) > 0 {
		fresh = len(f.partial)
		f.partial = append(f.partial, p...)
		whole = f.partial
	}
	start := f.scanned // of a line
	for {
		end := bytes.IndexByte(whole[start:], '\n')
		if end < 0 {
			break
		}
		end += start
		if end == 0 || whole[end-1] != '\r' {
			return 0, &protocolError{httpProtocolError, "a line of the head ends with a bare LF"}
		}
		if end+1 > limit {
			break
		}
		if end-1 == start {
			if err := take(whole[:end+1]); err != nil {
				return 0, err
			}
			used = end + 1 - fresh
			if f.scanned = 0; cap(f.partial) > bufferSize {
				f.partial = nil // an idle connection keeps no large one
			}
			f.partial = f.partial[:0]
			return used, nil
		}
		start = end + 1
	}
	if len(whole) > limit {
		return 0, &protocolError{kind, "the fields are longer than the limit"}
	}
	if fresh == 0 {
		f.partial = append(f.partial[:0], p...)
	}
	f.scanned = start
	return len(p), nil
}

// head takes the head of a response and decides what follows it (RFC 9112
// §6.3).
func (f *framer) head(block []byte) error {
	h, err := parseHead(block)
	if err != nil {
		return err
	}
	if 100 <= h.status && h.status <= 199 && h.status != 101 {
		if f.informs++; f.informs > maxInforms {
			return &protocolError{httpProtocolError, "more informational responses than the limit"}
		}
		if h.coded || h.length > 0 {
			return &protocolError{httpProtocolError, "an informational response with a content"}
		}
		f.asked = f.asked || h.status == 100
		return nil // net/http passes it on
	}
	f.out.status, f.out.fields, f.out.length, f.out.upgrade = h.status, h.fields, h.length, h.upgrade
	switch {
	case h.status == 101:
		if f.method != upgradeMethod {
			return &protocolError{httpUpgradeFailed, "101 without a request to upgrade"}
		}
		f.stage = stageTunnel
	case h.status == 204 && h.coded:
		return &protocolError{httpTransferCoding, "a Transfer-Encoding in a 204"} // RFC 9112 §6.1
	case f.method == connectMethod && h.status/100 == 2:
		if h.coded || h.length > 0 {
			return &protocolError{httpProtocolError, "a content in the answer to CONNECT"} // RFC 9110 §9.3.6
		}
		f.stage = stageTunnel
	case f.method == headMethod, h.status == 204, h.status == 304:
		f.stage = stageDone
	case h.coded:
		f.stage = stageChunkSize
	case h.length > 0:
		f.stage, f.left = stageLength, uint64(h.length)
	case h.length == 0:
		f.stage = stageDone
	default:
		f.stage = stageClose
	}
	return nil
}

// trailers takes the trailer section, the end of a chunked content.
func (f *framer) trailers(block []byte) error {
	fields, err := parseTrailers(block)
	if err != nil {
		return err
	}
	f.out.trailers = fields
	f.stage = stageDone
	return nil
}

// chunk takes one byte of what is around the chunks (RFC 9112 §7.1).
func (f *framer) chunk(c byte) error {
	switch f.stage {
	case stageChunkSize:
		return f.chunkSize(c)
	case stageChunkSizeLF:
		if c != '\n' {
			return &protocolError{httpTransferCoding, "a chunk-size line with a bare CR"}
		}
		if f.stage = stageChunkData; f.left == 0 {
			f.stage = stageTrailers
		}
	case stageChunkCR:
		if c != '\r' {
			return &protocolError{httpTransferCoding, "a chunk longer than its size"}
		}
		f.stage = stageChunkLF
	case stageChunkLF:
		if c != '\n' {
			return &protocolError{httpTransferCoding, "a chunk without CR LF behind it"}
		}
		f.stage, f.digits, f.line, f.ext, f.sawSpace = stageChunkSize, 0, 0, false, false
	}
	return nil
}

func (f *framer) chunkSize(c byte) error {
	if f.line++; f.line > maxChunkLine {
		return &protocolError{httpTransferCoding, "a chunk-size line longer than the limit"}
	}
	digit := hexDigit(c)
	switch {
	case c == '\r':
		if f.digits == 0 {
			return &protocolError{httpTransferCoding, "a chunk without a size"}
		}
		f.stage = stageChunkSizeLF
	case f.ext:
		if c < ' ' && c != '\t' || c == 0x7f {
			return &protocolError{httpTransferCoding, "a control character in a chunk extension"}
		}
	case c == ';' && f.digits > 0:
		f.ext = true
	case (c == ' ' || c == '\t') && f.digits > 0:
		f.sawSpace = true // old servers pad the size
	case digit < 0 || f.sawSpace:
		return &protocolError{httpTransferCoding, "a chunk size that is no hexadecimal number"}
	default:
		if f.digits++; f.digits > maxChunkDigits {
			return &protocolError{httpTransferCoding, "a chunk size beyond 60 bits"}
		}
		if f.digits == 1 {
			f.left = 0
		}
		f.left = f.left<<4 | uint64(digit)
	}
	return nil
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
