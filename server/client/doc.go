// Package client finds a client's address: one place for the access log, for
// limits and for what upstreams get.
//
//	client.go     the peer of a connection: the other end, or what a trusted
//	              balancer names in a PROXY header (package listen)
//	forwarded.go  the client of a request: the peer, or what the site's trusted
//	              proxies name
//
// All of it is pure, and allocates nothing for what is well-formed.
package client
