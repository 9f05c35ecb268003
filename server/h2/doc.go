// Package h2 is the HTTP/2 engine: RFC 9113 for a server, on a [wire.Conn].
//
// # Fast and slow path
//
// The fast path: a request that [message.Source] can answer, a hit, is answered
// on the connection's goroutine, in the turn that read it. The slow path: every
// other request goes to a [message.Handler] on a goroutine of its own, which
// reaches the connection through package stream's inbox and two bounded
// buffers, and never blocks it.
//
// # The life of a request, by file
//
//	conn.go       a turn: inbox, receive, transmit, flush; timeouts
//	recv.go       frames in: order, state, windows
//	headers.go    a header block becomes a request (package head), is refused, or is a repeat
//	repeat.go     a block seen before needs no decoding, nor its answer encoding
//	answer.go     a stored response goes out, at once or as a stream
//	handler.go    the slow path: an exchange, and its handler's goroutine
//	inbox.go      what handlers post: heads, whole responses, growing ones
//	tunnel.go     bytes both ways after an extended CONNECT (RFC 8441)
//	send.go       frames out: windows, fairness between streams
//	stream.go     a stream's state
//	waits.go      what the connection waits for, and until when
//	progress.go   what a stream waits for: what moves too slowly is ended
//	settings.go   ours and the peer's
//	count.go      what metrics and the access log count and keep of it
//	drain.go      GOAWAY, twice
//
// # Ownership
//
// A Conn belongs to the goroutine that called Serve, an exchange with its reply
// to the handler. What both use is package stream's, with a mutex of its own:
// Inbox, Output, Body.
package h2
