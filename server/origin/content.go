package origin

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/e0ac7cd4/hotpath/server/message"
)

// ServeContent answers a GET or HEAD request with content, under the fields
// and validators of head, a 200 whose body is left alone: preconditions
// (RFC 9110 §13), If-Range and byte ranges (§14) are [http.ServeContent]'s,
// once a Range that must or may be ignored is taken away.
func ServeContent(w http.ResponseWriter, r *http.Request, head *message.Response, content Content) {
	copyFields(w.Header(), head)
	// Set from the modification time and for the range that is sent.
	w.Header().Del("Last-Modified")
	w.Header().Del("Content-Length")
	if ranges := r.Header["Range"]; len(ranges) > 0 &&
		(r.Method != http.MethodGet || len(ranges) > 1 || !rangeUsable(ranges[0], content.Size())) {
		whole := *r
		whole.Header = r.Header.Clone()
		whole.Header.Del("Range")
		r = &whole
	}
	http.ServeContent(w, r, "", head.LastModified, content)
}

// Content is what bytes.Reader and io.SectionReader are.
type Content interface {
	io.ReadSeeker
	Size() int64 // bytes in all, wherever the reader stands
}

// Send answers with resp as it is, whatever the request's conditions.
func Send(w http.ResponseWriter, r *http.Request, resp *message.Response) {
	if w, ok := w.(message.StoredWriter); ok {
		w.WriteStored(resp)
		return
	}
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

// maxRanges is how many ranges one request may ask for: enough for any real
// client (a PDF reader asks for a handful), few enough that the parts' heads
// stay small beside the parts (CVE-2011-3192).
const maxRanges = 5

// rangeUsable reports whether a Range field is to be acted on for a content of
// size bytes; where it is not, the whole content is the answer, as if there
// were no Range (RFC 9110 §14.2). It is not for another unit than bytes, for a
// malformed list, for more than five ranges, for ranges that overlap, and for
// an empty content, of which there is no part. Ranges of which none can be
// satisfied are to be acted on: with 416.
func rangeUsable(field string, size int64) bool {
	list, ok := strings.CutPrefix(field, "bytes=")
	if !ok || size == 0 {
		return false
	}
	type span struct{ first, last int64 }
	var spans [maxRanges]span
	n, specs := 0, 0
	for spec := range strings.SplitSeq(list, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" {
			continue // an empty list element means nothing (RFC 9110 §5.6.1)
		}
		if specs++; specs > maxRanges {
			return false
		}
		first, last, ok := parseRange(spec, size)
		if !ok {
			return false
		}
		if first > last {
			continue // can't be satisfied
		}
		for _, s := range spans[:n] {
			if first <= s.last && s.first <= last {
				return false
			}
		}
		spans[n] = span{first, last}
		n++
	}
	return specs > 0
}

// parseRange reads one range of a bytes list (RFC 9110 §14.1.2) as the
// positions of its first and last byte in a content of size bytes. first is
// above last where it can't be satisfied; ok is false where it is malformed, or
// asks for the last 0 bytes.
func parseRange(spec string, size int64) (first, last int64, ok bool) {
	from, to, ok := strings.Cut(spec, "-")
	if !ok {
		return 0, 0, false
	}
	if from == "" {
		length, ok := parsePosition(to)
		return max(0, size-length), size - 1, ok && length > 0
	}
	first, ok = parsePosition(from)
	if !ok || to == "" {
		return first, size - 1, ok
	}
	last, ok = parsePosition(to)
	return first, min(last, size-1), ok && first <= last
}

// parsePosition reads 1*DIGIT. A position above an int64 is malformed: nothing
// is that large.
func parsePosition(s string) (int64, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' { // ParseInt would take a sign
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
