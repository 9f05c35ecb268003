package head

import "strings"

// checkTarget checks what the pseudo-fields say of the target (RFC 9113
// §8.3.1), each of which is there if it has to be.
func (r *Request) checkTarget() (why string) {
	if !validToken(r.Method) {
		return ":method missing or no token"
	}
	connect := r.plainConnect()
	if r.Authority != "" {
		port, ok := splitAuthority(r.Authority)
		switch {
		case !ok:
			return ":authority is no host with or without a port"
		case connect && port == "":
			return "CONNECT to no port" // RFC 9110 §9.3.6
		}
	}
	if connect {
		return ""
	}
	switch {
	case strings.EqualFold(r.Scheme, "https"):
		r.Scheme = "https"
	case strings.EqualFold(r.Scheme, "http"):
		r.Scheme = "http"
	default:
		return ":scheme is neither https nor http"
	}
	if r.Path == "*" && r.Method == "OPTIONS" {
		return ""
	}
	if r.Path[0] != '/' {
		return ":path is no absolute path"
	}
	for i := 0; i < len(r.Path); i++ {
		if c := r.Path[i]; c <= ' ' || c == 0x7f || c == '#' {
			return ":path with a space, a control character or a fragment"
		}
	}
	return ""
}

// checkHost checks a host field, which says what :authority says, or stands for
// it (§8.3.1).
func (r *Request) checkHost(host string) (why string) {
	if r.Authority == host { // and is checked
		return ""
	}
	if _, ok := splitAuthority(host); !ok {
		return "host is no host with or without a port"
	}
	if r.Authority == "" {
		r.Authority = host
	} else if !strings.EqualFold(withoutDefault(r.Authority, r.Scheme), withoutDefault(host, r.Scheme)) {
		return "host differs from :authority"
	}
	return ""
}

// withoutDefault cuts the port off an authority that has the scheme's default,
// or none behind its colon: they name the same (RFC 3986 §6.2.3).
func withoutDefault(authority, scheme string) string {
	authority = strings.TrimSuffix(authority, ":")
	switch scheme {
	case "https":
		return strings.TrimSuffix(authority, ":443")
	case "http":
		return strings.TrimSuffix(authority, ":80")
	}
	return authority
}

// splitAuthority returns the port of an authority, "" if it has none, and
// reports whether that is host [ ":" port ] (RFC 3986 §3.2.2, §3.2.3) with a
// host and without userinfo (RFC 9113 §8.3.1).
func splitAuthority(s string) (port string, ok bool) {
	n := 0
	if s != "" && s[0] == '[' {
		end := strings.IndexByte(s, ']')
		if end < 3 { // "::" at least
			return "", false
		}
		for _, c := range []byte(s[1:end]) {
			if !hexDigit(c) && c != ':' && c != '.' {
				return "", false
			}
		}
		n = end + 1
	} else {
		for n < len(s) && s[n] != ':' {
			if s[n] == '%' {
				if n+2 >= len(s) || !hexDigit(s[n+1]) || !hexDigit(s[n+2]) {
					return "", false
				}
				n += 2
			} else if !hostByte[s[n]] {
				return "", false
			}
			n++
		}
		if n == 0 {
			return "", false
		}
	}
	if n == len(s) {
		return "", true
	}
	if s[n] != ':' {
		return "", false
	}
	port = s[n+1:]
	value := 0
	for _, c := range []byte(port) {
		if value = 10*value + int(c) - '0'; c < '0' || c > '9' || value > 1<<16-1 {
			return "", false
		}
	}
	return port, true
}

func hexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// hostByte is what a registered name or an IPv4 address is made of, but for
// percent-encoding: unreserved and sub-delims of RFC 3986 §2.
var hostByte = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	for _, c := range []byte("-._~!$&'()*+,;=") {
		t[c] = true
	}
	return t
}()
