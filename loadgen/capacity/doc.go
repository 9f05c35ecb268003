// Package capacity finds the highest rate at which a server still meets its
// objectives.
//
// [Search] only decides which rate is tried next and when to stop; what a try
// is, and whether the objectives held, is the caller's [Try]. There is no
// clock, no I/O and no goroutine in here: tries are made one after the other on
// the caller's goroutine.
//
// It doubles the rate until one is missed, or halves it until one is held, and
// then narrows the gap by geometric means. It never tries less than the lowest
// rate that it is given: if that is missed, no rate holds. Everything above a
// missed rate counts as missed.
//
// Machines are noisy, so one try decides only on the way up, when a rate is
// held. Near the limit, and before anything is missed, as many must agree as
// [Config] says: see decide in search.go. Neither end of the gap is accepted
// after a single try: see settle. Tries that disagreed with the answer bound its
// noise: see [Result].
package capacity
