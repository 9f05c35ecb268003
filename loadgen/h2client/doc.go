// Package h2client is the client side of an HTTP/2 connection, made for load:
// it sends what an [exchange.Driver] hands out and reports the outcomes to it.
//
// One goroutine owns a connection. In a turn (see internal/wire) it handles
// every frame that has arrived, then opens a stream for every ticket that is
// due, and flushes once: a batch of responses costs a read, a batch of requests
// a write.
//
// # Speed
//
//   - A request that was sent before on the connection is a few references into
//     the HPACK table, the same bytes each time: they are kept, not encoded again.
//   - A response head that came before is compared, not decoded.
//   - Streams live in a table of slots (streams.go): no map, no allocation.
//   - Content is counted where it was decrypted, never copied.
//
// # What is verified
//
// Framing and HPACK (as strictly as the server checks its clients), the fields
// of heads and trailers, the status, content-length against the bytes that
// came, and, if it is asked for, the SHA-256 of a success's content.
//
// # Limits
//
// A header block may have 64 KiB. Streams are bounded by Config.Streams and by
// the server's SETTINGS_MAX_CONCURRENT_STREAMS, 100 until that has come.
package h2client
