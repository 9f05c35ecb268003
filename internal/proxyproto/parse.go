package proxyproto

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// Version 2 (§2.2).
const (
	signature = "\r\n\r\n\x00\r\nQUIT\n"
	v2Head    = len(signature) + 4 // version and command, family and protocol, length

	version2     = 0x2
	commandLocal = 0x0
	commandProxy = 0x1

	familyUnspec = 0x0
	familyInet   = 0x1
	familyInet6  = 0x2
	familyUnix   = 0x3

	protocolUnspec   = 0x0
	protocolStream   = 0x1
	protocolDatagram = 0x2

	inetLen  = 2*4 + 2*2
	inet6Len = 2*16 + 2*2
	unixLen  = 2 * 108
)

// v1Begin begins version 1 (§2.1).
const v1Begin = "PROXY "

// Parse reads the header at the front of b, n bytes long. The error is one of
// ErrPart, ErrNone, ErrTooLarge and ErrMalformed. It is ErrPart only as long as
// b may become a header, and never once b has Max bytes.
func Parse(b []byte) (h Header, n int, err error) {
	switch {
	case begins(b, signature):
		return parseV2(b)
	case begins(b, v1Begin):
		return parseV1(b)
	}
	return h, 0, ErrNone
}

// begins reports whether b begins with prefix, as far as it goes.
func begins(b []byte, prefix string) bool {
	n := min(len(b), len(prefix))
	return string(b[:n]) == prefix[:n]
}

// parseV1 reads a line of text (§2.1): fields with one space between, numbers
// in their canonical form.
func parseV1(b []byte) (h Header, n int, err error) {
	end := bytes.IndexAny(b[:min(len(b), maxV1)], "\r\n")
	switch {
	case end < 0 && len(b) >= maxV1:
		return h, 0, ErrMalformed
	case end < 0:
		return h, 0, ErrPart
	case b[end] != '\r' || end+1 >= maxV1:
		return h, 0, ErrMalformed
	case end+1 == len(b):
		return h, 0, ErrPart
	case b[end+1] != '\n':
		return h, 0, ErrMalformed
	}
	n = end + len("\r\n")
	fields := strings.Split(string(b[len(v1Begin):end]), " ")
	if fields[0] == "UNKNOWN" { // whatever follows (§2.1)
		return h, n, nil
	}
	if len(fields) != 5 || fields[0] != "TCP4" && fields[0] != "TCP6" {
		return h, 0, ErrMalformed
	}
	source, ok1 := textAddress(fields[0], fields[1], fields[3])
	destination, ok2 := textAddress(fields[0], fields[2], fields[4])
	if !ok1 || !ok2 {
		return h, 0, ErrMalformed
	}
	return Header{source, destination}, n, nil
}

// textAddress reads an address of family TCP4 or TCP6, and its port.
func textAddress(family, ip, port string) (a netip.AddrPort, ok bool) {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Zone() != "" || addr.Is4() != (family == "TCP4") {
		return a, false
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil || port[0] == '0' && port != "0" {
		return a, false
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(p)), true
}

// parseV2 reads the binary form (§2.2). What follows the addresses, TLVs, is
// skipped unread.
func parseV2(b []byte) (h Header, n int, err error) {
	if len(b) < v2Head {
		return h, 0, ErrPart
	}
	command, family, protocol := b[12]&0xf, b[13]>>4, b[13]&0xf
	n = v2Head + int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case b[12]>>4 != version2, command > commandProxy, family > familyUnix, protocol > protocolDatagram:
		return h, 0, ErrMalformed // "must be rejected as invalid by receivers"
	case n > Max:
		return h, 0, ErrTooLarge
	}
	size := 0
	if command == commandProxy && family != familyUnspec && protocol != protocolUnspec {
		size = [...]int{familyInet: inetLen, familyInet6: inet6Len, familyUnix: unixLen}[family]
		if protocol != protocolStream || n < v2Head+size {
			return h, 0, ErrMalformed // a datagram has brought no TCP connection
		}
	}
	if len(b) < n {
		return h, 0, ErrPart
	}
	body := b[v2Head:]
	switch size {
	case inetLen:
		h = binaryAddresses(body[:inetLen], 4)
	case inet6Len:
		h = binaryAddresses(body[:inet6Len], 16)
	}
	return h, n, nil
}

// binaryAddresses reads both addresses, of so many bytes each, and both ports.
func binaryAddresses(b []byte, each int) Header {
	source, _ := netip.AddrFromSlice(b[:each])
	destination, _ := netip.AddrFromSlice(b[each : 2*each])
	ports := b[2*each:]
	return Header{
		Source:      netip.AddrPortFrom(source.Unmap(), binary.BigEndian.Uint16(ports)),
		Destination: netip.AddrPortFrom(destination.Unmap(), binary.BigEndian.Uint16(ports[2:])),
	}
}
