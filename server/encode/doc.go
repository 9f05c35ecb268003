// Package encode makes and chooses content codings (RFC 9110 §8.4): gzip, Brotli
// and Zstandard, the last two with a dictionary too (RFC 9842).
//
//	request ─ ParseAccept ─▶ Accept ─┐
//	                                 ├─ Policy.Pick ─▶ the coding that answers, and the one to be made
//	what there is ─────────▶ Mask ───┘                                              │
//	              Queue.Offer ◀─────────────────────────────────────────────────────┘
//	                 └─ a goroutine of few ─ Encoders.Encode ─▶ bytes
//
// What is coded is a response that is stored, once, while it is served as it is:
// no request waits for it. Nothing is ever decoded.
//
// # Concurrency
//
// Accept, Mask and Policy are values, or immutable. All methods of [Queue] are
// safe for concurrent use. [Encoders] belong to one goroutine.
//
// # Limits
//
// A content has [MaxContent] bytes at most; what coding it takes, beside its
// result, is [Memory], which coders keep of a [Ledger] as long as they are kept; and
// its result stops at what is worth it ([Worth]). The queue has [MaxQueued] places,
// and drops what is beyond it.
package encode
