// Package stream is what an engine's connection and a handler share of one
// exchange, the same for HTTP/1.1 and HTTP/2:
//
//	handler ── Reply ──▶ Output ──▶ connection     output.go, reply.go
//	handler ◀── Body ◀───────────── connection     body.go
//	handler ── Message ──▶ Inbox ─▶ connection     inbox.go
//
// A Reply belongs to the handler's goroutine. Body, Output and Inbox are used
// by both sides, each with a mutex of its own. The connection never waits: it
// takes messages and output at its turn, and is woken by Inbox.Wake. The
// handler waits for room in the Output, and for content in the Body.
//
// What an Output or a Body holds counts, with all of its memory, on the ticket of
// its exchange in the server's ledger (package memory), from the first byte that
// waits to the last. A handler whose write finds no memory waits for the client to
// take what was written before, and fails if there is nothing of that.
//
// [Run] is the handler's goroutine, which a [Crew] keeps for the next. S names a
// stream in the engine's messages.
package stream
