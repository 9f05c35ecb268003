// Package metrics is a set of lock-free instruments behind one
// [prometheus.Collector].
//
// # Striping
//
// A [Set] owns a power-of-two number of stripes. Every instrument has its own
// cell in every stripe, and the stripes lie on cache lines of their own, so two
// cores that count on different stripes never write to the same line. A
// connection takes a [Stripe] with [Set.Stripe] once and keeps it for life: the
// goroutine that owns the connection then counts with one uncontended atomic
// add. Any Stripe value is valid on any instrument, and any number of
// goroutines may share one: that costs speed, never a count.
//
// The stripes are summed only when Prometheus scrapes or Value is called. A
// sum is not a snapshot: what is added while it is taken may or may not be in
// it. It never counts anything twice and a counter never goes back.
//
// # Labels
//
// Label values are fixed when an instrument is made and every series exists
// from then on, at zero. Counting names a series by small integers of its own
// type ([Protocol], [Class], [Limit]), so no label is looked up or hashed, and
// a peer cannot make a series.
//
// # Cost and limits
//
// Counting does not lock, allocate or read a clock. Counters wrap at 2^64. A
// name used twice in one Set panics when the second instrument is made, as does
// a label outside its type's constants when it is counted.
//
// [Hotpath] holds every instrument of hotpath; names, help texts and label
// values are in instruments.go and labels.go.
package metrics
