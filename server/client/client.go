package client

import (
	"net"
	"net/netip"
)

// Networks are the prefixes of addresses that are treated alike. They are few:
// each is looked at.
type Networks []netip.Prefix

// Contain reports whether a is in one of them. An IPv4 address that is mapped
// into IPv6 is the IPv4 address; one that is not valid is in none.
func (n Networks) Contain(a netip.Addr) bool {
	if len(n) == 0 {
		return false
	}
	a = a.Unmap().WithZone("")
	for _, prefix := range n {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// Peer is the address of a connection's other end, without a zone and not mapped
// into IPv6; not valid if it has no IP address.
func Peer(a net.Addr) netip.Addr {
	var peer netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		peer = a.AddrPort()
	case *net.UDPAddr: // QUIC
		peer = a.AddrPort()
	}
	return peer.Addr().Unmap().WithZone("")
}
