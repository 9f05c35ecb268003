package proxy

import (
	"net/netip"
	"strings"

	"github.com/e0ac7cd4/hotpath/server/origin"
)

// aboutClient reports whether a field names the client, or how it
// reached us. Only a trusted proxy's are passed on.
func aboutClient(name string) bool {
	switch name {
	case "forwarded", "x-forwarded", "forwarded-for", "x-forward-for",
		"x-real-ip", "true-client-ip", "client-ip", "x-client-ip", "x-cluster-client-ip", "x-remote-ip", "x-remote-addr", "x-proxyuser-ip",
		"x-original-for", "x-original-forwarded-for", "cf-connecting-ip", "fastly-client-ip", "x-envoy-external-address",
		"x-azure-clientip", "x-azure-socketip", "x-appengine-user-ip":
		return true
	}
	return strings.HasPrefix(name, "x-forwarded-")
}

// The fields of a client's certificate: those of RFC 9440 §2, and one with its
// subject alone, which no standard names. An upstream believes them, so they are ours.
const (
	clientCert        = "client-cert"
	clientCertChain   = "client-cert-chain"
	clientCertSubject = "client-cert-subject"
)

// aboutCertificate reports whether a field is one of them.
func aboutCertificate(name string) bool {
	return name == clientCert || name == clientCertChain || name == clientCertSubject
}

// disguised reports whether a name with other characters than letters, digits
// and "-" would be taken by a CGI or WSGI server, which maps "-" and "_", and some
// of them all other characters, to the same variable, for a field that is removed
// or written by us.
func disguised(name string) bool {
	if strings.IndexFunc(name, folds) < 0 {
		return false
	}
	name = strings.Map(func(c rune) rune {
		if folds(c) {
			return '-'
		}
		return c
	}, name)
	return aboutClient(name) || hopByHop(name) || endToEnd(name) || aboutCertificate(name)
}

// folds reports whether a character of a name, which is not "-", is the same as
// "-" to such a server.
func folds(c rune) bool {
	return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
}

// chain are the forwarded fields of a trusted proxy.
type chain struct {
	xFor, forwarded        []string
	xProto, xHost, xRealIP string
}

// take takes a field of a trusted proxy, and reports whether it did: it is then
// written anew by forward.
func (c *chain) take(name, value string) bool {
	switch name {
	case "x-forwarded-for":
		c.xFor = append(c.xFor, value)
	case "forwarded":
		c.forwarded = append(c.forwarded, value)
	case "x-forwarded-proto":
		c.xProto = value
	case "x-forwarded-host":
		c.xHost = value
	case "x-real-ip":
		c.xRealIP = value
	default:
		return false
	}
	return true
}

// forward adds the peer's address, behind what a trusted proxy said of those before
// it, and the client in X-Real-IP. If the proxy named it there alone, that stays.
func (q *outgoing) forward(c *Config, r *origin.Request, before *chain) {
	if !r.Peer.Addr().IsValid() {
		return // the checks have no client
	}
	peer := r.Peer.Addr().Unmap().WithZone("")
	var scratch [maxAddress]byte
	ip := q.own(string(peer.AppendTo(scratch[:0])))
	scheme := "http"
	if r.Secure {
		scheme = "https"
	}
	if c.ForwardedStyle != Forwarded {
		q.add("X-Forwarded-For", list(before.xFor, ip))
		q.add("X-Forwarded-Proto", or(before.xProto, scheme))
		if host := or(before.xHost, q.authority); host != "" {
			q.add("X-Forwarded-Host", host)
		}
	}
	if c.ForwardedStyle != XForwarded {
		q.add("Forwarded", list(before.forwarded, forwardedElement(peer, ip, scheme, q.authority)))
	}
	client := or(before.xRealIP, ip)
	if r.Client.IsValid() && r.Client != peer {
		client = q.own(string(r.Client.AppendTo(scratch[:0])))
	}
	q.add("X-Real-Ip", client)
}

// forwardedElement is one element of a Forwarded field (RFC 7239 §4).
func forwardedElement(peer netip.Addr, ip, scheme, host string) string {
	var b strings.Builder
	b.Grow(len("for=\"[]\";proto=https;host=\"\"") + len(ip) + len(host))
	b.WriteString("for=")
	if peer.Is6() {
		b.WriteString(`"[`)
		b.WriteString(ip)
		b.WriteString(`]"`)
	} else {
		b.WriteString(ip)
	}
	b.WriteString(";proto=")
	b.WriteString(scheme)
	if host != "" && validHost(host) { // no quote and no backslash in it
		b.WriteString(`;host="`)
		b.WriteString(host)
		b.WriteString(`"`)
	}
	return b.String()
}

// list appends an element to the lines of a list field, as one line.
func list(before []string, element string) string {
	if len(before) == 0 {
		return element
	}
	return strings.Join(before, ", ") + ", " + element
}

func or(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// maxAddress is the length of the longest IPv6 address in text.
const maxAddress = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
