// Package h3 is the HTTP/3 engine: RFC 9114 for a server, on the connections of
// quic-go. QUIC with its cryptography, loss recovery and flow control is quic-go's,
// and field compression is its qpack's; frames, streams, limits and what becomes of
// a request are here, as they are in package h2 for HTTP/2.
//
// # Fast and slow path
//
// Each request has a stream, and a goroutine that reads its head. A hit is answered
// on that goroutine. Every other request goes to a [message.Handler] on a goroutine
// of its own, with the reply, inbox and buffers of package stream; the stream's
// goroutine sends what the handler writes, and waits for the client with it. Content
// of a request has a third goroutine, which receives it.
//
// # The life of a request, by file
//
//	conn.go      a connection: its streams, idleness, its end
//	hello.go     the unidirectional streams: SETTINGS, GOAWAY, QPACK's
//	frame.go     frames (RFC 9114 §7)
//	fields.go    field sections in and out (RFC 9204, the static table alone)
//	stream.go    a stream: it is answered or refused, and ends
//	head.go      a request's head is read
//	hit.go       what is stored goes out
//	exchange.go  the slow path: an exchange, and what its handler posts
//	receive.go   a request's content comes in, at the least rate or faster
//	send.go      bytes go out, at the least rate or faster
//	memory.go    what counts in the ledger, and who is cut
//	flight.go    what is sent and not acknowledged
//	count.go     what metrics and the access log have of it
//	drain.go     GOAWAY, twice
//
// # Ownership
//
// What a [Conn] shares among streams has a mutex or is atomic. A stream belongs to
// its goroutine but for what receive.go and memory.go say. Each wait for the peer has
// a deadline: a head, content, what it takes of an answer, a connection without a
// request. Dynamic tables of QPACK are switched off by what we send: what they save,
// a stream could be blocked by.
package h3
