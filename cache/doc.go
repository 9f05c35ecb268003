// Package cache is a bounded cache in memory: sharded, limited by entries and by
// bytes, with expiry, and with an order of eviction that a scan does not upset and
// that sizes count in. Each shard is two golang-lru lists with their maps under a
// lock of its own.
//
// # Concurrency and ownership
//
// All methods may be called from any goroutine. A lookup takes the lock of one
// shard for some tens of nanoseconds, and does not allocate. Set and the calls
// that reserve take turns with each other, as a cache is filled by what is slower
// than it; lookups meet them only in the shard that just then stores or evicts. All
// looks at every entry and has a lookup wait for a few of them at most.
//
// Values are handed out without a copy and may be in use long after they left
// the cache: they must not change once they are set. Set keeps its key; Get,
// Peek and Remove only borrow theirs for the call.
//
// # Limits
//
// The limits of entries and bytes belong to the whole cache, not to its shards,
// and hold at every moment: an entry makes room before it is stored. So one
// value may take up to the whole byte limit, however many shards there are, and
// a cache holds its full number of entries however unevenly the keys fall.
//
// Counted are, for each entry, the length of the key, the size given at Set and
// [EntryOverhead], which is measured: with sizes that are right, the live heap
// stays within 1.05 of the byte limit even if there are only tiny entries. What
// the garbage collector leaves until its next cycle comes on top, and is the
// runtime's to bound (GOGC, GOMEMLIMIT).
//
// # Reservations
//
// The byte limit covers memory outside the cache too, if that is reserved in it:
//
//	used = bytes of entries + reserved <= limit
//
// [Cache.Reserve] makes room as Set does, and refuses what does not fit;
// [Cache.SetReserved] turns what is reserved into an entry; [Cache.Release] gives
// it back. [Cache.ForceReserve] alone may exceed the limit: it is for memory that
// an entry leaves behind in use when it is evicted. [Cache.Trim] then evicts, and
// says by how much the limit is exceeded nevertheless.
//
// An expired entry stays, and is counted, until a lookup finds it or it is
// evicted.
//
// # Order
//
// The order is that of S3-FIFO (Yang et al., FIFO Queues are All You Need for Cache
// Eviction, SOSP 2023), with a share that adapts as in ARC (Megiddo, Modha,
// FAST 2003) and a price by size. There are two queues, first in, first out:
//
//	new ──► probation ──► used? ──► main ◄──┐
//	            │                    │      │ used as often as its size asks for?
//	            ▼                    ▼──────┘
//	          evicted, a ghost     evicted, a ghost ──► asked for again: into main
//
// A use, by Get or by a Set of what is there, raises a count from 0 to 3 and moves
// nothing; Peek is no use. Who is to go is decided when room is needed. Probation
// loses an entry while it has more than its share, main otherwise. The oldest
// entry of probation goes on to main if it was used since it came; that of main has
// another round, at the price of one use, and more if it is much larger than the
// average and room is needed for bytes; while the share of probation is more than half,
// at the price of all its uses, whatever its size. What leaves is remembered for a while by its
// key's hash, half as many keys for each queue as there are entries; if it comes
// back it was used after all. Then the share of probation rises if it had left
// that too early, and falls if it had left main.
//
// So what is stored and never asked for again, as by a scan, passes through
// probation, and what is used stays. If what is new is popular and soon forgotten,
// probation becomes nearly the whole cache.
//
// The order is exact for all shards together: entries have turns, see clock.go.
//
// # Why one budget
//
// Shares for each shard would be simpler, and would refuse a 40 MiB value in a
// cache of 256 MiB with 8 shards, and evict from a full shard while others have
// room. Instead every entry bears the turn in which it joined its queue. The oldest
// entry of each shard bears the shard's lowest, so the oldest of all is the lowest
// of the shards' oldest.
package cache
