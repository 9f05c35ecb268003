package message

import (
	"crypto/rand"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// MaxSpans is how many ranges one request may ask for: enough for any real
// client (a PDF reader asks for a handful), few enough that the parts' heads
// stay small beside the parts (CVE-2011-3192).
const MaxSpans = 5

// Span is a part of a content: the positions of its first and last byte, both
// within the content (RFC 9110 §14.1.2).
type Span struct{ First, Last int64 }

// Len is the number of bytes in the span, 1 or more.
func (s Span) Len() int64 { return s.Last - s.First + 1 }

// Spans is what [ParseRange] found: spans that do not overlap, in the order in
// which they were asked for.
type Spans struct {
	spans [MaxSpans]Span
	n     int
}

// All is the spans, valid as long as s is.
func (s *Spans) All() []Span { return s.spans[:s.n] }

// Verdict is what is to be done about a Range field.
type Verdict uint8

const (
	// Whole: the field is ignored, and the whole content is the answer.
	Whole Verdict = iota
	// Parts: a 206 with the spans.
	Parts
	// Unsatisfiable: a 416.
	Unsatisfiable
)

// ParseRange reads a Range field for a content of size bytes (RFC 9110 §14.2).
// The field is ignored if it has another unit than bytes, is malformed, asks
// for more than [MaxSpans] ranges or for ranges that overlap, and if the content
// is empty, of which there is no part. A position that no integer holds is beyond
// the end of any content (§14.1.1), and so are its last 0 bytes (§14.1.2).
// ParseRange does not allocate.
func ParseRange(field string, size int64) (spans Spans, verdict Verdict) {
	const unit = "bytes="
	// Range units are case-insensitive (RFC 9110 §14.1).
	if size <= 0 || len(field) < len(unit) || !strings.EqualFold(field[:len(unit)], unit) {
		return Spans{}, Whole
	}
	specs := 0
	for spec := range strings.SplitSeq(field[len(unit):], ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" {
			continue // an empty list element means nothing (RFC 9110 §5.6.1)
		}
		if specs++; specs > MaxSpans {
			return Spans{}, Whole
		}
		span, ok := parseSpan(spec, size)
		if !ok {
			return Spans{}, Whole
		}
		if span.First > span.Last {
			continue // begins beyond the end
		}
		for _, s := range spans.spans[:spans.n] {
			if span.First <= s.Last && s.First <= span.Last {
				return Spans{}, Whole
			}
		}
		spans.spans[spans.n] = span
		spans.n++
	}
	switch {
	case specs == 0:
		return Spans{}, Whole
	case spans.n == 0:
		return Spans{}, Unsatisfiable
	}
	return spans, Parts
}

// parseSpan reads one range of a list (RFC 9110 §14.1.2). First is above Last
// if it begins beyond the end, as the last 0 bytes do; ok is false if it is
// malformed.
func parseSpan(spec string, size int64) (span Span, ok bool) {
	from, to, ok := strings.Cut(spec, "-")
	if !ok {
		return Span{}, false
	}
	if from == "" {
		length, ok := parsePosition(to, size)
		return Span{size - length, size - 1}, ok
	}
	first, ok := parsePosition(from, size)
	if !ok || to == "" {
		return Span{first, size - 1}, ok
	}
	last, ok := parsePosition(to, size-1)
	return Span{first, last}, ok && !above(from, to)
}

