package h2

import (
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// errDeadline is what a read or a write past its deadline returns.
var errDeadline = os.ErrDeadlineExceeded

// smallBody is how much of a body is held back until the head must go, so that
// a short response gets a content-length and leaves as one batch.
const smallBody = 4 << 10

// responseWriter is a handler's end of a stream. It belongs to the handler's
// goroutine, as every http.ResponseWriter does.
type responseWriter struct {
	conn     *Conn
	stream   *stream
	out      *output
	request  *http.Request
	headOnly bool // HEAD
	result   metrics.CacheResult

	header   http.Header
	final    http.Header // what header was when WriteHeader was called, and what we add
	status   int         // 0: WriteHeader was not called
	length   int64       // content-length that the handler declared, -1: none
	written  int64
	small    []byte
	headSent bool
	stored   *message.Response // WriteStored was called: nothing else is sent
	deadline time.Time
}

// Header implements http.ResponseWriter.
func (w *responseWriter) Header() http.Header { return w.header }

// SetCacheResult implements message.CacheResultSetter.
func (w *responseWriter) SetCacheResult(r metrics.CacheResult) { w.result = r }

// WriteHeader implements http.ResponseWriter. Informational heads (1xx) are
// sent at once.
func (w *responseWriter) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic("h2: invalid status " + strconv.Itoa(status))
	case w.status != 0 || w.stored != nil:
		w.conn.cfg.Log.Warn("WriteHeader called twice", "path", w.request.URL.Path, "status", status)
		return
	case status == http.StatusSwitchingProtocols:
		w.conn.cfg.Log.Warn("101 does not exist in HTTP/2", "path", w.request.URL.Path) // §8.6
		return
	case status < 200:
		w.conn.post(letter{kind: headLetter, stream: w.stream, head: &responseHead{status: status, fields: w.fields(w.header, false)}})
		return
	}
	w.status, w.final = status, w.header.Clone()
	if n, err := strconv.ParseUint(w.header.Get("Content-Length"), 10, 63); err == nil {
		w.length = int64(n)
	} else {
		delete(w.final, "Content-Length")
	}
}

