package message

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/memory"
)

// ServerField names us in every response, as nginx, h2o and Caddy do.
var ServerField = hpack.Field{Name: "server", Value: "hotpath"}

// Response is a stored response: immutable once made, shared by every
// connection that serves it, and never copied but into a socket's buffer.
type Response struct {
	Status int

	// Fields are the response's fields, names in lower case. What changes
	// with time is not among them: an engine adds it when it sends.
	Fields []hpack.Field

	// Ruled is what Fields were before the site's rules; nil: there are none, or
	// not yet.
	Ruled *Ruled

	// Born is the Unix second from which Age counts (RFC 9111 §4.2.3), for
	// a response of another server, whose date is among Fields. 0 means that
	// we are the origin: then date is added instead.
	Born int64

	// Ageless leaves out age, which would say that the origin did not make the
	// response for the request (RFC 9111 §5.1): see [Response.ForMaker].
	Ageless bool

	// MayBeCoded is that the content may also be sent in a content coding: see
	// [Response.Codable].
	MayBeCoded bool

	// Dictionary is that clients may keep the content as a dictionary for the one
	// that takes its place: see [Response.AsDictionary].
	Dictionary bool

	// Body is the whole content; nil for 204 and 304.
	Body []byte

	// More goes on the wire behind Body: the rest of a multipart/byteranges,
	// by turns a span of the stored body and the head of the next part. Nil
	// for every other response.
	More [][]byte

	// ETag and LastModified are the validators (RFC 9110 §8.8); "" and the
	// zero time if there is none.
	ETag         string
	LastModified time.Time

	// StrongDate says that LastModified is a strong validator: the content
	// was seen at least a second after it, so that another content has
	// another date (RFC 9110 §8.8.2.2).
	StrongDate bool

	// NotModified is the 304 that answers a request whose condition shows
	// that its copy is current; nil if there is none: of our own responses
	// those without a validator have none.
	NotModified *Response

	// Block is the HPACK encoding of :status and Fields without a
	// reference to a dynamic table: right on any connection, at any time.
	Block []byte

	// Head is the HTTP/1.1 status line and Fields, each line with its CRLF,
	// without the empty line that ends the head: see AppendHead.
	Head []byte

	// Pins counts what holds the response in memory; see package memory. A
	// part of a stored response, which shares its memory, has Whole set.
	Pins  memory.Pins
	Whole *Response

	// ID is another one for each response made, so that an engine can
	// recognize it without keeping it in memory.
	ID uint64
}

// Ruled is a response without the rules of its site.
type Ruled struct {
	// Fields are as the origin has sent them: what is decided about a stored
	// response is decided by these (see [Response.AsSent]).
	Fields []hpack.Field

	// Failed is the 412 by the rules; nil: [PreconditionFailed].
	Failed *Response
}

var lastID atomic.Uint64

// Root is the response whose memory r is made of: mostly r itself.
func (r *Response) Root() *Response {
	if r.Whole != nil {
		return r.Whole.Root()
	}
	return r
}

// Pinned is the pins of the response whose memory r is made of.
func (r *Response) Pinned() *memory.Pins {
	return &r.Root().Pins
}

// New makes a stored response. fields have lower-case names and neither date,
// server nor content-length: those are added here and by the engines. Fields
// and body must not be changed afterwards. etag and modified, if given, are
// added as fields.
func New(status int, fields []hpack.Field, body []byte, etag string, modified time.Time) *Response {
	all := make([]hpack.Field, 0, len(fields)+4)
	all = append(all, ServerField)
	all = append(all, fields...)
	if etag != "" {
		all = append(all, hpack.Field{Name: "etag", Value: etag})
	}
	if !modified.IsZero() {
		all = append(all, hpack.Field{Name: "last-modified", Value: modified.UTC().Format(http.TimeFormat)})
	}
	r := encode(status, append(all, hpack.Field{Name: "content-length", Value: strconv.Itoa(len(body))}), body)
	r.ETag, r.LastModified = etag, modified
	if status == http.StatusOK && (etag != "" || !modified.IsZero()) {
		r.NotModified = encode(http.StatusNotModified, notModifiedFields(all), nil)
		r.NotModified.ETag, r.NotModified.LastModified = etag, modified
	}
	return r
}

