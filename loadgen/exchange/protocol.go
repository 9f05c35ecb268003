package exchange

// Protocols is a set of versions of HTTP, each a bit.
type Protocols uint8

// The versions.
const (
	HTTP1 Protocols = 1 << iota // HTTP/1.1
	HTTP2
)

// ALPN are the names of the versions for TLS, the preferred one first (RFC 7301 §6).
func (p Protocols) ALPN() []string {
	var names []string
	if p&HTTP2 != 0 {
		names = append(names, "h2")
	}
	if p&HTTP1 != 0 {
		names = append(names, "http/1.1")
	}
	return names
}

// String is "h2", "http/1.1", "h2 and http/1.1" or, of none, "".
func (p Protocols) String() string {
	switch names := p.ALPN(); len(names) {
	case 0:
		return ""
	case 1:
		return names[0]
	default:
		return names[0] + " and " + names[1]
	}
}