// Write implements http.ResponseWriter. It waits while the peer takes less
// than the handler writes.
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.stored != nil {
		return 0, http.ErrBodyNotAllowed
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !bodyAllowed(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if w.length >= 0 && w.written+int64(len(p)) > w.length {
		return 0, http.ErrContentLength
	}
	w.written += int64(len(p))
	if w.headOnly {
		w.sniff(p)
		return len(p), nil
	}
	if !w.headSent {
		if len(w.small)+len(p) <= smallBody {
			w.small = append(w.small, p...)
			return len(p), nil
		}
		w.sniff(slices.Concat(w.small, p[:min(len(p), 512)]))
		w.sendHead(false)
	}
	if err := w.writeSmall(); err != nil {
		return 0, err
	}
	return w.out.write(p, w.writeDeadline, w.postOutput)
}

// WriteString implements io.StringWriter.
func (w *responseWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// WriteStored implements message.StoredWriter. The response is sent when the
// handler returns.
func (w *responseWriter) WriteStored(r *message.Response) {
	if w.status != 0 || w.stored != nil {
		w.conn.cfg.Log.Warn("WriteStored after another write", "path", w.request.URL.Path)
		return
	}
	w.stored = r
}

// FlushError sends what was written, the head at least.
func (w *responseWriter) FlushError() error {
	if w.stored != nil {
		return nil
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.headSent {
		w.sniff(w.small)
		w.sendHead(false)
	}
	return w.writeSmall()
}

// Flush implements http.Flusher.
func (w *responseWriter) Flush() { _ = w.FlushError() } // the interface has no error

// SetReadDeadline and SetWriteDeadline serve http.ResponseController.
func (w *responseWriter) SetReadDeadline(t time.Time) error {
	if b := w.stream.body; b != nil {
		b.setDeadline(t)
	}
	return nil
}

// SetWriteDeadline bounds how long a Write may wait for the peer.
func (w *responseWriter) SetWriteDeadline(t time.Time) error {
	w.deadline = t
	return nil
}

// EnableFullDuplex serves http.ResponseController: a stream always is.
func (w *responseWriter) EnableFullDuplex() error { return nil }

func (w *responseWriter) writeDeadline() time.Time { return w.deadline }

func (w *responseWriter) postOutput() {
	w.conn.post(letter{kind: outputLetter, stream: w.stream})
}

func (w *responseWriter) writeSmall() error {
	if len(w.small) == 0 {
		return nil
	}
	_, err := w.out.write(w.small, w.writeDeadline, w.postOutput)
	w.small = nil
	return err
}

// finish ends the response after the handler has returned.
func (w *responseWriter) finish() {
	if w.stored != nil {
		w.conn.post(letter{kind: storedLetter, stream: w.stream, stored: w.stored, result: w.result})
		return
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.length >= 0 && w.written < w.length && !w.headOnly && bodyAllowed(w.status) {
		w.abort() // the client must not take a part for the whole
		return
	}
	trailers := w.trailers()
	if w.headSent {
		w.out.end(trailers)
		w.postOutput()
		return
	}
	if w.length < 0 && bodyAllowed(w.status) && (!w.headOnly || w.written > 0) {
		w.final.Set("Content-Length", strconv.FormatInt(w.written, 10))
	}
	w.sniff(w.small)
	if len(w.small) == 0 && len(trailers) == 0 {
		w.sendHead(true)
		return
	}
	if len(w.small) > 0 { // before the head is posted: they leave together
		if _, err := w.out.write(w.small, w.writeDeadline, func() {}); err != nil {
			return // the stream has ended
		}
	}
	w.out.end(trailers)
	w.sendHead(false)
}

// abort ends a response that cannot be completed: with a 500 where nothing was
// sent, else by resetting the stream.
func (w *responseWriter) abort() {
	if w.headSent {
		w.conn.post(letter{kind: resetLetter, stream: w.stream, code: frame.InternalError})
		return
	}
	clear(w.header)
	w.stored, w.final, w.status, w.length, w.written, w.small = nil, nil, 0, -1, 0, nil
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	w.finish()
}

// sendHead posts the final head; end says that nothing follows.
func (w *responseWriter) sendHead(end bool) {
	w.headSent = true
	w.conn.post(letter{
		kind:   headLetter,
		stream: w.stream,
		head:   &responseHead{status: w.status, fields: w.fields(w.final, w.status != http.StatusNoContent), end: end},
		result: w.result,
	})
}

// sniff sets a content type that the handler left out (as net/http does).
func (w *responseWriter) sniff(p []byte) {
	if _, set := w.final["Content-Type"]; set || len(p) == 0 || w.headSent || w.final.Get("Content-Encoding") != "" {
		return
	}
	w.final.Set("Content-Type", http.DetectContentType(p))
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// fields is a header as HTTP/2 writes it: names in lower case, sorted, what
// belongs to HTTP/1.1 (§8.2.2), to the trailers or to nobody left out. sized is
// that it may have a content-length (RFC 9110 §8.6).
func (w *responseWriter) fields(header http.Header, sized bool) []hpack.Field {
	fields := make([]hpack.Field, 0, len(header)+1)
	if _, named := header["Server"]; !named {
		fields = append(fields, message.ServerField)
	}
	announced := announcedTrailers(header)
	for name, values := range header {
		switch name {
		case "Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade":
			continue
		case "Content-Length":
			if !sized {
				continue
			}
		}
		if strings.HasPrefix(name, http.TrailerPrefix) || slices.Contains(announced, name) {
			continue
		}
		fields = appendFields(fields, name, values)
	}
	slices.SortStableFunc(fields, func(a, b hpack.Field) int { return strings.Compare(a.Name, b.Name) })
	return fields
}

func announcedTrailers(header http.Header) []string {
	var names []string
	for _, line := range header["Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			names = append(names, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	return names
}

// trailers is what the handler set of the trailers it announced, and what it
// named with http.TrailerPrefix.
func (w *responseWriter) trailers() []hpack.Field {
	var fields []hpack.Field
	for _, name := range announcedTrailers(w.final) {
		fields = appendFields(fields, name, w.header[name])
	}
	for name, values := range w.header {
		if bare, prefixed := strings.CutPrefix(name, http.TrailerPrefix); prefixed {
			fields = appendFields(fields, bare, values)
		}
	}
	return fields
}

func appendFields(dst []hpack.Field, name string, values []string) []hpack.Field {
	name = strings.ToLower(name)
	if !validName(name) {
		return dst
	}
	for _, v := range values {
		if v = strings.Trim(v, " \t"); httpguts.ValidHeaderFieldValue(v) {
			dst = append(dst, hpack.Field{Name: name, Value: v})
		}
	}
	return dst
}
