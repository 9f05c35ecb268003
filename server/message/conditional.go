package message

import (
	"net/http"
	"strings"
	"time"
)

// Select returns what answers a GET or HEAD request whose stored response is
// resp: resp.NotModified where the request's condition shows that the client's
// copy is current, else resp itself (RFC 9110 §13.2.2, steps 3 and 4).
// If-Match and If-Unmodified-Since are not looked at: such a request is the
// handler's. It does not allocate, but for a date that is neither the
// response's own nor in the preferred format.
func Select(r *Request, resp *Response) *Response {
	if resp.NotModified == nil {
		return resp
	}
	since, noneMatch := "", false
	for i := range r.Fields {
		switch f := &r.Fields[i]; f.Name {
		case "if-none-match":
			if listMatches(f.Value, resp.ETag) {
				return resp.NotModified
			}
			noneMatch = true
		case "if-modified-since":
			if since == "" {
				since = f.Value
			}
		}
	}
	// If-None-Match is the more accurate one: where it is given,
	// If-Modified-Since must be ignored (RFC 9110 §13.1.3).
	if !noneMatch && since != "" && notModifiedSince(resp, since) {
		return resp.NotModified
	}
	return resp
}

// listMatches reports whether an If-None-Match value has etag among its entity
// tags, by weak comparison, or is "*" (RFC 9110 §8.8.3.2, §13.1.2). What comes
// after a malformed tag is not read.
func listMatches(list, etag string) bool {
	opaque := strings.TrimPrefix(etag, "W/")
	for {
		list = strings.TrimLeft(list, " \t,")
		if list == "" {
			return false
		}
		if list[0] == '*' {
			return strings.TrimRight(list[1:], " \t") == ""
		}
		list = strings.TrimPrefix(list, "W/")
		if list == "" || list[0] != '"' {
			return false
		}
		end := strings.IndexByte(list[1:], '"')
		if end < 0 {
			return false
		}
		if list[:end+2] == opaque {
			return true
		}
		list = list[end+2:]
	}
}

// notModifiedSince reports whether resp is no newer than an HTTP date, which
// most often is the Last-Modified that we sent. An invalid date is ignored
// (RFC 9110 §13.1.3).
func notModifiedSince(resp *Response, since string) bool {
	if resp.LastModified.IsZero() {
		return false
	}
	for i := range resp.Fields {
		if f := &resp.Fields[i]; f.Name == "last-modified" && f.Value == since {
			return true
		}
	}
	t, err := http.ParseTime(since)
	return err == nil && !resp.LastModified.Truncate(time.Second).After(t)
}
