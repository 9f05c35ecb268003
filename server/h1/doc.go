// Package h1 is the HTTP/1.1 loop for hits, on a [wire.Conn]: GET and HEAD,
// kept alive and pipelined, answered from memory in the turn that read them.
//
// What it knows is a small, strict part of RFC 9112: a request line with an
// absolute path, fields on a line each, no body. A request that could be
// answered from memory but is not there yet is fetched (conn.go), and the
// requests behind it wait. Any other request, the malformed ones included,
// makes it give the connection up, with the bytes of that request unread, to
// net/http, which stays with it to its end. So there is one judge of what is
// rare, and none of it on the hot path.
//
//	conn.go     a turn: requests in, answers out; timeouts
//	parse.go    a request head, where it is plain
//	answer.go   a stored response goes out
//
// A Conn belongs to the goroutine that called Serve, but for the result of a
// fetch.
package h1
