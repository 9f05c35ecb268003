package h1

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/e0ac7cd4/hotpath/server/message"
)

// parseLine reads the request line: "GET /path HTTP/1.1" (RFC 9112 §3), with
// single spaces.
func (h *head) parseLine(line []byte) *refusal {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	if !isToken(method) {
		return badMethod
	}
	if !ok {
		return badVersion
	}
	i := bytes.LastIndexByte(rest, ' ')
	if i < 0 {
		return badVersion // HTTP/0.9
	}
	target := rest[:i]
	if r := h.parseVersion(rest[i+1:]); r != nil {
		return r
	}
	r := &h.request
	switch string(method) {
	case "GET":
		r.Method = "GET"
	case "HEAD":
		r.Method = "HEAD"
	default:
		r.Method = view(method)
	}
	r.Scheme = "https"
	for _, c := range target {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return badTarget
		}
	}
	switch {
	case len(target) == 0:
		return badTarget
	case r.Method == http.MethodConnect:
		return h.authorityForm(view(target))
	case target[0] == '/':
		r.Path = view(target)
		return nil
	case len(target) == 1 && target[0] == '*' && r.Method == http.MethodOptions:
		r.Path = "*"
		return nil
	}
	return h.absoluteForm(view(target))
}

// parseVersion reads "HTTP/1.1". A higher minor version is served as 1.1
// (RFC 9110 §2.5).
func (h *head) parseVersion(v []byte) *refusal {
	const form = "HTTP/1.1"
	switch {
	case string(v) == form:
		h.proto = message.HTTP11
		return nil
	case len(v) != len(form) || string(v[:5]) != form[:5] || !isDigit(v[5]) || v[6] != '.' || !isDigit(v[7]):
		return badVersion
	case v[5] != '1':
		return otherVersion
	case v[7] == '0':
		h.proto = message.HTTP10
	default:
		h.proto = message.HTTP11
	}
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// authorityForm is CONNECT's target: host and port (RFC 9112 §3.2.3).
func (h *head) authorityForm(target string) *refusal {
	if i := strings.LastIndexByte(target, ':'); i < 0 || i == len(target)-1 || !validHost(target) {
		return badTarget
	}
	h.absolute, h.request.Authority, h.request.Path = true, target, ""
	return nil
}

// absoluteForm is a target that is a whole URI (RFC 9112 §3.2.2): its authority
// takes the place of the Host field.
func (h *head) absoluteForm(target string) *refusal {
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return badTarget
	}
	r := &h.request
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if !validHost(authority) {
		return badTarget
	}
	switch {
	case path == "" && r.Method == http.MethodOptions:
		path = "*" // RFC 9112 §3.2.4
	case path == "":
		path = "/"
	case path[0] == '?':
		path = "/" + path
	}
	h.absolute, r.Authority, r.Path = true, authority, path
	return nil
}

// validHost reports whether s is a host and an optional port (RFC 3986 §3.2.2,
// §3.2.3), not empty, and without user information.
func validHost(s string) bool {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 2 {
			return false
		}
		host, port = s[1:end], s[end+1:]
		for i := range len(host) {
			if c := host[i]; hostChar[c] == 0 && c != ':' {
				return false
			}
		}
		if port != "" && port[0] != ':' {
			return false
		}
		port = strings.TrimPrefix(port, ":")
	} else {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			host, port = s[:i], s[i+1:]
		}
		for i := range len(host) {
			if hostChar[host[i]] == 0 {
				return false
			}
		}
	}
	if host == "" || len(port) > len("65535") {
		return false
	}
	for i := range len(port) {
		if !isDigit(port[i]) {
			return false
		}
	}
	return true
}

// hostChar is what a registered name is made of: unreserved, sub-delims, and
// the percent sign of an escape (RFC 3986 §3.2.2).
var hostChar = func() (t [256]byte) {
	for c := range t {
		if c < 0x80 && (lowerName[c] != 0 && c != '#' && c != '^' && c != '`' && c != '|' || strings.IndexByte("(),;=", byte(c)) >= 0) {
			t[c] = 1
		}
	}
	return t
}()
