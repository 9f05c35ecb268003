package proxyproto

import (
	"encoding/binary"
	"strconv"
)

// AppendV1 appends h as a line of text (§2.1). A header without addresses, or
// with addresses of two families, is UNKNOWN.
func AppendV1(dst []byte, h Header) []byte {
	source, destination := h.Source, h.Destination
	if !h.named() {
		return append(dst, v1Begin+"UNKNOWN\r\n"...)
	}
	family := "TCP6 "
	if source.Addr().Is4() {
		family = "TCP4 "
	}
	dst = append(append(dst, v1Begin...), family...)
	dst = append(source.Addr().AppendTo(dst), ' ')
	dst = append(destination.Addr().AppendTo(dst), ' ')
	dst = append(strconv.AppendUint(dst, uint64(source.Port()), 10), ' ')
	return append(strconv.AppendUint(dst, uint64(destination.Port()), 10), "\r\n"...)
}

// AppendV2 appends h in binary form (§2.2), with tlvs behind the addresses.
// A header without addresses, or with addresses of two families, is LOCAL.
func AppendV2(dst []byte, h Header, tlvs []byte) []byte {
	dst = append(dst, signature...)
	command, family, size := byte(version2<<4|commandLocal), byte(familyUnspec<<4|protocolUnspec), 0
	if h.named() {
		command, family, size = version2<<4|commandProxy, familyInet6<<4|protocolStream, inet6Len
		if h.Source.Addr().Is4() {
			family, size = familyInet<<4|protocolStream, inetLen
		}
	}
	dst = append(dst, command, family)
	dst = binary.BigEndian.AppendUint16(dst, uint16(size+len(tlvs)))
	if h.named() {
		dst = append(dst, h.Source.Addr().AsSlice()...)
		dst = append(dst, h.Destination.Addr().AsSlice()...)
		dst = binary.BigEndian.AppendUint16(dst, h.Source.Port())
		dst = binary.BigEndian.AppendUint16(dst, h.Destination.Port())
	}
	return append(dst, tlvs...)
}

// named reports whether h has addresses that a header can name.
func (h Header) named() bool {
	return h.Source.IsValid() && h.Destination.IsValid() && h.Source.Addr().Is4() == h.Destination.Addr().Is4()
}
