// Package capacity finds the highest rate at which a server still meets its
// objectives.
//
// [Search] only decides which rate is tried next and when to stop; what a try
// is, and whether the objectives held, is the caller's [Try]. There is no
// clock, no I/O and no goroutine in here: tries are made one after the other on
// the caller's goroutine.
//
// It doubles the rate until one is missed, or halves it until one is held, and
// then narrows the gap by geometric means. Everything above a missed rate
// counts as missed. Machines are noisy, so neither end of the gap is believed
// at once: see settle in search.go.
package capacity
