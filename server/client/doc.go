// Package client says who a client is: one place for the access log, for limits
// and for what upstreams are told.
//
//	client.go     the peer of a connection: who has connected, or whom a trusted
//	              balancer names in a PROXY header (package listen)
//	forwarded.go  the client of a request: the peer, or whom proxies name that
//	              the site trusts
//
// All of it is pure, and allocates nothing for what is well-formed.
package client
