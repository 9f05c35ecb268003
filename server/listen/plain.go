package listen

import (
	"bytes"
	"fmt"
	"strings"
)

// maxHost is how long a host with its port may be for an answer to repeat it:
// the longest name that the DNS has (RFC 1035 §2.3.4), and a port.
const maxHost = 253 + len(":65535")

// plainAnswer is the response to head, the begin of a request that came without
// TLS: 400, and the https address that was meant, if the request's Host is one
// that may be repeated. A redirect would hide the mistake, and with it that each
// request is sent in clear first.
func plainAnswer(head []byte) []byte {
	text := "This port speaks HTTPS, and the request came without TLS.\n"
	if host := hostOf(head); host != "" {
		text = fmt.Sprintf("This port speaks HTTPS, and the request came without TLS: ask for https://%s/\n", host)
	}
	answer := fmt.Appendf(nil, "HTTP/1.1 400 Bad Request\r\nServer: hotpath\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", len(text))
	if bytes.HasPrefix(head, []byte("HEAD ")) {
		return answer // RFC 9110 §9.3.2
	}
	return append(answer, text...)
}

// hostOf is the Host field of a request's head; "" if there is none, more than
// one, or one that is no host with or without a port.
func hostOf(head []byte) (host string) {
	lines, _, whole := strings.Cut(string(head), "\r\n\r\n")
	if !whole {
		return ""
	}
	for i, line := range strings.Split(lines, "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if i == 0 || !ok || !strings.EqualFold(name, "Host") {
			continue
		}
		if host != "" {
			return ""
		}
		host = strings.Trim(value, " \t")
		if host == "" || len(host) > maxHost || strings.ContainsFunc(host, notInHost) {
			return ""
		}
	}
	return host
}

// notInHost reports what is neither in a name, nor in an address, nor in a port.
func notInHost(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-._:[]", r)
}
