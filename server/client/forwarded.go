package client

import (
	"net/netip"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Of is the client of a request with these fields, names in lower case, on a
// connection with peer: the peer, unless it is one of the proxies that are
// trusted. A trusted proxy names its own peer, at the end of
// X-Forwarded-For or else of Forwarded (RFC 7239), and if that is one as well,
// the name before it is the next one's. So the client is the last address that
// is no trusted proxy's; what stands before it is the client's own claim. A name
// that is no address ends the chain: the client is the proxy behind it.
//
// Of the two fields X-Forwarded-For counts if there is one, whatever is in it:
// a proxy that writes Forwarded alone has to remove it.
func Of(peer netip.Addr, fields []hpack.Field, trusted Networks) netip.Addr {
	if !trusted.Contain(peer) {
		return peer
	}
	name, node := "forwarded", forwardedFor
	for i := range fields {
		if fields[i].Name == "x-forwarded-for" {
			name, node = fields[i].Name, plainNode
			break
		}
	}
	client := peer
	for i := len(fields) - 1; i >= 0; i-- {
		if fields[i].Name != name {
			continue
		}
		for rest, more := fields[i].Value, true; more; {
			var element string
			if rest, element, more = cutLast(rest); element == "" {
				continue // RFC 9110 §5.6.1.2
			}
			a, ok := node(element)
			if !ok {
				return client
			}
			if client = a; !trusted.Contain(a) {
				return client
			}
		}
	}
	return client
}

// cutLast cuts the last element off a list, at the last comma outside of quotes,
// and reports whether there was one before it. From the end nothing that stands
// before an element can change it.
func cutLast(s string) (rest, last string, more bool) {
	quoted := false
	for i := len(s) - 1; i >= 0; i-- {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return s[:i], trim(s[i+1:]), true
		}
	}
	return "", trim(s), false
}

func trim(s string) string { return strings.Trim(s, " \t") }

// forwardedFor is the address in the parameter for of an element of Forwarded
// (RFC 7239 §4). None of its values has a semicolon in quotes.
func forwardedFor(element string) (a netip.Addr, ok bool) {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(trim(pair), "=")
		if !strings.EqualFold(name, "for") {
			continue
		}
		if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		return plainNode(value)
	}
	return a, false
}

// plainNode is the address of a node (RFC 7239 §6): 192.0.2.1, 2001:db8::1 or
// [2001:db8::1], and all but the second with a port. What hides its address,
// such as unknown, has none.
func plainNode(s string) (a netip.Addr, ok bool) {
	if s == "" || s[0] != '[' && !digit(s[len(s)-1]) && !digit(s[0]) && !strings.Contains(s, ":") {
		return a, false // unknown, or _hidden: without the error's allocation
	}
	bracketed := s[0] == '['
	var err error
	switch {
	case bracketed && s[len(s)-1] == ']':
		a, err = netip.ParseAddr(s[1 : len(s)-1])
	case bracketed || strings.Count(s, ":") == 1:
		var node netip.AddrPort
		node, err = netip.ParseAddrPort(s)
		a = node.Addr()
	default:
		a, err = netip.ParseAddr(s)
	}
	if err != nil || a.Zone() != "" || bracketed && !a.Is6() {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
