// Package proxy is the origin that fetches from other HTTP servers: a reverse proxy
// (a gateway in the words of RFC 9110 §3.7) behind [origin.Request] and
// [origin.Sink].
//
// # The way of a fetch
//
//   - request.go writes the request anew from what was parsed: no byte of the
//     client's head is copied but the path, values and names that passed the
//     engine's checks; forwarded.go names the client.
//   - balance.go chooses an upstream; upstream.go holds its state: what runs
//     there, what failed lately (passive.go), what the checks say (health.go).
//   - fetch.go tries it, and tries again if retry.go allows it.
//   - transport.go and conn.go connect: the pools are net/http's, but every
//     byte of an HTTP/1.1 upstream passes framer.go first, which accepts strict
//     RFC 9112 only and finds the byte at which a response ends.
//   - response.go hands the head, the content and the trailers to the Sink;
//     tunnel.go copies both ways after an upgrade.
//   - watch.go is the clock of a fetch: no wait for a peer lasts longer than
//     [Timeouts] says.
//   - errors.go names what went wrong in the words of RFC 9209 §2.3.
//
// # Concurrency and ownership
//
// A [Proxy] is safe for concurrent use. Fetch runs on the caller's goroutine;
// a tunnel takes one more for its duration. The Sink is called by one goroutine
// at a time, but Inform may be called from another goroutine than Fetch's.
// Fetch copies the strings of the request that it needs after it returns, and
// does not return while the request's Body is being read. So that this ends, a
// Body must return from Read when Fetch's context ends; a Body that is also an
// [io.Closer] is closed as soon as nothing more is needed from it, which should
// make a pending Read return.
//
// # Limits
//
// A response head has at most 64 KiB and 256 fields, a trailer section 3 KiB in
// HTTP/1.1, a response at most 32 informational heads before it. A fetch holds one buffer
// of 32 KiB; an HTTP/1.1 connection two of 4 KiB; an HTTP/2 connection at most
// 1 MiB of content that was received and is not yet delivered.
package proxy
