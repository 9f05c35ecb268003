package nethttp

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/stream"
)

// responseWriter is a handler's end of an exchange.
type responseWriter struct {
	reply  message.Reply
	path   string
	header http.Header
	final  http.Header // what header was when WriteHeader was called, and what we add
	status int         // 0: WriteHeader was not called
	length int64       // content-length that the handler declared, -1: none
	begun  bool        // the reply has its head
	start  []byte      // of the content, held back until its type is known
}

// Header implements http.ResponseWriter.
func (w *responseWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. Informational heads (1xx) are
// sent at once.
func (w *responseWriter) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic("invalid status " + strconv.Itoa(status))
	case w.status != 0, status == http.StatusSwitchingProtocols:
		return // the first one holds; there is no 101 without a tunnel
	case status < 200:
		_ = w.reply.Inform(status, fields(w.header, nil)) // the next write has the error too
		return
	}
	w.status, w.final = status, w.header.Clone()
	if n, err := strconv.ParseUint(w.header.Get("Content-Length"), 10, 63); err == nil {
		w.length = int64(n)
	}
}

// Write implements http.ResponseWriter. It waits while the client takes less
// than the handler writes.
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !stream.BodyAllowed(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if !w.begun {
		if _, named := w.final["Content-Type"]; !named && len(w.start)+len(p) < sniffLength {
			if w.length >= 0 && int64(len(w.start)+len(p)) > w.length {
				return 0, http.ErrContentLength
			}
			w.start = append(w.start, p...)
			return len(p), nil
		}
		if err := w.begin(p); err != nil {
			return 0, err
		}
	}
	return w.reply.Write(p)
}

// sniffLength is what [http.DetectContentType] looks at.
const sniffLength = 512

// WriteString implements io.StringWriter.
func (w *responseWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// begin gives the reply its head and what was held back, if it has none. A
// content type that the handler left out is taken from the start of the content,
// as net/http does; next is what comes behind what was held back.
func (w *responseWriter) begin(next []byte) error {
	if w.begun {
		return nil
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if start := slices.Concat(w.start, next[:min(len(next), sniffLength)]); len(start) > 0 && w.final.Get("Content-Encoding") == "" {
		if _, named := w.final["Content-Type"]; !named {
			w.final.Set("Content-Type", http.DetectContentType(start))
		}
	}
	w.begun = true
	err := w.reply.Head(message.Head{Status: w.status, Fields: fields(w.final, announcedTrailers(w.final)), Length: w.length})
	if err == nil && len(w.start) > 0 {
		_, err = w.reply.Write(w.start)
	}
	w.start = nil
	return err
}

// FlushError sends what was written, the head at least.
func (w *responseWriter) FlushError() error {
	if err := w.begin(nil); err != nil {
		return err
	}
	return w.reply.Flush()
}

// Flush implements http.Flusher.
func (w *responseWriter) Flush() { _ = w.FlushError() } // the interface has no error

// SetReadDeadline and SetWriteDeadline serve http.ResponseController.
func (w *responseWriter) SetReadDeadline(t time.Time) error {
	w.reply.SetReadDeadline(t)
	return nil
}

// SetWriteDeadline bounds how long a Write may wait for the client.
func (w *responseWriter) SetWriteDeadline(t time.Time) error {
	w.reply.SetWriteDeadline(t)
	return nil
}

// EnableFullDuplex serves http.ResponseController: an exchange always is.
func (w *responseWriter) EnableFullDuplex() error { return nil }

// finish ends the response after the handler has returned.
func (w *responseWriter) finish() {
	if w.begin(nil) == nil {
		_ = w.reply.End(w.trailers()) // the client is gone, or sees that it was broken off
	}
}

// fields is a header as a message has it: names in lower case, sorted; what
// frames the message or belongs to its trailers is left out.
func fields(header http.Header, trailers []string) []hpack.Field {
	all := make([]hpack.Field, 0, len(header)+1)
	for name, values := range header {
		switch name {
		case "Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Content-Length":
			continue
		}
		if strings.HasPrefix(name, http.TrailerPrefix) || slices.Contains(trailers, name) {
			continue
		}
		all = appendFields(all, name, values)
	}
	slices.SortStableFunc(all, func(a, b hpack.Field) int { return strings.Compare(a.Name, b.Name) })
	return all
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
	var all []hpack.Field
	for _, name := range announcedTrailers(w.final) {
		all = appendFields(all, name, w.header[name])
	}
	for name, values := range w.header {
		if bare, prefixed := strings.CutPrefix(name, http.TrailerPrefix); prefixed {
			all = appendFields(all, bare, values)
		}
	}
	return all
}

func appendFields(dst []hpack.Field, name string, values []string) []hpack.Field {
	if !httpguts.ValidHeaderFieldName(name) {
		return dst
	}
	name = strings.ToLower(name)
	for _, v := range values {
		if v = strings.Trim(v, " \t"); httpguts.ValidHeaderFieldValue(v) {
			dst = append(dst, hpack.Field{Name: name, Value: v})
		}
	}
	return dst
}
