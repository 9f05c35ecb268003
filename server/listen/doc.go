// Package listen takes connections in and sends them on their way:
//
//	accept ─▶ permit ─▶ handshake permit ─▶ TLS ─▶ ALPN ─┬─ h2 ───────▶ server/h2
//	                                                     └─ http/1.1 ─▶ server/h1 ─▶ net/http
//
//	server.go     accept, the bulkheads, a connection's stations, the drain
//	nethttp.go    what the HTTP/1.1 loop gives up
//	tell.go       what the access log hears of it
//	tls.go        what TLS we speak, and with which certificate
//	files.go      how many descriptors there are
//	settle.go     memory given back after a rush
//
// # Bulkheads
//
// A connection has a permit from accept to close; where all are taken it is
// closed at once, so that its client can go elsewhere. A handshake, which costs
// a hundred times what a request does, has a permit of another kind; where all
// are taken it waits, within the deadline for the handshake.
//
// # Concurrency
//
// One goroutine accepts. A connection's handshake and its life have one each.
package listen
