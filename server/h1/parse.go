package h1

import (
	"bytes"
	"sync"
	"unsafe"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/perclient"
)

var (
	crlf      = []byte("\r\n")
	endOfHead = []byte("\r\n\r\n")
)

// head is a request head as it was read, and the memory that it is parsed into:
// used for one call, then pooled. Its strings borrow the bytes that were parsed.
type head struct {
	request message.Request
	lookup  message.Lookup
	names   []byte // field names in lower case
	about   []byte // the request, for the access log
	client  perclient.Client

	proto   message.Proto
	content framing // none, sized or chunked
	length  int64   // if content is sized
	close   bool    // the client's last request
	expects bool    // 100-continue, on a request with content
	upgrade string  // the protocol that is asked for; "": none

	// What decides about those, while the fields are read.
	absolute         bool // the target names the host
	lengths, codings int  // lines
	unknown          bool // a coding
	persist          bool // Connection: keep-alive
	upgradable       bool // Connection: upgrade
	expectation      bool // of any kind
}

var heads = sync.Pool{New: func() any { return newHead() }}

func newHead() *head { return &head{proto: message.HTTP11} }

func (h *head) release() {
	h.reset()
	heads.Put(h)
}

func (h *head) reset() {
	clear(h.request.Fields)
	h.lookup.Reset()
	*h = head{
		request: message.Request{Fields: h.request.Fields[:0]},
		lookup:  h.lookup,
		names:   h.names[:0],
		about:   h.about[:0],
		proto:   message.HTTP11,
	}
}

// limits bound a head.
type limits struct{ bytes, fields int }

// plain reports whether the request is one of many alike: kept alive by
// default, without content or anything special.
func (h *head) plain() bool {
	return h.proto == message.HTTP11 && h.content == none && !h.close && h.upgrade == "" && !h.absolute && !h.expectation
}

// parse reads a request head that ends with an empty line. It returns nil, or
// why it is refused: anything that is not well-formed beyond doubt (RFC 9112
// §2.2, §11). raw is borrowed by h.
func (h *head) parse(raw []byte, l limits) *refusal {
	if cap(h.names) < len(raw) {
		h.names = make([]byte, 0, len(raw)) // no longer moves
	}
	line, rest, _ := bytes.Cut(raw, crlf)
	if r := h.parseLine(line); r != nil {
		return r
	}
	switch {
	case len(line)+len(crlf) > l.bytes:
		return tooLongTarget
	case len(raw) > l.bytes:
		return tooLargeHead
	}
	for {
		line, rest, _ = bytes.Cut(rest, crlf)
		if len(line) == 0 {
			return h.judge()
		}
		if len(h.request.Fields) == l.fields {
			return tooManyFields
		}
		if r := h.parseField(line); r != nil {
			return r
		}
	}
}

// refuseEarly judges a head of which only raw, without an end, has come: nil if
// it may still become a request.
func (h *head) refuseEarly(raw []byte, l limits) *refusal {
	line, _, whole := bytes.Cut(raw, crlf)
	switch {
	case bareLF(raw):
		return bareLineFeed
	case whole:
		if r := h.parseLine(line); r != nil {
			return r
		}
		if len(raw) >= l.bytes {
			return tooLargeHead
		}
	case len(raw) >= l.bytes:
		return tooLongTarget
	case lowerName[raw[0]] == 0:
		return badMethod
	}
	return nil
}

// bareLF reports whether a line ends in LF alone, which RFC 9112 §2.2 lets a
// recipient take for a line's end, and which others do not take for one.
func bareLF(raw []byte) bool {
	for from := 0; ; {
		i := bytes.IndexByte(raw[from:], '\n')
		if i < 0 {
			return false
		}
		if i += from; i == 0 || raw[i-1] != '\r' {
			return true
		}
		from = i + 1
	}
}

// parseField reads a field line: "Name: value" (RFC 9112 §5).
func (h *head) parseField(line []byte) *refusal {
	f, ok := h.splitField(line)
	if !ok {
		return badField
	}
	h.request.Fields = append(h.request.Fields, f)
	return h.note(&h.request.Fields[len(h.request.Fields)-1])
}

func (h *head) splitField(line []byte) (f hpack.Field, ok bool) {
	start := len(h.names)
	var value []byte
	h.names, value, ok = appendName(h.names, line)
	return hpack.Field{Name: view(h.names[start:]), Value: view(value)}, ok
}

// appendName appends a field line's name to dst, in lower case, and returns its
// value without the space around it. ok is false if the line is malformed: no
// colon, a name that is no token, so also one with space before the colon and a
// folded line (obs-fold), or a control character.
func appendName(dst, line []byte) (names, value []byte, ok bool) {
	for i, c := range line {
		if l := lowerName[c]; l != 0 {
			dst = append(dst, l)
			continue
		}
		if c != ':' || i == 0 {
			return dst, nil, false
		}
		value = bytes.Trim(line[i+1:], " \t")
		for _, c := range value {
			if c < ' ' && c != '\t' || c == 0x7f {
				return dst, nil, false
			}
		}
		return dst, value, true
	}
	return dst, nil, false
}

// lowerName is the lower case of a character of a token (RFC 9110 §5.6.2); 0
// for any other.
var lowerName = func() (t [256]byte) {
	for c := '0'; c <= '9'; c++ {
		t[c] = byte(c)
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-0x20] = byte(c), byte(c)
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		t[c] = c
	}
	return t
}()

func isToken(s []byte) bool {
	for _, c := range s {
		if lowerName[c] == 0 {
			return false
		}
	}
	return len(s) > 0
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
