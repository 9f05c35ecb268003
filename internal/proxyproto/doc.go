// Package proxyproto is the PROXY protocol, with which a balancer that passes
// TCP on names at the begin of a connection its client: versions 1 and 2
// of https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, whose sections
// the code names.
//
//	parse.go   bytes to a header, strictly
//	append.go  a header to bytes
//
// All of it is pure: no I/O, no state, and nothing of the input is kept.
package proxyproto

import (
	"errors"
	"net/netip"
)

const (
	// maxV1 is the longest header of version 1, with its CRLF (§2.1).
	maxV1 = 107

	// Max is the longest header that is taken, of version 2. Its length field
	// allows 64 KiB. Both addresses take 216 bytes at most (§2.2); the rest is
	// TLVs, of which a client's certificate is the only large one. nginx has the
	// same limit.
	Max = 4096
)

// Header is what a header says.
type Header struct {
	// Source is the client's address, without a zone and not mapped into IPv6.
	// It is not valid if the header names none: the balancer speaks for itself
	// (LOCAL), or its client has no IP address (UNKNOWN, UNSPEC, a unix
	// socket). Then the client is the peer.
	Source netip.AddrPort

	// Destination is what the client has connected to; valid if Source is.
	Destination netip.AddrPort
}

// What Parse reports besides a header. No error but ErrPart goes away with more
// bytes.
var (
	ErrPart      = errors.New("the PROXY header is not complete")
	ErrNone      = errors.New("there is no PROXY header")
	ErrTooLarge  = errors.New("the PROXY header is larger than 4096 bytes")
	ErrMalformed = errors.New("the PROXY header is malformed")
)
