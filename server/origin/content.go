package origin

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// ServeContent answers a GET or HEAD request with content, under the fields
// and validators of head, a 200 whose body is left alone: preconditions,
// If-Range and byte ranges are those of [message.Evaluate] and
// [message.ParseRange]. If a part or the whole cannot be read to its end,
// the response breaks off before its announced length.
func ServeContent(w http.ResponseWriter, r *http.Request, head *message.Response, content Content) {
	status, ranges := message.Evaluate(conditions(r), head)
	switch status {
	case http.StatusNotModified:
		Send(w, r, head.NotModified)
		return
	case http.StatusPreconditionFailed:
		Send(w, r, message.PreconditionFailed)
		return
	}
	size := content.Size()
	spans, verdict := message.ParseRange(ranges, size)
	switch list := spans.All(); {
	case verdict == message.Whole:
		copyFields(w.Header(), head)
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		w.WriteHeader(head.Status)
		if r.Method != http.MethodHead {
			_ = send(w, content, message.Span{First: 0, Last: size - 1})
		}
	case verdict == message.Unsatisfiable:
		Send(w, r, message.NotSatisfiable(head, size))
	case len(list) == 1:
		part := message.PartialHead(head, size, list[0])
		copyFields(w.Header(), part)
		w.WriteHeader(part.Status)
		_ = send(w, content, list[0])
	default:
		sendParts(w, message.NewMultipart(head, size, list), list, content)
	}
}

// sendParts sends spans of content as a multipart/byteranges.
func sendParts(w http.ResponseWriter, frame *message.Multipart, spans []message.Span, content Content) {
	head := frame.Head()
	copyFields(w.Header(), head)
	w.WriteHeader(head.Status)
	for i, span := range spans {
		if _, err := w.Write(frame.PartHead(i)); err != nil {
			return
		}
		if send(w, content, span) != nil {
			return
		}
	}
	_, _ = w.Write(frame.End()) // an error means that the client left
}

// send sends one span. An error means that the client left, or that the
// content is shorter than it was: the engine sees the bytes that are missing.
func send(w http.ResponseWriter, content Content, span message.Span) error {
	n, err := io.Copy(w, io.NewSectionReader(content, span.First, span.Len()))
	if err == nil && n < span.Len() {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Content is what bytes.Reader and io.SectionReader are.
type Content interface {
	io.ReaderAt
	Size() int64 // bytes in all
}

// conditions is the part of a request that [message.Evaluate] reads.
func conditions(r *http.Request) *message.Request {
	view := &message.Request{Method: r.Method}
	for _, name := range [...]string{"If-Match", "If-None-Match", "If-Unmodified-Since", "If-Modified-Since", "Range", "If-Range"} {
		for _, value := range r.Header[name] {
			view.Fields = append(view.Fields, hpack.Field{Name: strings.ToLower(name), Value: value})
		}
	}
	return view
}

// Send answers with resp as it is, whatever the request's conditions.
func Send(w http.ResponseWriter, r *http.Request, resp *message.Response) {
	copyFields(w.Header(), resp)
	w.WriteHeader(resp.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(resp.Body) // an error means that the client left
	}
}

// copyFields sets resp's fields in h.
func copyFields(h http.Header, resp *message.Response) {
	for _, f := range resp.Fields {
		h.Del(f.Name)
	}
	for _, f := range resp.Fields {
		h.Add(f.Name, f.Value)
	}
}
