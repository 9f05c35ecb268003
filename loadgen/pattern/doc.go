// Package pattern decides which request is sent n-th, so that load looks like the
// world: few resources are asked for often and many seldom, in several variants,
// in parts, and with the ETag that was seen last.
//
//	spec.go         what is asked for, and its parser
//	popularity.go   which key, in constant time
//	book.go         the requests: prepared when they are drawn first
//
// What the n-th request is depends on the spec and n alone: it is the same over
// any number of connections and machines, and in each run. Only whether a
// conditional request can be made depends on what came before it.
//
// Memory: a request that was drawn takes about a kilobyte, in each of its forms;
// there are at most MaxRequests keys and variants.
package pattern
