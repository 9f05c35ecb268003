// Package cache is a bounded cache in memory: sharded, least recently used
// first out, limited by entries and by bytes, with expiry. Each shard is a
// golang-lru list and map under a lock of its own.
//
// # Concurrency and ownership
//
// All methods may be called from any goroutine. A lookup takes the lock of one
// shard for some tens of nanoseconds, and does not allocate. Set and the calls
// that reserve take turns with each other, as a cache is filled by what is slower
// than it; lookups meet them only in the shard that just then stores or evicts.
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
// An expired entry stays, and is counted, until a lookup finds it or it is the
// least recently used.
//
// # Order
//
// With one shard the order is exact: the entry evicted is the one whose last
// Get or Set lies furthest back. With more shards time is counted in calls of
// Set: of two entries in different shards, both last used between the same two
// Set calls, either may go first. In all other cases the order across shards is
// exact too. Peek does not count as use.
//
// # Why one budget
//
// Shares for each shard would be simpler, and would refuse a 40 MiB value in a
// cache of 256 MiB with 8 shards, and evict from a full shard while others have
// room. Instead every entry remembers at which Set it was last used. The oldest
// entry of each shard bears the shard's lowest mark, so the victim is the
// lowest of the shards' oldest; see [Cache.Set] and clock.go.
package cache
