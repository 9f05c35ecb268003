package rfc9111

import (
	"slices"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Conditional appends the fields that ask the origin whether a stored response,
// given by its fields, is current (RFC 9111 §4.3.1): If-None-Match and
// If-Modified-Since. It appends nothing if there is no validator. The request's own
// conditions must not be sent along: they are about the client's copy.
func Conditional(dst, stored []hpack.Field) []hpack.Field {
	if etag, ok := get(stored, "etag"); ok && validETag(etag) {
		dst = append(dst, hpack.Field{Name: "if-none-match", Value: trim(etag)})
	}
	if modified, ok := get(stored, "last-modified"); ok {
		// The value is sent as it came; only its form is looked at.
		if _, ok := parseDate(modified, time.Unix(0, 0)); ok {
			dst = append(dst, hpack.Field{Name: "if-modified-since", Value: trim(modified)})
		}
	}
	return dst
}

// maxTags is how long the entity tags of variants may be together: an origin
// refuses a request whose fields are too large.
const maxTags = 2048

// ConditionalVariants appends the field that asks the origin whether one of the
// responses that are stored of the resource, for other requests, answers this one
// as well (§4.1): If-None-Match with their entity tags. Dates and weak tags may be
// the same for different content, such as with and without a content coding
// (RFC 9110 §8.8.1), and are not sent.
func ConditionalVariants(dst []hpack.Field, variants ...[]hpack.Field) []hpack.Field {
	var tags []string
	length := 0
	for _, fields := range variants {
		etag, ok := strongETag(fields)
		if !ok || slices.Contains(tags, etag) || length+len(etag) > maxTags {
			continue
		}
		tags, length = append(tags, etag), length+len(etag)+2
	}
	if tags == nil {
		return dst
	}
	return append(dst, hpack.Field{Name: "if-none-match", Value: strings.Join(tags, ", ")})
}

// SelectsVariant reports whether a 304 to [ConditionalVariants] is about this one
// of the stored responses: it has the same strong entity tag (§4.3.4).
func SelectsVariant(stored, from304 []hpack.Field) bool {
	etag, ok := strongETag(from304)
	mine, stands := strongETag(stored)
	return ok && stands && mine == etag
}

func strongETag(fields []hpack.Field) (string, bool) {
	etag, ok := get(fields, "etag")
	etag = trim(etag)
	return etag, ok && validETag(etag) && !strings.HasPrefix(etag, "W/")
}

// Selects reports whether a 304 to [Conditional] is about the stored response
// (§4.3.4):
//
//   - with a strong entity tag, if the stored one is the same;
//   - else with a weak one, if they match by weak comparison;
//   - else with Last-Modified, if the stored one is the same;
//   - with none of them: it is the only one that was asked about. A 304 need not
//     repeat Last-Modified (RFC 9110 §15.4.5).
//
// If not, the stored response is not current, and the request is repeated without
// conditions.
func Selects(stored, from304 []hpack.Field) bool {
	if etag, ok := get(from304, "etag"); ok && validETag(etag) {
		mine, _ := get(stored, "etag")
		if etag, mine = trim(etag), trim(mine); strings.HasPrefix(etag, "W/") {
			return strings.TrimPrefix(mine, "W/") == etag[2:]
		}
		return mine == etag
	}
	if modified, ok := get(from304, "last-modified"); ok {
		mine, ok := get(stored, "last-modified")
		return ok && sameDate(trim(mine), trim(modified))
	}
	return true
}

// sameDate compares dates, whatever the formats.
func sameDate(a, b string) bool {
	if a == b {
		return true
	}
	epoch := time.Unix(0, 0)
	x, okX := parseDate(a, epoch)
	y, okY := parseDate(b, epoch)
	return okX && okY && x == y
}

// HeadFreshens reports whether a 200 to a HEAD request confirms a stored
// response to GET whose content has length bytes: every validator and the
// Content-Length that came agree with it (§4.3.5). If so, it is updated with
// [Freshen]; if not, it is stale.
func HeadFreshens(stored []hpack.Field, length int64, head []hpack.Field) bool {
	if etag, ok := get(head, "etag"); ok {
		if mine, _ := get(stored, "etag"); trim(mine) != trim(etag) {
			return false
		}
	}
	if modified, ok := get(head, "last-modified"); ok {
		if mine, ok := get(stored, "last-modified"); !ok || !sameDate(trim(mine), trim(modified)) {
			return false
		}
	}
	if n, ok := get(head, "content-length"); ok {
		if l := parseLength(trim(n)); l != length {
			return false
		}
	}
	return true
}

// parseLength reads a Content-Length, -1 if it is none or passes 2^63-1.
func parseLength(v string) int64 {
	n := int64(0)
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c < '0' || c > '9' || n > (1<<63-1-int64(c-'0'))/10 {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	if v == "" {
		return -1
	}
	return n
}

// validETag reports whether v is an entity tag (RFC 9110 §8.8.3):
// [ "W/" ] DQUOTE *etagc DQUOTE.
func validETag(v string) bool {
	v = strings.TrimPrefix(trim(v), "W/")
	if len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' {
		return false
	}
	for i := 1; i < len(v)-1; i++ {
		if c := v[i]; c <= ' ' || c == '"' || c == 0x7f {
			return false
		}
	}
	return true
}
