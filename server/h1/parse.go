package h1

import (
	"bytes"
	"sync"
	"unsafe"

	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

var endOfHead = []byte("\r\n\r\n")

// head is the memory that a request head is parsed into: used for one call,
// then pooled.
type head struct {
	request message.Request
	names   []byte // field names in lower case
	key     []byte // what the source calls it
	about   []byte // what the access log tells of it
}

var heads = sync.Pool{New: func() any { return new(head) }}

func (h *head) release() {
	clear(h.request.Fields)
	h.request = message.Request{Fields: h.request.Fields[:0]}
	h.names, h.key = h.names[:0], h.key[:0]
	heads.Put(h)
}

// bareLF reports whether the first line ends in LF alone, which a recipient may
// take for a line's end (RFC 9112 §2.2): then no CRLF need follow.
func bareLF(raw []byte) bool {
	i := bytes.IndexByte(raw, '\n')
	return i == 0 || i > 0 && raw[i-1] != '\r'
}

// parse reads a request head that ends with an empty line, and reports whether
// it is plain: well-formed beyond doubt, and nothing in it that asks for more
// than an answer and another request. raw is borrowed by the request.
func (h *head) parse(raw []byte, maxFields int) (plain bool) {
	if cap(h.names) < len(raw) {
		h.names = make([]byte, 0, len(raw)) // no longer moves
	}
	line, rest, _ := bytes.Cut(raw, endOfHead[:2])
	if !h.parseLine(line) {
		return false
	}
	for {
		line, rest, _ = bytes.Cut(rest, endOfHead[:2])
		if len(line) == 0 {
			return h.request.Authority != ""
		}
		if len(h.request.Fields) == maxFields || !h.parseField(line) {
			return false
		}
	}
}

// parseLine reads the request line: "GET /path HTTP/1.1" (RFC 9112 §3).
func (h *head) parseLine(line []byte) bool {
	line, ok := bytes.CutSuffix(line, []byte(" HTTP/1.1"))
	if !ok {
		return false
	}
	r := &h.request
	method, target, _ := bytes.Cut(line, []byte(" "))
	switch string(method) {
	case "GET":
		r.Method = "GET"
	case "HEAD":
		r.Method = "HEAD"
	default:
		return false
	}
	if len(target) == 0 || target[0] != '/' {
		return false
	}
	for _, c := range target {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	r.Scheme, r.Path = "https", view(target)
	return true
}

// parseField reads a field line: "Name: value" (RFC 9112 §5).
func (h *head) parseField(line []byte) bool {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(name) == 0 {
		return false
	}
	start := len(h.names)
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		} else if c != '-' && (c < 'a' || c > 'z') && !httpguts.IsTokenRune(rune(c)) {
			return false
		}
		h.names = append(h.names, c)
	}
	value = bytes.Trim(value, " \t")
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	f := hpack.Field{Name: view(h.names[start:]), Value: view(value)}
	switch f.Name {
	case "host":
		if h.request.Authority != "" || f.Value == "" || !httpguts.ValidHostHeader(f.Value) {
			return false
		}
		h.request.Authority = f.Value
	case "connection":
		if !httpguts.HeaderValuesContainsToken([]string{f.Value}, "keep-alive") || len(f.Value) != len("keep-alive") {
			return false
		}
	case "upgrade", "http2-settings", "transfer-encoding", "content-length", "expect", "trailer":
		return false
	}
	h.request.Fields = append(h.request.Fields, f)
	return true
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
