// Package h1client is the HTTP/1.1 side of a load generator's connection: an
// engine on a [wire.Conn] that sends what an [exchange.Driver] gives it, one
// request in flight at a time, and reports the outcome of each.
//
// A turn takes what has arrived, and if that ends the response in flight the
// next request leaves in the same turn. There is no pipelining: a response that
// waits behind another would be measured with it. HTTP/1.1 cannot cancel a
// request either, so one that is overdue costs its connection.
//
// Responses are read by RFC 9112 as clients may read them: lines may end in LF
// alone, and fields may be folded, which is counted as a remark; with
// Config.Strict either is an error. Lengths leave no doubt. Nothing of a response
// is kept but its status, the size of its content and, if it is asked for, its
// digest, so reading one allocates nothing.
//
//	conn.go      a turn: a response in, a request out; deadlines
//	end.go       how an exchange ends, and how the connection does
//	parse.go     the head of a response, line by line
//	content.go   its content: counted, chunked, or up to the end
//	failures.go  what can be wrong with it
//
// A Conn belongs to the goroutine that called Serve, but for Stop. It borrows
// requests, which are immutable; it keeps no outcome after it was reported.
package h1client
