// Package rfc9111 is every decision of a shared HTTP cache: what may be stored,
// what may be reused, how a response is validated, updated and invalidated. It
// follows RFC 9111 (HTTP Caching), what belongs to it of RFC 9110 (HTTP
// Semantics), 5861 (stale-while-revalidate, stale-if-error), 8246 (immutable),
// 9213 (targeted fields) and 9211 (Cache-Status). The section stands at the
// line that decides.
//
// The way of a response:
//
//	Ask           the request, once                       asked.go
//	Reuse         may a stored response answer it?        reuse.go
//	Conditional   the fields that revalidate stored ones  validate.go
//	Store         may the answer be stored, and how long  store.go
//	Kept          the fields that are stored              fields.go
//	Selects       is a 304 about this stored one?         validate.go
//	Freshen       what a 304 changes                      validate.go
//	HeadFreshens  what a HEAD says of a stored response   validate.go
//	Invalidates   what a successful change makes obsolete invalidate.go
//
// A 304 that [Selects] a stored response is merged with [Freshen]; the merged
// fields then go through [Store] and [Kept] like a new response's.
//
// Everything is a function of its arguments: no I/O, no clock, no state, so
// all of it is safe for concurrent use. [Ask], [Reuse], [MayServeOnError] and
// the methods of [Policy] do not allocate. Field names are in lower case, as
// HTTP/2 has them; field values are without the whitespace around them, but
// nothing depends on it. Arguments are borrowed for the call and never changed;
// what is returned shares the strings of the fields.
//
// Times count in whole seconds, as those of HTTP do, rounded to the side that
// makes a response older. Durations that pass 2^31-1 s are capped there (RFC
// 9111 §1.2.2).
package rfc9111
