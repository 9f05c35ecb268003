//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/e0ac7cd4/hotpath/tools/attack/catalog"
)

const (
	// slower is how much larger the good client's p99 may be beside an attack. What
	// counts is what it is within in three of four seconds: on a machine that is
	// shared, a moment without a processor is in the p99 of a whole minute, with an
	// attack or without.
	slower = 2

	// noise is a p99 below which its growth says more of the machine's timer and
	// scheduler than of the server.
	noise = 5 * time.Millisecond

	// refusal is how long a connection beyond the bulkhead may wait for its end.
	refusal = 100 * time.Millisecond
)

// judge finds what the row fails. What hotpath has to do to an offender, what it counts
// and what has to be left of it, no other server is held to.
func (r *row) judge(g *ground, f form) {
	fail := func(format string, args ...any) { r.faults = append(r.faults, fmt.Sprintf(format, args...)) }
	if r.broken != nil {
		fail("%v", r.broken)
	}
	if r.tally == nil {
		return // it was interrupted
	}
	if r.beside.Errors > 0 {
		fail("the good client had %d errors of %d (%s)", r.beside.Errors, r.beside.Requests, r.beside.Why)
	}
	if r.alone.Errors > 0 {
		fail("the good client alone had %d errors (%s)", r.alone.Errors, r.alone.Why)
	}
	if most := max(slower*r.alone.Usual, noise); f.strict && r.beside.Usual > most {
		fail("the good client's p99 is %v, want %v at most", r.beside.Usual, most)
	}
	growth, most := r.during.Memory-r.before.Memory, max(catalog.MaxGrowth, r.attack.PerClient*int64(r.clients))
	if growth > most {
		fail("memory grew by %d MiB, want %d at most", growth>>20, most>>20)
	}
	if g.name != hotpath {
		return
	}
	if !f.strict || r.length >= r.attack.Takes.Long {
		if wrong := r.attack.Wrong(r.tally, r.clients); wrong != "" {
			fail("%s", wrong)
		}
		if l := r.attack.Limit; l != "" && r.after.limits[l] <= r.before.limits[l] {
			fail("it is not counted as %s", l)
		}
	}
	if n := r.attack.Needs.Conns; n > 0 {
		if r.during.Permits != n {
			fail("%d connections at most, want %d", r.during.Permits, n)
		}
		if _, after := r.tally.Median(); f.strict && after > refusal {
			fail("a connection too many is closed after %v, want %v", after, refusal)
		}
	}
	if r.after.Panics > 0 {
		fail("%d panics", r.after.Panics)
	}
	if r.broken == nil {
		if r.after.Goroutines > r.before.Goroutines+r.resting() {
			fail("%d goroutines are left, %d were there before", r.after.Goroutines, r.before.Goroutines)
		}
		if r.after.Permits > 0 {
			fail("%d permits are left", r.after.Permits)
		}
		if r.after.Held > r.before.Held {
			fail("%d bytes are left in memory's account, %d were there before", r.after.Held, r.before.Held)
		}
		if r.busy > 0 {
			fail("the origin is answering %d requests that no client waits for", r.busy)
		}
	}
}

// passes reports whether the row has no fault.
func (r *row) passes() bool { return len(r.faults) == 0 }
