package h3

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/quic-go/qpack"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// fieldOverhead is what a field counts for beside its text (RFC 9114 §4.2.2).
const fieldOverhead = 32

// fieldBytes is what an hpack.Field takes beside its text.
const fieldBytes = 40

// errSection is a field section that cannot be decoded (RFC 9204 §2.2).
var errSection = errors.New("the field section cannot be decoded")

// decodeFields appends the fields of a section to dst, whose text is their own. It
// stops, with truncated set, at the field that exceeds most, in bytes as RFC 9114
// counts them, or count.
func decodeFields(dst []hpack.Field, section []byte, most, count int) (fields []hpack.Field, truncated bool, err error) {
	next := qpack.NewDecoder().Decode(section)
	size := 0
	for {
		f, err := next()
		if err == io.EOF {
			return dst, false, nil
		}
		if err != nil {
			return dst, false, errors.Join(errSection, err)
		}
		size += len(f.Name) + len(f.Value) + fieldOverhead
		if size > most || len(dst) == count {
			return dst, true, nil
		}
		dst = append(dst, hpack.Field{Name: f.Name, Value: f.Value})
	}
}

// encoder makes HEADERS frames. They refer to the static table alone, so that they
// are right at any time.
type encoder struct {
	section bytes.Buffer
	qpack   *qpack.Encoder
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.qpack = qpack.NewEncoder(&e.section)
	return e
}}

// begin begins a section.
func begin() *encoder {
	e := encoders.Get().(*encoder)
	e.section.Reset()
	_ = e.qpack.Close() // begins anew; it has no error
	return e
}

func (e *encoder) add(name, value string) {
	_ = e.qpack.WriteField(qpack.HeaderField{Name: name, Value: value}) // a buffer takes all
}

// end appends the frame to dst.
func (e *encoder) end(dst []byte) []byte {
	dst = appendFrameHead(dst, frameHeaders, e.section.Len())
	dst = append(dst, e.section.Bytes()...)
	encoders.Put(e)
	return dst
}

// appendStored appends the head of a whole response. status is the value of
// Cache-Status, "" for none.
func appendStored(dst []byte, r *message.Response, date *message.DateText, status string) []byte {
	e := begin()
	e.add(":status", strconv.Itoa(r.Status))
	for i := range r.Fields {
		e.add(r.Fields[i].Name, r.Fields[i].Value)
	}
	switch {
	case r.Born == 0:
		e.add(date.Field.Name, date.Field.Value)
	case !r.Ageless:
		e.add("age", strconv.FormatInt(r.Age(date.Unix), 10))
	}
	if status != "" {
		e.add(message.CacheStatus, status)
	}
	return e.end(dst)
}

// appendHead appends the head of a response that a handler writes. Final ones get
// server and date if the handler has given none. What belongs to HTTP/1.1 alone is
// left out (RFC 9114 §4.2).
func appendHead(dst []byte, h *message.Head, date *message.DateText, status string) []byte {
	e := begin()
	e.add(":status", strconv.Itoa(h.Status))
	dated, named := h.Status < 200, h.Status < 200 || h.Unnamed
	for _, f := range h.Fields {
		switch f.Name {
		case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "content-length":
			continue
		case "date":
			dated = true
		case "server":
			named = true
		}
		e.add(f.Name, f.Value)
	}
	if !named {
		e.add(message.ServerField.Name, message.ServerField.Value)
	}
	if !dated {
		e.add(date.Field.Name, date.Field.Value)
	}
	if h.Status >= 200 && h.Length >= 0 && h.Status != http.StatusNoContent {
		e.add("content-length", strconv.FormatInt(h.Length, 10))
	}
	if status != "" {
		e.add(message.CacheStatus, status)
	}
	return e.end(dst)
}

// appendTrailers appends the fields that end a response.
func appendTrailers(dst []byte, fields []hpack.Field) []byte {
	e := begin()
	for _, f := range fields {
		e.add(f.Name, f.Value)
	}
	return e.end(dst)
}
