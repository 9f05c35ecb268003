// Package store is what is stored: responses, the variants of a resource, and
// what is remembered of resources that may not be stored. It is the one user of
// the cache, and accounts for it to the memory ledger.
//
//	key                  ─▶ Entry: a response
//	key                  ─▶ Entry: Vary ─▶ key + selecting fields ─▶ Entry: a response
//	key                  ─▶ Entry: a mark that the resource is not stored
//
// An entry outlives its freshness as long as it is of use (RFC 9111 §4.3, RFC
// 5861): whether it may be served is for its policy to say.
//
// All methods are safe for concurrent use. Find does not block or allocate.
package store
