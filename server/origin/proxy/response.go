package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// blameless is an error that is no fault of the upstream.
type blameless struct{ error }

// sinkFailed wraps an error of the Sink's.
func sinkFailed(doing string, err error) error {
	if err == nil {
		return nil
	}
	return blameless{fmt.Errorf("%s: %w", doing, err)}
}

// copySize of a buffer: two TLS records, and what io.Copy and httputil use.
const copySize = 32 << 10

var buffers = sync.Pool{New: func() any { return new([copySize]byte) }}

// deliver gives a response to the sink.
func (x *exchange) deliver(ctx context.Context, res *http.Response, upload *io.PipeWriter) error {
	head, err := x.head(res)
	if err != nil {
		return err
	}
	if x.conn != nil && x.reply.status == http.StatusSwitchingProtocols ||
		x.q.kind == connectMethod && head.Status/100 == 2 {
		return x.tunnel(ctx, res, head, upload)
	}
	if upload != nil {
		upload.CloseWithError(errBodyClosed)
	}
	if x.q.translate && head.Status/100 == 2 {
		// To the client it would mean that the tunnel stands (RFC 8441 §5).
		return newError(httpUpgradeFailed, fmt.Errorf("the upgrade was answered with %d", head.Status))
	}
	if err := sinkFailed("passing on the head", x.sink.Head(head)); err != nil {
		return err
	}
	if !hasContent(x.q.kind, head) {
		res.Body.Close()
		return sinkFailed("ending the response", x.sink.End(nil))
	}
	return x.copy(res, head)
}

// hasContent reports whether bytes can follow a head (RFC 9110 §6.4.1).
func hasContent(m method, h origin.Head) bool {
	return m != headMethod && h.Status != http.StatusNoContent && h.Status != http.StatusNotModified && h.Length != 0
}

// copy copies the content.
func (x *exchange) copy(res *http.Response, head origin.Head) error {
	buf := buffers.Get().(*[copySize]byte)
	defer buffers.Put(buf)
	trickles := head.Length < 0 || isEvents(head.Fields)
	if trickles && !x.reply.more {
		if err := sinkFailed("passing on the head", x.sink.Flush()); err != nil {
			return err
		}
	}
	for {
		x.watch.waitFor(waitBody)
		n, err := res.Body.Read(buf[:])
		x.watch.waitFor(waitSink)
		if n > 0 {
			if _, err := x.sink.Write(buf[:n]); err != nil {
				return sinkFailed("passing on the content", err)
			}
		}
		switch {
		case err == io.EOF:
			res.Body.Close()
			return sinkFailed("ending the response", x.sink.End(x.trailers(res)))
		case err != nil:
			return fmt.Errorf("reading the content: %w", err)
		case trickles && n > 0:
			if err := x.sink.Flush(); err != nil {
				return sinkFailed("passing on the content", err)
			}
		}
	}
}

// head is the head for the sink: of HTTP/1.1 the framer's, of HTTP/2 made from
// net/http's, which has checked names and values (RFC 9113 §8.2.1).
func (x *exchange) head(res *http.Response) (origin.Head, error) {
	if x.conn != nil {
		h := origin.Head{Status: x.reply.status, Fields: x.reply.fields, Length: x.reply.length}
		if h.Status != res.StatusCode {
			return h, newError(httpProtocolError, errors.New("the response was read in two ways"))
		}
		if h.Status == http.StatusNoContent {
			h.Length = 0
		}
		return h, nil
	}
	h := origin.Head{Status: res.StatusCode, Length: res.ContentLength}
	if h.Status < 200 || h.Status > 599 {
		return h, newError(httpProtocolError, fmt.Errorf("status %d", h.Status))
	}
	switch lengths := res.Header["Content-Length"]; len(lengths) {
	case 0:
	case 1:
		n, ok := parseLength(lengths[0])
		if !ok {
			return h, newError(httpProtocolError, fmt.Errorf("Content-Length %.40q", lengths[0]))
		}
		h.Length = n
	default:
		return h, newError(httpProtocolError, errors.New("more than one Content-Length"))
	}
	if h.Status == http.StatusNoContent {
		h.Length = 0
	}
	h.Fields = fieldsOf(res.Header)
	return h, nil
}

// fieldsOf makes fields of net/http's header, without those that end at our
// connection.
func fieldsOf(header http.Header) []hpack.Field {
	connection := header["Connection"]
	fields := make([]hpack.Field, 0, len(header))
	for name, values := range header {
		name = lower(name)
		if hopByHop(name) || name == "content-length" || len(connection) > 0 && nominated(connection, name) {
			continue
		}
		for _, v := range values {
			fields = append(fields, hpack.Field{Name: name, Value: v})
		}
	}
	return fields
}

// trailers are the trailer fields, which have come when the content has ended.
func (x *exchange) trailers(res *http.Response) []hpack.Field {
	if x.conn != nil {
		return x.reply.trailers
	}
	var fields []hpack.Field
	for name, values := range res.Trailer {
		if name = lower(name); !trailerAllowed(name) {
			continue
		}
		for _, v := range values {
			fields = append(fields, hpack.Field{Name: name, Value: v})
		}
	}
	return fields
}

// isEvents reports whether a content is server-sent events.
func isEvents(fields []hpack.Field) bool {
	for i := range fields {
		if fields[i].Name == "content-type" {
			kind, _, _ := strings.Cut(fields[i].Value, ";")
			return strings.EqualFold(trimSpace(kind), "text/event-stream")
		}
	}
	return false
}
