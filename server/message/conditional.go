package message

import (
	"net/http"
	"strings"
	"time"
)

// Select returns what answers a GET or HEAD request whose stored response is
// resp, under the request's preconditions and Range: resp itself,
// resp.NotModified, its 412, a 206 or a 416 (RFC 9110 §13.2.2,
// §14.2). Only a 206 and a 416 are made for the request; else Select does not
// allocate, but for a date that is neither the response's own nor in the
// preferred format.
func Select(r *Request, resp *Response) *Response {
	status, ranges := Evaluate(r, resp)
	switch {
	case status == http.StatusNotModified:
		return resp.NotModified
	case status == http.StatusPreconditionFailed:
		if resp.Ruled != nil && resp.Ruled.Failed != nil {
			return resp.Ruled.Failed
		}
		return PreconditionFailed
	case ranges != "":
		return selectRange(resp, ranges)
	}
	return resp
}

func selectRange(resp *Response, field string) *Response {
	spans, verdict := ParseRange(field, int64(len(resp.Body)))
	if verdict == Whole {
		return resp
	}
	return Partial(resp, spans.All()...)
}

// Evaluate evaluates the preconditions of a GET or HEAD request for resp in
// the order of RFC 9110 §13.2.2. The status is 304, which resp.NotModified is
// the answer to, 412, or else resp's own; only then ranges may be other than
// "": the Range field that is to be acted on. resp's Body is not looked at.
//
// A response with an error or a redirect is never conditional (§13.2.1).
func Evaluate(r *Request, resp *Response) (status int, ranges string) {
	if resp.Status < 200 || resp.Status > 299 {
		return resp.Status, ""
	}
	var (
		match, matches         bool // If-Match is given, and true
		noneMatch, noneMatches bool // If-None-Match is given, and false
		unmodified, modified   single
		parts                  single
	)
	for i := range r.Fields {
		switch f := &r.Fields[i]; f.Name {
		case "if-match":
			match = true
			matches = matches || listMatches(f.Value, resp.ETag, true)
		case "if-none-match":
			noneMatch = true
			noneMatches = noneMatches || listMatches(f.Value, resp.ETag, false)
		case "if-unmodified-since":
			unmodified.add(f.Value)
		case "if-modified-since":
			modified.add(f.Value)
		case "range":
			parts.add(f.Value)
		}
	}
	// The tag is the more accurate validator: if it is given, the date must
	// be ignored (RFC 9110 §13.1.3, §13.1.4).
	switch {
	case match && !matches, !match && unmodified.given() && comparedTo(resp, unmodified.value) == newer:
		return http.StatusPreconditionFailed, ""
	case resp.NotModified == nil:
	case noneMatches, !noneMatch && modified.given() && unmodifiedSince(resp, modified.value):
		return http.StatusNotModified, ""
	}
	if r.Method == http.MethodGet && resp.Status == http.StatusOK && parts.given() && RangeApplies(r, resp) {
		return resp.Status, parts.value
	}
	return resp.Status, ""
}

// Conditional reports whether the answer to a GET or HEAD request depends on
// more than which response is stored: on its validators or on a Range.
func Conditional(r *Request) bool {
	for i := range r.Fields {
		switch r.Fields[i].Name {
		case "if-match", "if-none-match", "if-unmodified-since", "if-modified-since", "range":
			return true
		}
	}
	return false
}

// RangeApplies reports whether a request's If-Range, if it has one, is true for
// resp: it is resp's tag, both strong, or exactly its Last-Modified, if that is
// a strong validator (RFC 9110 §13.1.5). If it is false, Range is ignored.
func RangeApplies(r *Request, resp *Response) bool {
	var condition single
	for i := range r.Fields {
		if r.Fields[i].Name == "if-range" {
			condition.add(r.Fields[i].Value)
		}
	}
	switch value := condition.value; {
	case condition.lines == 0:
		return true
	case condition.lines > 1 || value == "":
		return false
	case value[0] == '"':
		return value == resp.ETag
	case strings.HasPrefix(value, "W/"), !resp.StrongDate, resp.LastModified.IsZero():
		return false
	case value == lastModified(resp):
		return true
	default:
		t, err := http.ParseTime(value)
		return err == nil && resp.LastModified.Truncate(time.Second).Equal(t)
	}
}

// single is a field that may stand once. More lines of it are one value with a
// comma in it (RFC 9110 §5.3), which none of these fields can have: then the
// field is malformed, and as if it were not given.
type single struct {
	value string
	lines int
}

func (s *single) add(value string) { s.value, s.lines = value, s.lines+1 }
func (s *single) given() bool      { return s.lines == 1 }

// listMatches reports whether an If-Match or If-None-Match value has etag among
// its entity tags, by strong or by weak comparison, or is "*" (RFC 9110
// §8.8.3.2, §13.1.1, §13.1.2). What comes after a malformed tag is not read.
func listMatches(list, etag string, strong bool) bool {
	opaque := strings.TrimPrefix(etag, "W/")
	comparable := !strong || len(opaque) == len(etag)
	for {
		list = strings.TrimLeft(list, " \t,")
		if list == "" {
			return false
		}
		if list[0] == '*' {
			return strings.TrimRight(list[1:], " \t") == ""
		}
		tag := strings.TrimPrefix(list, "W/")
		weak := len(tag) < len(list)
		if tag == "" || tag[0] != '"' {
			return false
		}
		end := strings.IndexByte(tag[1:], '"')
		if end < 0 {
			return false
		}
		if tag[:end+2] == opaque && comparable && !(strong && weak) {
			return true
		}
		list = tag[end+2:]
	}
}

// order is how a response's Last-Modified stands to a date.
type order uint8

const (
	incomparable order = iota // no Last-Modified, or no date: the condition is ignored
	notNewer
	newer
)

// comparedTo compares resp to an HTTP date, which most often is the
// Last-Modified that we sent. What is not a date is ignored (RFC 9110 §13.1.3,
// §13.1.4).
func comparedTo(resp *Response, date string) order {
	if resp.LastModified.IsZero() {
		return incomparable
	}
	if date == lastModified(resp) {
		return notNewer
	}
	t, err := http.ParseTime(date)
	switch {
	case err != nil:
		return incomparable
	case resp.LastModified.Truncate(time.Second).After(t):
		return newer
	}
	return notNewer
}

// unmodifiedSince evaluates If-Modified-Since. The Date of another server's
// response stands in for a Last-Modified that it does not have (RFC 9111 §4.3.2).
func unmodifiedSince(resp *Response, since string) bool {
	if !resp.LastModified.IsZero() || resp.Born == 0 {
		return comparedTo(resp, since) == notNewer
	}
	date, err := http.ParseTime(fieldOf(resp, "date"))
	if err != nil {
		return false
	}
	t, err := http.ParseTime(since)
	return err == nil && !date.After(t)
}

// lastModified is resp's field, "" if it has none.
func lastModified(resp *Response) string { return fieldOf(resp, "last-modified") }

func fieldOf(resp *Response, name string) string {
	for i := range resp.Fields {
		if f := &resp.Fields[i]; f.Name == name {
			return f.Value
		}
	}
	return ""
}