// parsePosition reads 1*DIGIT, of any length, as a number of limit at most.
func parsePosition(digits string, limit int64) (n int64, ok bool) {
	for i := range len(digits) {
		c := digits[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		d := int64(c - '0')
		if n > (math.MaxInt64-d)/10 {
			n, d = math.MaxInt64/10, math.MaxInt64%10 // and stays there
		}
		n = n*10 + d
	}
	return min(n, limit), digits != ""
}

// above reports whether the decimal a is the larger number.
func above(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return len(a) > len(b) || len(a) == len(b) && a > b
}

// Partial answers with spans of r, a stored 200, as a 206 that shares r's
// memory: one span is its Body, several are a multipart/byteranges in Body and
// More (RFC 9110 §15.3.7). Without spans it is the 416 that names the length
// (§15.5.17). The spans lie within r's Body.
func Partial(r *Response, spans ...Span) *Response {
	size := int64(len(r.Body))
	switch len(spans) {
	case 0:
		return NotSatisfiable(r, size)
	case 1:
		span := spans[0]
		p := PartialHead(r, size, span)
		p.Body = r.Body[span.First : span.Last+1 : span.Last+1]
		return p
	}
	m := NewMultipart(r, size, spans)
	p := m.Head()
	p.Body = m.PartHead(0)
	p.More = make([][]byte, 0, 2*len(spans))
	for i, span := range spans {
		if i > 0 {
			p.More = append(p.More, m.PartHead(i))
		}
		p.More = append(p.More, r.Body[span.First:span.Last+1:span.Last+1])
	}
	p.More = append(p.More, m.End())
	return p
}

// PartialHead is the head of the 206 for one span of a content of size bytes
// whose 200 has the fields and validators of r. Its Body is nil.
func PartialHead(r *Response, size int64, span Span) *Response {
	fields := keep(r.Fields, describesWhole)
	fields = append(fields, hpack.Field{Name: "content-range", Value: contentRange(span, size)})
	return withValidators(r, withLength(http.StatusPartialContent, fields, span.Len()))
}

// NotSatisfiable is the 416 for a content of size bytes whose 200 is r. It has
// r's fields but for those that describe the content or its age.
func NotSatisfiable(r *Response, size int64) *Response {
	length := strconv.FormatInt(size, 10)
	fields := append(keep(r.Fields, describesContent),
		hpack.Field{Name: "content-type", Value: "text/plain; charset=utf-8"},
		hpack.Field{Name: "content-range", Value: "bytes */" + length})
	body := "416 Range Not Satisfiable: the content has " + length + " bytes\n"
	p := withLength(http.StatusRequestedRangeNotSatisfiable, fields, int64(len(body)))
	p.Body, p.Ruled = []byte(body), r.Ruled
	return p
}

// PreconditionFailed is the 412 (RFC 9110 §15.5.13) of every response.
var PreconditionFailed = withLength(http.StatusPreconditionFailed, []hpack.Field{ServerField}, 0)

// Multipart is the frame of a multipart/byteranges content (RFC 9110 §14.6):
// the parts' heads and the end, between which the spans' bytes go.
type Multipart struct {
	whole    *Response
	size     int64
	spans    []Span
	boundary string
	kind     string // the whole's content-type field, "" if it has none
}

// NewMultipart frames spans of a content of size bytes whose 200 has the fields
// of r. The boundary is random: it can't occur in the content by intent.
func NewMultipart(r *Response, size int64, spans []Span) *Multipart {
	m := &Multipart{whole: r, size: size, spans: spans, boundary: rand.Text()}
	for _, f := range r.Fields {
		if f.Name == "content-type" {
			m.kind = f.Value
		}
	}
	return m
}

// Head is the head of the 206, its Body nil.
func (m *Multipart) Head() *Response {
	length := int64(len(m.End()))
	for i, span := range m.spans {
		length += int64(len(m.PartHead(i))) + span.Len()
	}
	fields := keep(m.whole.Fields, func(name string) bool { return name == "content-type" || describesWhole(name) })
	fields = append(fields, hpack.Field{Name: "content-type", Value: "multipart/byteranges; boundary=" + m.boundary})
	return withValidators(m.whole, withLength(http.StatusPartialContent, fields, length))
}

// PartHead is what goes before the bytes of span i.
func (m *Multipart) PartHead(i int) []byte {
	var b []byte
	if i > 0 {
		b = append(b, "\r\n"...)
	}
	b = append(b, "--"+m.boundary+"\r\n"...)
	if m.kind != "" {
		b = append(b, "Content-Type: "+m.kind+"\r\n"...)
	}
	return append(b, "Content-Range: "+contentRange(m.spans[i], m.size)+"\r\n\r\n"...)
}

// End is what goes behind the last span.
func (m *Multipart) End() []byte { return []byte("\r\n--" + m.boundary + "--\r\n") }

func contentRange(s Span, size int64) string {
	b := make([]byte, 0, len("bytes -/")+3*19)
	b = strconv.AppendInt(append(b, "bytes "...), s.First, 10)
	b = strconv.AppendInt(append(b, '-'), s.Last, 10)
	return string(strconv.AppendInt(append(b, '/'), size, 10))
}

// describesWhole reports whether a field of a 200 is wrong in its 206.
func describesWhole(name string) bool {
	return name == "content-length" || name == "content-range"
}

// describesContent reports whether a field of a 200 has no place in an error
// about it: it describes the content, or would let the error be stored for as
// long as the content may be.
func describesContent(name string) bool {
	switch name {
	case "age", "cache-control", "cdn-cache-control", "date", "etag", "expires", "last-modified", "set-cookie":
		return true
	}
	return strings.HasPrefix(name, "content-") && name != "content-security-policy"
}

// keep returns the fields that are not left out, with room for three more.
func keep(fields []hpack.Field, leaveOut func(name string) bool) []hpack.Field {
	kept := make([]hpack.Field, 0, len(fields)+3)
	for _, f := range fields {
		if !leaveOut(f.Name) {
			kept = append(kept, f)
		}
	}
	return kept
}

// withLength makes a head whose content has length bytes.
func withLength(status int, fields []hpack.Field, length int64) *Response {
	return encode(status, append(fields, hpack.Field{Name: "content-length", Value: strconv.FormatInt(length, 10)}), nil)
}

// withValidators gives p the validators of r, whose fields it has, those of the
// site's rules among them: by these nothing is to change anymore, as the
// Content-Type of several parts.
func withValidators(r, p *Response) *Response {
	p.ETag, p.LastModified, p.StrongDate, p.Born = r.ETag, r.LastModified, r.StrongDate, r.Born
	p.Whole, p.Ruled = r, r.Ruled
	return p
}
