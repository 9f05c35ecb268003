// Package h1 is the HTTP/1.x engine (RFC 9112) on a [wire.Conn]: every
// connection stays with it from its first request to its end.
//
// GET and HEAD are answered from memory in the turn that read them, kept alive
// and pipelined, by the fast path ([message.Source]). Everything else is an
// exchange: a handler on the slow path ([message.Handler]) answers on a
// goroutine of its own, through server/stream. There is one at a time on a
// connection; the requests behind it wait, unread but for a few KiB. What is not
// well-formed beyond doubt is refused by the engine itself with 400, 413, 414,
// 417, 431, 501 or 505, and is the connection's last: no handler gets it.
//
//	state.go     what a connection is doing, what may follow, until when
//	conn.go      a turn: messages, requests and contents in, answers out
//	parse.go     a request head; line.go its first line; fields.go the rest
//	hit.go       the fast path; repeat.go a request that was seen before
//	exchange.go  the slow path; inbox.go what its handler asks for
//	receive.go   a request's content, and chunked.go its chunks
//	reply.go     the head of an answer; send.go its content
//	refuse.go    answers of the engine's own
//
// A Conn belongs to the goroutine that called Serve; only Drain and Pending may
// be called by others. A handler reaches it by messages alone.
//
// A peer is waited for in these ways only: for a request (Idle), for the rest
// of a head (Head), for a request's content (Quantum bytes in each BodyTimeout),
// for the rest of a content that is not wanted (drainTime), in a tunnel
// (TunnelIdle), and for its reading, which package wire watches. It can make us
// hold a head (HeaderBytes), maxUnread bytes of content, readAhead bytes of what
// comes behind a request, and OutputBytes of answers.
package h1