// Stored makes the response of another server that is to be stored: fields have
// lower-case names and no content-length; body is the whole content. Age counts
// from the Unix second born. Validators and the 304 are taken from the fields.
func Stored(status int, fields []hpack.Field, body []byte, born int64) *Response {
	r := Opened(status, fields, int64(len(body)))
	r.Body = body
	r.describe(fields, born)
	return r
}

// ForMaker is r, a stored response or a part of one, for the request for which the
// origin made it: without age. It shares the memory of r.
func (r *Response) ForMaker() *Response {
	if r.Born == 0 {
		return r // is ours, and has none
	}
	return &Response{
		Status: r.Status, Fields: r.Fields, Born: r.Born, Ageless: true, Body: r.Body, More: r.More,
		ETag: r.ETag, LastModified: r.LastModified, StrongDate: r.StrongDate, NotModified: r.NotModified,
		Ruled: r.Ruled, Block: r.Block, Head: r.Head, Whole: r, ID: lastID.Add(1),
	}
}

// AsSent are the fields as the origin has sent them.
func (r *Response) AsSent() []hpack.Field {
	if r.Ruled != nil {
		return r.Ruled.Fields
	}
	return r.Fields
}

// Rewritten is r with the fields that change makes of its own, for which it is
// encoded anew; its 304 too. failed is its 412. It has the body of r, and counts as
// another response in memory, unless r is a part of one.
func (r *Response) Rewritten(change func([]hpack.Field) []hpack.Field, failed *Response) *Response {
	w := encode(r.Status, change(r.Fields), r.Body)
	w.Ruled = &Ruled{r.Fields, failed}
	w.Born, w.Ageless, w.More, w.Whole = r.Born, r.Ageless, r.More, r.Whole
	w.ETag, w.LastModified, w.StrongDate = r.ETag, r.LastModified, r.StrongDate
	if r.NotModified != nil {
		w.NotModified = r.NotModified.Rewritten(change, failed)
	}
	return w
}

// describe takes age and validators from the fields, and makes the 304.
func (r *Response) describe(fields []hpack.Field, born int64) {
	r.Born = born
	var date time.Time
	for _, f := range fields {
		switch f.Name {
		case "etag":
			r.ETag = f.Value
		case "last-modified":
			r.LastModified, _ = http.ParseTime(f.Value) // zero: no validator
		case "date":
			date, _ = http.ParseTime(f.Value)
		}
	}
	// RFC 9110 §8.8.2.2
	r.StrongDate = !r.LastModified.IsZero() && date.Sub(r.LastModified) >= time.Second
	if r.Status == http.StatusOK {
		// Also without a validator: "*" matches, and Date stands in for
		// Last-Modified (RFC 9111 §4.3.2).
		r.NotModified = encode(http.StatusNotModified, notModifiedFields(fields), nil)
		r.NotModified.ETag, r.NotModified.LastModified, r.NotModified.Born = r.ETag, r.LastModified, born
	}
}

// Opened makes the head of a response whose content is still to come: length
// is its size in bytes, -1 if that is not known yet. fields have lower-case
// names and no content-length. A 204 gets none (RFC 9110 §8.6).
func Opened(status int, fields []hpack.Field, length int64) *Response {
	if length < 0 || status == http.StatusNoContent {
		return encode(status, fields, nil)
	}
	return withLength(status, append(make([]hpack.Field, 0, len(fields)+1), fields...), length)
}

// OpenedStored is the head of a response that is being stored while its content
// comes; see [Stored].
func OpenedStored(status int, fields []hpack.Field, length, born int64) *Response {
	r := Opened(status, fields, length)
	r.describe(fields, born)
	return r
}

// notModifiedFields leaves what describes the content out of a 304
// (RFC 9110 §15.4.5).
func notModifiedFields(all []hpack.Field) []hpack.Field {
	kept := make([]hpack.Field, 0, len(all))
	for _, f := range all {
		switch f.Name {
		case "content-type", "content-encoding", "content-language", "content-range", "accept-ranges":
		default:
			kept = append(kept, f)
		}
	}
	return kept
}

