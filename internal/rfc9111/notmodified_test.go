package rfc9111

import (
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// NotModified is for the model cache of these tests, as message.Select is for the
// server: it reports whether a request's If-None-Match or If-Modified-Since
// shows that the client's copy is as current as the stored 200, which came at
// the Unix second received (§4.3.2). If-None-Match goes before
// If-Modified-Since (RFC 9110 §13.2.2). Against a stored response without
// Last-Modified, Date stands in, then the time at which it came.
func NotModified(request, stored []hpack.Field, received int64) bool {
	noneMatch, since := false, ""
	etag, _ := get(stored, "etag")
	etag = strings.TrimPrefix(trim(etag), "W/")
	for i := range request {
		switch f := &request[i]; f.Name {
		case "if-none-match":
			if noneMatch = true; listMatches(f.Value, etag) {
				return true
			}
		case "if-modified-since":
			if since == "" {
				since = f.Value
			}
		}
	}
	if noneMatch || since == "" {
		return false
	}
	near := time.Unix(received, 0)
	at, ok := parseDate(since, near)
	if !ok {
		return false // RFC 9110 §13.1.3
	}
	if modified, ok := lastModified(stored, near); ok {
		return modified <= at
	}
	if date, ok := dateValue(stored, near); ok {
		return date <= at
	}
	return received <= at
}

// listMatches reports whether an If-None-Match line is "*" or has the opaque
// tag, by weak comparison (RFC 9110 §8.8.3.2, §13.1.2). What is behind a
// malformed tag is not read.
func listMatches(list, opaque string) bool {
	for {
		list = strings.TrimLeft(list, " \t,")
		if trim(list) == "*" {
			return true
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
