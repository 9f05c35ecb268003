package proxy

import (
	"net/textproto"
	"strings"
)

// common are the fields of nearly all messages, in lower case: their two forms
// are found without an allocation. The canonical form is what HTTP/1.1 servers
// are used to see.
var common = [...]string{
	"accept", "accept-charset", "accept-encoding", "accept-language", "accept-ranges",
	"access-control-allow-credentials", "access-control-allow-headers", "access-control-allow-methods",
	"access-control-allow-origin", "access-control-expose-headers", "access-control-max-age",
	"access-control-request-headers", "access-control-request-method", "age", "allow", "alt-svc",
	"authorization", "cache-control", "cache-status", "cdn-cache-control", "clear-site-data", "connection",
	"content-disposition", "content-encoding", "content-language", "content-length", "content-location",
	"content-range", "content-security-policy", "content-type", "cookie", "cross-origin-embedder-policy",
	"cross-origin-opener-policy", "cross-origin-resource-policy", "date", "dnt", "early-data", "etag",
	"expect", "expires", "forwarded", "from", "grpc-encoding", "grpc-message", "grpc-status",
	"grpc-timeout", "host", "idempotency-key", "if-match", "if-modified-since", "if-none-match", "if-range",
	"if-unmodified-since", "keep-alive", "last-modified", "link", "location", "max-forwards", "nel",
	"origin", "permissions-policy", "pragma", "priority", "range", "referer", "referrer-policy", "refresh",
	"report-to", "retry-after", "save-data", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform",
	"sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user", "sec-websocket-accept",
	"sec-websocket-extensions", "sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version",
	"server", "server-timing", "set-cookie", "strict-transport-security", "te", "timing-allow-origin",
	"traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade", "upgrade-insecure-requests",
	"user-agent", "vary", "via", "www-authenticate", "x-cache", "x-content-type-options",
	"x-correlation-id", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
	"x-frame-options", "x-powered-by", "x-real-ip", "x-request-id", "x-requested-with", "x-xss-protection",
}

// canonicals maps a name in lower case to its canonical form, lowers back.
// Neither is written after init.
var canonicals, lowers = make(map[string]string, len(common)), make(map[string]string, len(common))

func init() {
	for _, name := range common {
		c := textproto.CanonicalMIMEHeaderKey(name)
		canonicals[name], lowers[c] = c, name
	}
}

// canonical is the form of a name in lower case that net/http looks it up by.
// own is called for a name that is not common, to own its memory.
func canonical(name string, own func(string) string) string {
	if c, ok := canonicals[name]; ok {
		return c
	}
	return textproto.CanonicalMIMEHeaderKey(own(name))
}

// lower is a name of net/http's in lower case.
func lower(name string) string {
	if l, ok := lowers[name]; ok {
		return l
	}
	return strings.ToLower(name)
}

// hopByHop reports whether a field is for one connection alone (RFC 9110
// §7.6.1, with the fields of RFC 7540 §3.2.1 and of old proxies). A gateway's
// authentication is no forward proxy's, so those fields end here too.
func hopByHop(name string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
		"http2-settings", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization":
		return true
	}
	return false
}

// endToEnd reports whether a Connection field cannot remove a field, although
// RFC 9110 §7.6.1 would let it: without it the message would mean something
// else to the server (whose request it is, and for what) or to the cache in front,
// which has chosen a variant by what the client has sent.
func endToEnd(name string) bool {
	switch name {
	case "host", "authorization", "cookie", "content-length", "cache-control", "via", "max-forwards",
		"expect", "range", "if-range",
		"accept", "accept-encoding", "accept-language", "origin", "user-agent",
		"set-cookie", "vary", "expires", "age", "date", "etag", "last-modified", "location",
		"www-authenticate":
		return true
	}
	return strings.HasPrefix(name, "content-") || aboutClient(name)
}

// nominated reports whether one of the values of Connection fields names a
// field, and can remove it.
func nominated(values []string, name string) bool {
	for _, value := range values {
		for option := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.Trim(option, " \t"), name) {
				return !endToEnd(name)
			}
		}
	}
	return false
}

// hasToken reports whether a comma-separated list has a token, without its
// parameters.
func hasToken(list, token string) bool {
	for element := range strings.SplitSeq(list, ",") {
		element, _, _ = strings.Cut(element, ";")
		if strings.EqualFold(strings.Trim(element, " \t"), token) {
			return true
		}
	}
	return false
}

// trailerAllowed reports whether a field may stand in a trailer section: no
// framing, routing, authentication or request modifier (RFC 9110 §6.5.1).
func trailerAllowed(name string) bool {
	if hopByHop(name) || aboutClient(name) || aboutCertificate(name) || disguised(name) || strings.HasPrefix(name, "if-") {
		return false
	}
	switch name {
	case "content-length", "host", "content-encoding", "content-type", "content-range", "authorization",
		"set-cookie", "cookie", "cache-control", "expires", "age", "date", "location", "vary", "expect",
		"max-forwards", "range", "pragma", "retry-after", "via", "warning", "www-authenticate", "realm":
		return false
	}
	return true
}