func encode(status int, fields []hpack.Field, body []byte) *Response {
	r := &Response{Status: status, Fields: fields, Body: body, ID: lastID.Add(1)}
	r.Block = hpack.AppendStatus(r.Block, status)
	for _, f := range fields {
		r.Block = hpack.AppendLiteral(r.Block, f)
	}
	r.Head = append(r.Head, "HTTP/1.1 "...)
	r.Head = strconv.AppendInt(r.Head, int64(status), 10)
	r.Head = append(r.Head, ' ')
	r.Head = append(r.Head, http.StatusText(status)...)
	r.Head = append(r.Head, "\r\n"...)
	for _, f := range fields {
		r.Head = append(r.Head, f.Name...)
		r.Head = append(r.Head, ": "...)
		r.Head = append(r.Head, f.Value...)
		r.Head = append(r.Head, "\r\n"...)
	}
	return r
}

// Age is the age field's value at the second now (RFC 9111 §5.1), in seconds.
// It is of use only if Born is not 0.
func (r *Response) Age(now int64) int64 { return max(0, now-r.Born) }

// Aged reports whether an answer with r has age.
func (r *Response) Aged() bool { return r.Born != 0 && !r.Ageless }

// AppendBlock appends the whole header block for HPACK, without a reference to
// a dynamic table: Block, then date or age, the alternative if date has one, then
// status, which may be nil.
func (r *Response) AppendBlock(dst []byte, date *DateText, status *FixedField) []byte {
	dst = append(dst, r.Block...)
	switch {
	case r.Born == 0:
		dst = append(dst, date.Block...)
	case !r.Ageless:
		dst = AppendAge(dst, r.Age(date.Unix))
	}
	if date.Alternative != nil {
		dst = append(dst, date.Alternative.Block...)
	}
	if status != nil {
		dst = append(dst, status.Block...)
	}
	return dst
}

// AppendAge appends an age field in HPACK: a literal without indexing whose
// name is entry 21 of the static table (RFC 7541 §6.2.2, appendix A).
func AppendAge(dst []byte, age int64) []byte {
	dst = append(dst, 0x0f, 21-15, 0)
	start := len(dst)
	dst = strconv.AppendInt(dst, age, 10)
	dst[start-1] = byte(len(dst) - start) // as it is, not in Huffman code
	return dst
}

// AppendHead appends the whole head for HTTP/1.1 but for the empty line at its
// end: Head, then date or age, the alternative if date has one, then status, which
// may be nil.
func (r *Response) AppendHead(dst []byte, date *DateText, status *FixedField) []byte {
	dst = append(dst, r.Head...)
	switch {
	case r.Born == 0:
		dst = append(dst, date.Line...)
	case !r.Ageless:
		dst = append(dst, "age: "...)
		dst = strconv.AppendInt(dst, r.Age(date.Unix), 10)
		dst = append(dst, "\r\n"...)
	}
	if date.Alternative != nil {
		dst = append(dst, date.Alternative.Line...)
	}
	if status != nil {
		dst = append(dst, status.Line...)
	}
	return dst
}

// Length is the number of bytes in Body and More.
func (r *Response) Length() int64 {
	n := int64(len(r.Body))
	for _, b := range r.More {
		n += int64(len(b))
	}
	return n
}

// Size is the memory that the response holds, in bytes, near enough for a
// budget: body, fields and both encodings.
func (r *Response) Size() int64 {
	n := int64(len(r.Body) + len(r.Block) + len(r.Head))
	for _, f := range r.Fields {
		n += int64(len(f.Name) + len(f.Value) + fieldOverhead)
	}
	if r.Ruled != nil {
		n += int64(len(r.Ruled.Fields) * (fieldOverhead + ruledText))
	}
	if r.NotModified != nil {
		n += r.NotModified.Size()
	}
	return n + responseOverhead
}

const (
	fieldOverhead    = 40  // unsafe.Sizeof(hpack.Field{}) on 64 bits
	ruledText        = 64  // most names and values are those of Fields
	responseOverhead = 240 // unsafe.Sizeof(Response{}), rounded to its size class
)
