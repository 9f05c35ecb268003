package rfc9111

import (
	"net/url"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Invalidates appends the targets (path and query) whose stored responses a
// response to a request makes obsolete (RFC 9111 §4.4): that of the request
// itself and those of Location and Content-Location, if the method is unsafe or
// unknown and the status no error. All are of the request's own scheme and
// authority: a site must not be able to empty another's cache. target is the
// request's path and query, fields are those of the response. It appends nothing
// for most requests, and then does not allocate.
func Invalidates(dst []string, method string, status int, scheme, authority, target string, fields []hpack.Field) []string {
	if safe(method) || status < 200 || status > 399 || !strings.HasPrefix(target, "/") {
		return dst
	}
	first := len(dst)
	dst = append(dst, target)
	base, err := url.Parse(scheme + "://" + authority + target)
	if err != nil {
		return dst
	}
	for i := range fields {
		if name := fields[i].Name; name != "location" && name != "content-location" {
			continue
		}
		ref, err := base.Parse(trim(fields[i].Value))
		if err != nil || ref.Opaque != "" || !sameOrigin(base, ref) {
			continue
		}
		if t := ref.RequestURI(); !contains(dst[first:], t) {
			dst = append(dst, t)
		}
	}
	return dst
}

// safe reports whether a method is known to change nothing: the safe ones of
// RFC 9110 §9.2.1 and of the registry (RFC 4918 PROPFIND, RFC 3253 REPORT, RFC
// 5323 SEARCH, and QUERY). CONNECT makes a tunnel and has no target that could be
// stored.
func safe(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY", "CONNECT":
		return true
	}
	return false
}

// sameOrigin compares scheme, host and port (§4.4, RFC 9110 §4.3.1).
func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	switch strings.ToLower(u.Scheme) {
	case "https":
		return "443"
	case "http":
		return "80"
	}
	return ""
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
