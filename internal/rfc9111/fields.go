package rfc9111

import (
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Kept appends the fields of a response that are stored (RFC 9111 §3.1): all
// but those that concern the connection, those that private or no-cache name,
// and Age, which [Policy.Age] gives anew. A response without a usable Date gets
// the time at which it came (RFC 9110 §6.6.1).
func Kept(dst, fields []hpack.Field, got time.Time, rules *Rules) []hpack.Field {
	if rules == nil {
		rules = &defaultRules
	}
	d, _ := responseDirectives(fields, rules)
	_, dated := dateValue(fields, got)
	for i := range fields {
		switch name := fields[i].Name; {
		case name == "age", name == "date" && !dated, hopByHop(fields, name), d.strips(name):
		default:
			dst = append(dst, fields[i])
		}
	}
	if !dated {
		dst = append(dst, hpack.Field{Name: "date", Value: got.UTC().Format(imfFixdate)})
	}
	return dst
}

const imfFixdate = "Mon, 02 Jan 2006 15:04:05 GMT"

// hopByHop reports whether a field of fields is for the connection that it came
// over, or a proxy, and must not be stored (§3.1, RFC 9110 §7.6.1).
func hopByHop(fields []hpack.Field, name string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "trailer",
		"proxy-authenticate", "proxy-authentication-info", "proxy-authorization":
		return true
	}
	for i := range fields {
		if fields[i].Name != "connection" {
			continue
		}
		for option := range strings.SplitSeq(fields[i].Value, ",") {
			if strings.EqualFold(trim(option), name) {
				return true
			}
		}
	}
	return false
}

// Freshen returns the fields of a stored response after a 304, or the response
// to a HEAD, updated it (§3.2): each field that came replaces those of its name.
//
// Not replaced are the fields that describe the stored content as it lies there:
// Content-Length, and by the same section's leave for integrity Content-Encoding,
// Content-Range and the digests, which in a 304 are of content that it does not
// have (RFC 9530 §2). Date and Age are the new response's or gone: the time of
// the stored response would make the new one old.
func Freshen(stored, from []hpack.Field) []hpack.Field {
	merged := make([]hpack.Field, 0, len(stored)+len(from))
	for i := range stored {
		switch name := stored[i].Name; {
		case name == "date", name == "age":
		case updates(from, name) && has(from, name):
		default:
			merged = append(merged, stored[i])
		}
	}
	for i := range from {
		if updates(from, from[i].Name) {
			merged = append(merged, from[i])
		}
	}
	return merged
}

// updates reports whether a field that came with from updates a stored one.
func updates(from []hpack.Field, name string) bool {
	switch name {
	case "content-length", "content-encoding", "content-range", "content-digest", "content-md5":
		return false
	}
	return !hopByHop(from, name)
}

func has(fields []hpack.Field, name string) bool {
	_, ok := get(fields, name)
	return ok
}
