// Package listen takes connections in and sends them on their way:
//
//	accept ─▶ permit ─▶ [PROXY header] ─▶ ClientHello ─▶ place ─▶ TLS ─┐
//	                                   ┌─ h2 ─▶ server/h2             │
//	                                   └─ else ▶ server/h1 ◀── ALPN ◀──┘
//
//	server.go       accept, a client's limit, permits, the drain
//	station.go      where a connection is on its way
//	greet.go        the wait for a ClientHello
//	proxyheader.go  the peer's address, if a balancer names it
//	places.go       the places of handshakes in progress, and the wait for one
//	plain.go        the answer to HTTP without TLS
//	quic.go         the same for QUIC, whose connections are server/h3's
//	arrival.go      a connection of QUIC from its first packet on
//	handshake.go    the handshake
//	tls.go          what TLS we speak
//	files.go        how many descriptors there are
//	settle.go       memory given back after a rush
//
// # Bulkheads
//
// A connection has a permit from accept to close; if all are taken it is
// closed at once, so that its client can go elsewhere. A handshake, which costs
// a hundred times what a request does, has a place as well; if all are taken it
// waits, within the deadline for the handshake. It takes one when the whole
// ClientHello is there: a peer that is silent before costs a descriptor, a
// permit and a small stack, for Config.HelloTimeout at most, within which a PROXY
// header has to come, too. One that is silent
// behind its ClientHello holds a place for as long as no other needs it.
//
// A connection of QUIC has a permit from its first packet on, of the same. Its
// handshake has no place to wait for: what is beyond as many handshakes is refused,
// and the client goes on over TCP. Before that, at an eighth of them, its address is
// validated (Retry), so that a flood from forged addresses costs a packet each.
//
// # Concurrency
//
// One goroutine accepts. A connection's greeting, its handshake and its life have
// one each, one after the other.
package listen
