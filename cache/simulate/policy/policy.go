// Package policy has the policies of eviction that the simulator compares: the
// cache's own, by the cache itself, and others in their plainest form. Each
// is bounded by the sum of costs in bytes. None is for use by several goroutines.
package policy

// Policy is a cache of objects without content.
type Policy interface {
	// Access looks an object up, stores it with its cost in bytes, 1 or
	// more, if it is not there, and reports whether it was.
	Access(id uint64, cost int64) (hit bool)
}

// Named makes a policy whose limit is so many bytes.
type Named struct {
	Name string
	Make func(limit int64) Policy
}

// All are the policies of this package, the plainest first.
var All = []Named{
	{"lru", func(limit int64) Policy { return newLRU(limit) }},
	{"sieve", func(limit int64) Policy { return newSieve(limit) }},
	{"s3-fifo", func(limit int64) Policy { return newS3FIFO(limit) }},
	{"gdsf", func(limit int64) Policy { return newGDSF(limit, 1) }},
	{"gdsf, size^0.3", func(limit int64) Policy { return newGDSF(limit, 0.3) }},
	{"hotpath", func(limit int64) Policy { return newHotpath(limit) }},
}
