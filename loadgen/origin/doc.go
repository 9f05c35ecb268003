// Package origin is an HTTP server to test an edge against: it answers as its
// rules say, well or badly, and counts what it was asked for.
//
//	rule.go, settings.go   what is answered by which path, and its parser
//	distribution.go        how long, or how large
//	content.go             the bytes of a resource: the same ones each time
//	handler.go             a request, step by step
//	body.go                the content, slowly or not to its end
//	count.go               what it had; fetch.go reads that of another process
//	server.go              listening, TLS, limits, the end
//
// What the n-th request of a rule meets, its latency, its status, whether it is
// cut off, depends on the seed, the rule and n alone, not on time or on what
// others do. What a resource has, its size, its bytes and its ETag, depends on
// the seed, the path with its query, and the request's fields that Vary names.
//
// Nothing is unbounded: connections, heads, contents that come (maxUpload) and
// go (maxSize), each wait (maxLatency, maxHold) and each write to a client that
// does not read (writeTime).
package origin
