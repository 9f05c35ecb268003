// Package memory is the server's ledger of the bytes that it holds for what is
// stored, arriving and being sent, within one limit: that of the cache.
//
//	limit >= stored      entries, which the cache counts itself
//	       + arriving    bodies that are being received: Take, Give; exchanges in
//	                     progress: Share
//	       + lingering   bodies that no entry holds any more, and that are still
//	                     being sent: Pins
//	       + buffered    what waits for a peer or for a handler that may be slow:
//	                     Ticket.Take, Ticket.Give
//	       + aside       what the runtime holds beside all that: SetAside, which
//	                     LimitGarbage calls
//
// All but the first are reservations in the cache, which evicts entries for
// them. What can be refused is (Take reports false). What is in use already,
// a body whose entry leaves while slow streams send it, is counted by force; if
// that exceeds the limit, the slowest senders are cut until it fits.
//
// # Arithmetic of a body
//
// [Pins] is one word: how many senders send the body, and how many entries hold
// it. It lingers if and only if
//
//	senders > 0 and entries = 0
//
// Each of [Ledger.Stored], [Ledger.Evicted], [Ledger.Pin] and [Ledger.Unpin] is
// one atomic addition, and compares whether the body lingered before it with
// whether it does after it; if not equal, the size is added to or taken from a
// sum. Additions to one word have one order, so the differences of any number of
// concurrent calls telescope: the sum is the size of all that lingers, whatever
// the order in which the differences reach it. In between it may be early or
// late by the calls under way, and is never trusted below 0.
//
// The cache's reservation follows that sum before the call returns, under a lock
// in which nothing is evicted. Then one goroutine at a time evicts, for all
// others, and cuts: an eviction may make another body linger, and the call for
// that counts it and leaves a mark. So the chain is a loop, not a recursion.
//
// # Bounds
//
// Nothing new is taken while the limit is reached. It is exceeded only by bodies
// that were counted before, as entries: between their eviction and the call of
// Evicted, by what each Set or Take under way evicts; and after it by what the
// senders hold that have been cut and are not gone. Not counted is a response
// within the turn that looked it up, which neither waits nor pins.
//
// What lingers and what is buffered together may take half of what is not set
// aside, so that clients that read nothing cannot empty the cache; beyond it the slowest are
// cut, too. So may exchanges, beyond which new ones are refused. Of those that wait for
// an origin only some of connections that have more than is fair are ended, when others
// need what they have: see shares.go.
//
// # Who is cut
//
// A sender helps if it has output buffered or sends a body that lingers, of which
// it counts for an equal share with all that send the same one. Among them those
// with the lowest rate since they began go first, and of rates within a factor of
// two those that free most. A sender is cut once; what it frees is on its way
// until it leaves, and no other is cut for it. See choose.go.
//
// # Concurrency
//
// All methods may be called from any goroutine, also from the cache's OnEvict. No
// lock is held when an entry may be evicted or a [Sender] is cut. Neither may
// panic.
package memory
